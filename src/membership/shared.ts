import type { Millis, Outbox } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import type { Flood } from './flood.ts'
import type { Health } from './health.ts'
import type { Link } from './link.ts'
import type { MembershipOutput } from './member.ts'
import type { MembershipOptions, Tunables } from './options.ts'
import type { RecordCache } from './record-cache.ts'
import type { Entry, Table } from './table.ts'

/** Outer links are pinged every five periods; beyond that they are no witnesses. */
const WITNESS_PERIODS = 3

/** What all parts of one membership core work on. */
export interface Shared {
  readonly options: MembershipOptions
  readonly tunables: Tunables
  readonly outbox: Outbox<MembershipOutput>
  readonly table: Table
  readonly records: RecordCache
  readonly links: Map<PeerId, Link>
  readonly flood: Flood
  readonly health: Health
  readonly pulse: Pulse
}

/** The last sign of life from anybody. */
export interface Pulse {
  heardAt: Millis
}

/** Living members besides `subject` whose word reached this node lately, this node included. */
export function witnessesHeard(shared: Shared, subject: Entry, now: Millis): number {
  let heard = 1
  for (const link of shared.links.values()) {
    if (now - link.lastHeardAt > WITNESS_PERIODS * shared.tunables.probePeriodMs) continue
    const entry = shared.table.of(link.peerId)
    if (entry?.state === 'alive' && entry !== subject) heard += 1
  }
  return heard
}

/** The earlier of two deadlines. */
export function earlier(a: Millis | undefined, b: Millis | undefined): Millis | undefined {
  if (a === undefined) return b
  return b === undefined || a < b ? a : b
}
