import type { Millis, Outbox } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import type { CastSurroundings } from './casts/cast-context.ts'
import type { Flood } from './flood.ts'
import type { Health } from './health.ts'
import type { Lateness } from './lateness.ts'
import type { Link } from './link.ts'
import type { MembershipOutput } from './member.ts'
import type { MembershipOptions, Tunables } from './options.ts'
import type { RecordCache } from './record-cache.ts'
import { type Entry, isLive, type Table } from './table.ts'

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
  readonly lateness: Lateness
  readonly pulse: Pulse
}

/** A node that heard nobody for this many probe periods holds all others for unreachable. */
export const ISOLATED_PERIODS = 3

/** The member at the other end of a link, undefined while nothing is known of it: asked for each frame. */
export function memberOn({ table }: Shared, link: Link): Entry | undefined {
  if (link.entry?.isRemoved !== false) link.entry = table.of(link.peerId)
  return link.entry
}

/** A timer later than this says that this node cannot do all that it has to. */
export const LATE_MS = 100
/** For so long after it was late a node is slow. */
const SLOW_MS = 3_000

/** When this node last heard, and when it was last too busy to. */
export interface Pulse {
  /** The last sign of life from anybody. */
  heardAt: Millis
  /** When a timer of this node was last later than {@link LATE_MS}. */
  lateAt: Millis
}

/** Whether this node was late of late: what it misses it may have missed by its own fault. */
export function isSlow(pulse: Pulse, now: Millis): boolean {
  return now - pulse.lateAt < SLOW_MS
}

/** Whether anybody was heard lately: if not, silence says nothing of one of them. */
export function hearsAnybody({ pulse, tunables }: Shared, now: Millis): boolean {
  return now - pulse.heardAt < ISOLATED_PERIODS * tunables.probePeriodMs
}

/** Living members besides `subject` whose word reached this node lately, this node included. */
export function witnessesHeard(shared: Shared, subject: Entry, now: Millis): number {
  let heard = 1
  for (const link of shared.links.values()) {
    if (now - link.lastHeardAt > WITNESS_PERIODS * shared.tunables.probePeriodMs) continue
    const entry = memberOn(shared, link)
    if (entry?.state === 'alive' && entry !== subject) heard += 1
  }
  return heard
}

/** The earlier of two deadlines. */
export function earlier(a: Millis | undefined, b: Millis | undefined): Millis | undefined {
  if (a === undefined) return b
  return b === undefined || a < b ? a : b
}

/** The membership as broadcasts see it. */
export function castSurroundings(shared: Shared, self: Entry): CastSurroundings {
  const { options, outbox, table, flood } = shared
  const memberOf = (entry: Entry): { peerId: PeerId; epoch: number } => {
    return { peerId: entry.peerId, epoch: entry.claims.record.epoch }
  }
  return {
    signer: options.signer,
    network: options.network,
    outbox,
    memberOf: (publicKey) => {
      const entry = table.find(publicKey)
      return entry === undefined ? undefined : memberOf(entry)
    },
    self: () => memberOf(self),
    live: () => {
      const asked = (entry: Entry): boolean => isLive(entry) && !table.isObserver(entry)
      return [...table.entries()].filter(asked).map(({ peerId }) => peerId)
    },
    liveCount: () => table.speakerCount,
    tell: (link, rumour, now) => flood.tell(link, rumour, now),
  }
}
