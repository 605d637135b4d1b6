import { checkNumber } from '../base/options.ts'
import type { Random } from '../base/random.ts'
import { GROUP_DEFAULTS } from './group/group-defaults.ts'

/** How a replica spreads, compares and limits. Times in ms. */
export interface ReplicationTunables {
  /** Pause between two digest comparisons while something changes, ± 30 %. @default 1_000 (design) */
  readonly antiEntropyMs: number
  /** The pause doubles up to this while replicas are equal: less traffic, later repair. @default 15_000 (design) */
  readonly antiEntropyMsMax: number
  /** Pushes and acks are gathered this long under load; a first one leaves at once. @default 2 (guess) */
  readonly flushMs: number
  /** A push not acked for this long leads to a comparison with that peer. @default 500 (guess) */
  readonly ackTimeoutMs: number
  /** A pull without news for this long is given up; doubles up to four times. @default 1_000 (guess) */
  readonly pullTimeoutMs: number
  /** A pull yields to other peers after this long. @default 10_000 (guess) */
  readonly pullTurnMs: number
  /** Payload bytes in flight to one puller. @default 1_048_576 (design) */
  readonly windowBytes: number
  /** Payload bytes a second served to one peer; a burst is a quarter. @default 67_108_864 (guess) */
  readonly serveBytesPerSecond: number
  /** Events or entries of an answer that are gathered in one turn. @default 4_096 (measured: some 3 ms) */
  readonly serveTurnEvents: number
  /** Larger transactions are announced, not pushed. @default 65_536 (guess) */
  readonly pushBytesMax: number
  /** Groups a node keeps; further ones are dropped and counted. @default 1_024 (design) */
  readonly groupsMax: number
  /** Pulls under way at once, one a group. @default 16 (guess) */
  readonly pullsMax: number
  /**
   * Bytes of log rows after which a snapshot is written, if they are half of the one before.
   * @default 1_048_576 (measured: replayed in some 50 ms)
   */
  readonly snapshotTailBytes: number
  /**
   * Events of the log after which a snapshot is written, if they are half as many as there are entries.
   * @default 262_144 (measured: replayed in some 80 ms)
   */
  readonly snapshotTailEvents: number
  /** Bytes of log kept a group to serve from. @default 67_108_864 (design) */
  readonly logBytesMax: number
  /** Log older than this is forgotten once a snapshot covers it. @default 86_400_000 (design) */
  readonly logAgeMs: number
  /** Events staged a group because earlier ones are missing. @default 65_536 (design) */
  readonly stagedEventsMax: number
  /** Bytes staged a group. @default 16_777_216 (design) */
  readonly stagedBytesMax: number
  /** Kills that wait for events which have not come, all groups together. @default 1_048_576 (guess: 50 MB) */
  readonly waitingKillsMax: number
  /**
   * Entries that a base may bring and end in place, at once. Beyond it the new state is built beside the old one
   * in steps, for which both need memory. @default 4_096 (measured: some 4 ms)
   */
  readonly mergeInPlaceMax: number
  /** Entries or events of one such step. @default 2_048 (measured: some 2 ms) */
  readonly mergeStepEntries: number
  /** Bytes of incomplete large transactions, all groups together. @default 33_554_432 (guess) */
  readonly fragmentBytesMax: number
}

export interface ReplicationOptions extends Partial<ReplicationTunables> {
  /** Whether changes carry what exactly changed: costs a look at each entry. @default false */
  readonly tellsDiffs?: boolean
  /**
   * Where the store lies, at most 256 bytes of UTF-8: another text than at the last start means that it was
   * copied, and the copy writes under ids of its own. @default not compared
   */
  readonly place?: string | undefined
  /** This node only reads: it passes on nothing, and nobody would take it in. @default false */
  readonly isObserver?: boolean
  /** Mints replica ids, spreads timers. */
  readonly random: Random
}

const NOT_NUMBERS: ReadonlySet<string> = new Set(['random', 'tellsDiffs', 'place', 'isObserver'])

export const REPLICATION_DEFAULTS: ReplicationTunables = {
  ...GROUP_DEFAULTS,
  antiEntropyMs: 1_000,
  antiEntropyMsMax: 15_000,
  flushMs: 2,
  ackTimeoutMs: 500,
  pullTimeoutMs: 1_000,
  pullTurnMs: 10_000,
  windowBytes: 1 << 20,
  serveBytesPerSecond: 64 << 20,
  serveTurnEvents: 4_096,
  pushBytesMax: 64 << 10,
  groupsMax: 1_024,
  pullsMax: 16,
  snapshotTailBytes: 1 << 20,
  snapshotTailEvents: 1 << 18,
  logAgeMs: 86_400_000,
  mergeInPlaceMax: 4_096,
  mergeStepEntries: 2_048,
  fragmentBytesMax: 32 << 20,
}

/** Fills in defaults and checks ranges. @throws {TypeError} @throws {RangeError} */
export function replicationTunables(options: ReplicationOptions): ReplicationTunables {
  const tunables = { ...REPLICATION_DEFAULTS, ...options }
  for (const [name, value] of Object.entries(tunables)) {
    if (NOT_NUMBERS.has(name)) continue
    const min = name === 'flushMs' ? 0 : 1
    checkNumber(name, value, { min, max: Number.MAX_SAFE_INTEGER })
  }
  if (tunables.antiEntropyMsMax < tunables.antiEntropyMs) {
    throw new RangeError(
      `Cannot use option antiEntropyMsMax: below antiEntropyMs: ${tunables.antiEntropyMsMax}`,
    )
  }
  return tunables
}
