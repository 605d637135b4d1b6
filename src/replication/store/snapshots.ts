import type { Millis, StoreWrite } from '../../base/core.ts'
import type { Group } from '../group/group.ts'
import type { ReplicationTunables } from '../options.ts'
import { isHolding } from './restore.ts'
import { forgottenRows, SnapshotJob } from './snapshot.ts'

/** Decides when groups get a new snapshot and when their logs shrink. */
export class Snapshots {
  readonly #tunables: ReplicationTunables
  readonly #persist: (writes: readonly StoreWrite[]) => void
  readonly #jobs = new Map<Group, SnapshotJob>()

  constructor(tunables: ReplicationTunables, persist: (writes: readonly StoreWrite[]) => void) {
    this.#tunables = tunables
    this.#persist = persist
  }

  /** Whether a snapshot is being written: each `flush` writes a part. */
  get isBusy(): boolean {
    return this.#jobs.size > 0
  }

  /**
   * After a row of the log: begins a snapshot when a start would replay too much.
   * @param stamp highest so far @returns rows of the log to forget
   */
  saved(group: Group, stamp: number, now: Millis): readonly StoreWrite[] {
    const { snapshotTailBytes } = this.#tunables
    const isLong = group.tailBytes >= Math.max(snapshotTailBytes, group.snapshotBytes / 2)
    if (isLong && !this.#jobs.has(group) && !isHolding(group)) {
      this.#jobs.set(group, new SnapshotJob(group, stamp))
      group.tailBytes = 0
    }
    return this.shrink(group, now)
  }

  /** Forgets what the log's budget no longer covers. */
  shrink(group: Group, now: Millis): readonly StoreWrite[] {
    const { logBytesMax, logAgeMs } = this.#tunables
    const limits = { bytesMax: logBytesMax, since: now - logAgeMs, coveredBy: group.coveredBy }
    return forgottenRows(group, group.log.shrink(limits))
  }

  /** Writes the next part of one snapshot. */
  step(now: Millis): void {
    const next = this.#jobs.entries().next()
    if (next.done === true) return
    const [group, job] = next.value
    const { writes, isDone } = job.step()
    if (!isDone) {
      this.#persist(writes)
      return
    }
    this.#jobs.delete(group)
    this.#persist([...writes, ...this.shrink(group, now)])
  }
}
