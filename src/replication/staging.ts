import type { ReplicaId } from '../base/ids.ts'
import type { Transaction } from '../crdt/event.ts'

/** A transaction whose writer's earlier ones are missing here. */
export interface Staged {
  readonly transaction: Transaction
  readonly bytes: Uint8Array
}

export interface StagingLimits {
  readonly stagedEventsMax: number
  readonly stagedBytesMax: number
}

/** Transactions that wait for a gap to close. A cache: what is dropped here is pulled again. */
export class Staging {
  readonly #limits: StagingLimits
  readonly #byWriter = new Map<ReplicaId, Map<number, Staged>>()
  #events = 0
  #bytes = 0

  constructor(limits: StagingLimits) {
    this.#limits = limits
  }

  get bytes(): number {
    return this.#bytes
  }

  /** False when there was no room: everything staged is forgotten then, so that junk cannot settle. */
  add(writer: ReplicaId, staged: Staged): boolean {
    const { n0, events } = staged.transaction
    const waiting = this.#byWriter.get(writer) ?? new Map<number, Staged>()
    if (waiting.has(n0)) return true
    const isFull =
      this.#events + events.length > this.#limits.stagedEventsMax ||
      this.#bytes + staged.bytes.length > this.#limits.stagedBytesMax
    if (isFull) {
      this.clear()
      return false
    }
    waiting.set(n0, staged)
    this.#byWriter.set(writer, waiting)
    this.#events += events.length
    this.#bytes += staged.bytes.length
    return true
  }

  /** Takes the transaction that starts at `n0`. */
  take(writer: ReplicaId, n0: number): Staged | undefined {
    const waiting = this.#byWriter.get(writer)
    const staged = waiting?.get(n0)
    if (waiting === undefined || staged === undefined) return undefined
    waiting.delete(n0)
    if (waiting.size === 0) this.#byWriter.delete(writer)
    this.#events -= staged.transaction.events.length
    this.#bytes -= staged.bytes.length
    return staged
  }

  clear(): void {
    this.#byWriter.clear()
    this.#events = 0
    this.#bytes = 0
  }
}
