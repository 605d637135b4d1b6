import type { StoreRow, StoreWrite } from '../../../src/base/core.ts'
import type { LiveState } from '../../../src/crdt/live-state.ts'
import type { LoggedRun } from '../../../src/replication/group/group-log.ts'

/** What a state is, in four numbers. */
export interface Mark {
  readonly vectorHigh: number
  readonly vectorLow: number
  readonly high: number
  readonly low: number
}

/** One atomic batch on its way to the disk. */
export interface Batch {
  readonly writes: readonly StoreWrite[]
  /** The state that a start from here must find. */
  readonly mark: Mark
  /** Runs that may be told once it is durable. */
  readonly runs: readonly LoggedRun[]
}

export const EMPTY: Mark = { vectorHigh: 0, vectorLow: 0, high: 0, low: 0 }

export function markOf({ vectorHash, fingerprint }: LiveState): Mark {
  return {
    vectorHigh: vectorHash.high,
    vectorLow: vectorHash.low,
    high: fingerprint.high,
    low: fingerprint.low,
  }
}

export function isSame(a: Mark, b: Mark): boolean {
  return (
    a.vectorHigh === b.vectorHigh &&
    a.vectorLow === b.vectorLow &&
    a.high === b.high &&
    a.low === b.low
  )
}

/** A disk, and the batches that are not on it yet. They get there in their order. */
export class Store {
  readonly rows: Map<string, Uint8Array>
  mark: Mark
  readonly #waiting: Batch[] = []

  constructor(rows: ReadonlyMap<string, Uint8Array> = new Map(), mark: Mark = EMPTY) {
    this.rows = new Map(rows)
    this.mark = mark
  }

  push(batch: Batch): void {
    this.#waiting.push(batch)
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** The next batch becomes durable. */
  commit(): Batch | undefined {
    const batch = this.#waiting.shift()
    if (batch === undefined) return undefined
    for (const { key, value } of batch.writes) {
      if (value === undefined) this.rows.delete(key)
      else this.rows.set(key, value)
    }
    this.mark = batch.mark
    return batch
  }

  /** What is on the disk, in key order. */
  sorted(): readonly StoreRow[] {
    const keys = [...this.rows.keys()].sort()
    const rows: StoreRow[] = []
    for (const key of keys) {
      const value = this.rows.get(key)
      if (value !== undefined) rows.push({ key, value })
    }
    return rows
  }
}
