import type { Millis, StoreWrite } from '../../base/core.ts'
import type { Group } from '../group/group.ts'
import type { ReplicationTunables } from '../options.ts'
import { isHolding } from './restore.ts'
import { forgottenRows, SnapshotJob } from './snapshot.ts'

/** Decides when groups get a new snapshot and when their logs shrink. */
export class Snapshots {
  readonly #tunables: ReplicationTunables
  readonly #jobs = new Map<Group, SnapshotJob>()

  constructor(tunables: ReplicationTunables) {
    this.#tunables = tunables
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
    if (this.#isTailLong(group) && !this.#jobs.has(group) && !isHolding(group)) {
      this.#jobs.set(group, new SnapshotJob(group, stamp))
      group.tailBytes = 0
      group.tailEvents = 0
    }
    return this.shrink(group, now)
  }

  #isTailLong({ tailBytes, tailEvents, snapshotBytes, state }: Group): boolean {
    const { snapshotTailBytes, snapshotTailEvents } = this.#tunables
    return (
      tailBytes >= Math.max(snapshotTailBytes, snapshotBytes / 2) ||
      tailEvents >= Math.max(snapshotTailEvents, state.entries / 2)
    )
  }

  /** Forgets what the log's budget no longer covers. */
  shrink(group: Group, now: Millis): readonly StoreWrite[] {
    const { logBytesMax, logAgeMs } = this.#tunables
    const limits = { bytesMax: logBytesMax, since: now - logAgeMs, coveredBy: group.coveredBy }
    return forgottenRows(group, group.log.shrink(limits))
  }

  /** The next part of one snapshot: one atomic batch, of a state all of which is in the store or goes with it. */
  step(now: Millis): readonly StoreWrite[] {
    const next = this.#jobs.entries().next()
    if (next.done === true) return []
    const [group, job] = next.value
    const { writes, isDone } = job.step()
    if (!isDone) return writes
    this.#jobs.delete(group)
    return [...writes, ...this.shrink(group, now)]
  }
}
