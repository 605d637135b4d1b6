import type { Millis } from '../base/core.ts'
import { checkNumber } from '../base/options.ts'

/** Everything about the one-hop DHT that can be tuned. Durations in ms, sizes in bytes. */
export interface KvTunables {
  /** A put fails when it has too few acknowledgements by then. @default 2000 */
  readonly putTimeoutMs: Millis
  /** A get that nobody could answer fails then. @default 2000 */
  readonly getTimeoutMs: Millis
  /** Pause before a request is sent again; the waits after it are half as long again. @default 400 (guess) */
  readonly retryMs: Millis
  /** How often one request is sent to one peer before the peer counts as silent. @default 3 */
  readonly tries: number
  /** Bounds of the pause before a read asks another replica: the 95th percentile of latencies. @default 5, 200 */
  readonly hedgeMsMin: Millis
  readonly hedgeMsMax: Millis
  /** Share of reads that compare the answer with one more replica afterwards. @default 0.05 */
  readonly readCheckShare: number
  /** A write that cannot succeed any more waits this long for stragglers, to report exact acks. @default 100 */
  readonly failGraceMs: Millis
  /** A peer that failed is asked last for so long, twice as long with each failure in a row. @default 2000 */
  readonly avoidMs: Millis
  /** Operations of callers under way. @default 8192 */
  readonly operationsMax: number
  /** Stored records and all their bytes. @default 65536, 256 MiB */
  readonly recordsMax: number
  readonly storeBytesMax: number
  /** Values of one author that one replica holds, and their bytes. @default 1024, 16 MiB */
  readonly authorRecordsMax: number
  readonly authorBytesMax: number
  /** Immutable values of one author, which large values are made of. @default 4096, 160 MiB: two of 64 MiB */
  readonly authorChunksMax: number
  readonly authorChunkBytesMax: number
  /** Deletions of one author that are still remembered; their bytes as those of values. @default 8192 */
  readonly authorTombstonesMax: number
  /** Keys that this node remembers to have written. @default 65536 */
  readonly ownKeysMax: number
  /** Request cost a second that a member, or another peer, may cause; the burst is twice it. @default 1000, 50 */
  readonly memberCostPerSecond: number
  readonly strangerCostPerSecond: number
  /** Mean pause between comparisons with each neighbour, and full rounds of repair, ± 30 %. @default 30000 */
  readonly repairPeriodMs: Millis
  /** Mean pause between a change of members and its round of repair, ± 50 %, to gather changes. @default 200 */
  readonly repairDelayMs: Millis
  /** Mean pause, ± 50 %, before holders that are not the first of a record compare with a new replica. @default 3000 */
  readonly repairLaterMs: Millis
  /** Pushed and not yet acknowledged bytes for one peer. @default 65536 */
  readonly pushBytesMax: number
  /** Peers being repaired at once. @default 16 */
  readonly sessionsMax: number
  /** Pause between slices of the expiry sweep. @default 5000 */
  readonly sweepPeriodMs: Millis
  /** With more members than this the replicas of a key are found by searches of Kademlia. @default 4000 */
  readonly oneHopMembersMax: number
  /** A search of Kademlia may take so long. @default 1000 (guess) */
  readonly searchMs: Millis
  /** Searches of Kademlia under way. @default 16 */
  readonly searchesMax: number
}

export const KV_TUNABLES: KvTunables = {
  putTimeoutMs: 2_000,
  getTimeoutMs: 2_000,
  retryMs: 400,
  tries: 3,
  hedgeMsMin: 5,
  hedgeMsMax: 200,
  readCheckShare: 0.05,
  failGraceMs: 100,
  avoidMs: 2_000,
  operationsMax: 8_192,
  recordsMax: 65_536,
  storeBytesMax: 256 * 1024 * 1024,
  authorRecordsMax: 1_024,
  authorBytesMax: 16 * 1024 * 1024,
  authorChunksMax: 4_096,
  authorChunkBytesMax: 160 * 1024 * 1024,
  authorTombstonesMax: 8_192,
  ownKeysMax: 65_536,
  memberCostPerSecond: 1_000,
  strangerCostPerSecond: 50,
  repairPeriodMs: 30_000,
  repairDelayMs: 200,
  repairLaterMs: 3_000,
  pushBytesMax: 65_536,
  sessionsMax: 16,
  sweepPeriodMs: 5_000,
  oneHopMembersMax: 4_000,
  searchMs: 1_000,
  searchesMax: 16,
}

/** More replicas than this are not a DHT. */
export const REPLICATION_MAX = 32

/** Fills in defaults. @throws {TypeError} @throws {RangeError} on values that cannot work */
export function kvTunables(given: Partial<KvTunables> = {}): KvTunables {
  const tunables: KvTunables = { ...KV_TUNABLES, ...given }
  for (const [name, value] of Object.entries(tunables)) {
    checkNumber(`kv.${name}`, value, { min: 0, max: Number.MAX_SAFE_INTEGER })
  }
  checkNumber('kv.tries', tunables.tries, { min: 1, max: 10, isInteger: true })
  checkNumber('kv.retryMs', tunables.retryMs, { min: 1, max: 60_000 })
  checkNumber('kv.hedgeMsMax', tunables.hedgeMsMax, { min: tunables.hedgeMsMin, max: 60_000 })
  return tunables
}
