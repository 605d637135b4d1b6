import { assert, present } from '../base/assert.ts'
import { HASH64_ZERO, type Hash64 } from '../base/hash.ts'
import { checksumOf } from '../crdt/transaction.ts'

/** One writer's transactions in order, without gaps, as encoded bytes. */
export class ReplicaLog {
  readonly #starts: number[] = []
  readonly #transactions: Uint8Array[] = []
  #end = 0

  get length(): number {
    return this.#transactions.length
  }

  /** The identity that the writer's next transaction must name; zero when there is none. */
  get lastChecksum(): Hash64 {
    const last = this.#transactions.at(-1)
    return last === undefined ? HASH64_ZERO : checksumOf(last)
  }

  append(n0: number, count: number, bytes: Uint8Array): void {
    assert(n0 === this.#end + 1, 'a log has no gaps')
    this.#starts.push(n0)
    this.#transactions.push(bytes)
    this.#end = n0 + count - 1
  }

  /** Index of the first transaction that starts above `n`. */
  indexAbove(n: number): number {
    let low = 0
    let high = this.#starts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (present(this.#starts[middle], 'start') <= n) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The transaction that starts at `n0`. */
  startingAt(n0: number): Uint8Array | undefined {
    const index = this.indexAbove(n0) - 1
    return this.#starts[index] === n0 ? this.#transactions[index] : undefined
  }

  bytesAt(index: number): Uint8Array {
    return present(this.#transactions[index], 'transaction in the log')
  }

  /** First dot of a transaction. */
  startAt(index: number): number {
    return present(this.#starts[index], 'start of a transaction')
  }

  /** Dots of a transaction. */
  countAt(index: number): number {
    return (this.#starts[index + 1] ?? this.#end + 1) - this.startAt(index)
  }
}
