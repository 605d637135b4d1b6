import type { Millis, Outbox } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import type { Flood } from './flood.ts'
import type { Health } from './health.ts'
import type { Link } from './link.ts'
import type { MembershipOutput } from './member.ts'
import type { MembershipOptions, Tunables } from './options.ts'
import type { Table } from './table.ts'

/** What all parts of one membership core work on. */
export interface Shared {
  readonly options: MembershipOptions
  readonly tunables: Tunables
  readonly outbox: Outbox<MembershipOutput>
  readonly table: Table
  readonly links: Map<PeerId, Link>
  readonly flood: Flood
  readonly health: Health
}

/** The earlier of two deadlines. */
export function earlier(a: Millis | undefined, b: Millis | undefined): Millis | undefined {
  if (a === undefined) return b
  return b === undefined || a < b ? a : b
}
