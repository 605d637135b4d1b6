import type { Millis } from '../../base/core.ts'
import type { ReplicaId } from '../../base/ids.ts'
import type { Lanes } from '../../crdt/event-draft.ts'
import { chainAfter } from '../../crdt/run-head.ts'
import type { Reissue } from '../identity/reissue.ts'

/** A run that is part of the state here. */
export interface LoggedRun {
  readonly replica: ReplicaId
  /** Interned in the group. */
  readonly writer: number
  readonly n0: number
  /** Events. */
  readonly count: number
  /** Of its last transaction. */
  readonly stamp: number
  /** The same content for good; run-slabs.ts moves it once. */
  bytes: Uint8Array
}

/** Runs that became durable together. */
export interface LogRow {
  readonly sequence: number
  readonly runs: readonly LoggedRun[]
  readonly bytes: number
  readonly at: Millis
  /** Set where the row holds more than runs. */
  readonly reissue?: Reissue
}

export interface WriterLog {
  readonly runs: LoggedRun[]
  /** Index of the first run kept. */
  head: number
  /** Events up to here are not in the log. */
  truncated: number
  /** The chain there, where it is known. */
  chain: Lanes | undefined
}

/** What a run costs in memory beside its bytes, with a row of its own as lone writes have it; measured. */
export const RUN_OVERHEAD_BYTES = 384

/**
 * What one group's writers wrote, as encoded runs: each writer's in order and without gaps. A cache to serve
 * from: its oldest rows may be forgotten once a snapshot covers them.
 */
export class GroupLog {
  /** These change here and in log-repair.ts alone. */
  readonly writers: (WriterLog | undefined)[] = []
  readonly rows: LogRow[] = []
  /** Index of the first row kept. */
  head = 0
  /** Bytes kept, their overhead included. */
  bytes = 0

  /** Adds a writer's next run; one that leaves a gap ends what was before it. */
  append(run: LoggedRun): void {
    const log = this.#writer(run.writer)
    const last = log.runs.at(-1)
    const end =
      last === undefined || log.head === log.runs.length ? log.truncated : last.n0 + last.count - 1
    // It came a second time: by the row that closed a gap before it.
    if (last !== undefined && run.n0 + run.count - 1 <= end) return
    if (run.n0 > end + 1) this.truncate(run.writer, run.n0 - 1)
    log.runs.push(run)
    this.bytes += run.bytes.length + RUN_OVERHEAD_BYTES
  }

  /** Notes which runs went to the store together. */
  addRow(row: LogRow): void {
    this.rows.push(row)
  }

  /** Whether everything above `known` of a writer is here. */
  reaches(writer: number, known: number): boolean {
    return known >= (this.writers[writer]?.truncated ?? 0)
  }

  truncatedAt(writer: number): number {
    return this.writers[writer]?.truncated ?? 0
  }

  /** The chain at {@link truncatedAt}, where it is known. */
  truncatedChain(writer: number): Lanes | undefined {
    return this.writers[writer]?.chain
  }

  /** A writer's events up to `n` came by other ways than the log. @param chain the writer's there, if known */
  truncate(writer: number, n: number, chain?: Lanes): void {
    const log = this.#writer(writer)
    if (n > log.truncated) log.chain = chain
    log.truncated = Math.max(log.truncated, n)
    while (log.head < log.runs.length) {
      const run = log.runs[log.head]
      if (run === undefined || run.n0 > n) break
      this.#forget(log, run)
    }
  }

  /** Index of the first run that holds anything above `n`. */
  indexAbove(writer: number, n: number): number {
    const log = this.writers[writer]
    if (log === undefined) return 0
    let low = log.head
    let high = log.runs.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const run = log.runs[middle]
      if (run !== undefined && run.n0 + run.count - 1 <= n) low = middle + 1
      else high = middle
    }
    return low
  }

  runAt(writer: number, index: number): LoggedRun | undefined {
    return this.writers[writer]?.runs[index]
  }

  /**
   * Forgets the oldest rows beyond a budget.
   * @param coveredBy rows below this sequence are in a snapshot
   * @returns the sequences of the rows forgotten
   */
  shrink(limits: {
    readonly bytesMax: number
    readonly since: Millis
    readonly coveredBy: number
  }): readonly number[] {
    const forgotten: number[] = []
    while (this.head < this.rows.length) {
      const row = this.rows[this.head]
      if (row === undefined || row.sequence >= limits.coveredBy) break
      if (this.bytes <= limits.bytesMax && row.at >= limits.since) break
      this.head += 1
      forgotten.push(row.sequence)
      for (const run of row.runs) this.truncate(run.writer, run.n0 + run.count - 1)
    }
    if (this.head > 1024 && this.head * 2 > this.rows.length) {
      this.rows.splice(0, this.head)
      this.head = 0
    }
    return forgotten
  }

  #writer(writer: number): WriterLog {
    let log = this.writers[writer]
    if (log === undefined) {
      log = { runs: [], head: 0, truncated: 0, chain: undefined }
      this.writers[writer] = log
    }
    return log
  }

  #forget(log: WriterLog, run: LoggedRun): void {
    log.head += 1
    if (run.n0 + run.count - 1 === log.truncated) log.chain = chainAfter(run.bytes)
    this.bytes -= run.bytes.length + RUN_OVERHEAD_BYTES
    if (log.head < 1024 || log.head * 2 < log.runs.length) return
    log.runs.splice(0, log.head)
    log.head = 0
  }
}
