import {
  type EachIncrement,
  type Increment,
  incrementOf,
  type WaitingIncrements,
} from '../group/increments.ts'

/** The latest transactions that only increment a counter and wait to become events. */
export class LatestIncrements implements EachIncrement {
  readonly #kept: number
  /** By their number modulo how many are kept. */
  readonly #counters: WaitingIncrements[] = []
  readonly #amounts: number[] = []
  #count = 0

  /** @param kept how many of them */
  constructor(kept: number) {
    this.#kept = kept
  }

  /** All that wait. */
  get count(): number {
    return this.#count
  }

  /** See EachIncrement. */
  add(counter: WaitingIncrements, amount: number): void {
    const at = this.#count % this.#kept
    this.#counters[at] = counter
    this.#amounts[at] = amount
    this.#count += 1
  }

  /** Takes them out, oldest first. */
  *take(): Generator<Increment, void, void> {
    const count = this.#count
    for (let i = Math.max(0, count - this.#kept); i < count; i++) {
      const counter = this.#counters[i % this.#kept]
      if (counter !== undefined) yield incrementOf(counter, this.#amounts[i % this.#kept] ?? 0)
    }
    this.#counters.length = 0
    this.#count = 0
  }
}
