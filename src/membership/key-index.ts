import { equalBytes } from '../base/bytes.ts'

const EMPTY = -1
const REMOVED = -2
const CAPACITY_MIN = 16
/** Open addressing stays quick below this share of taken slots. */
const LOAD_MAX = 0.6
/** Where in a key the first slot and the step are read from: a collision in both takes 2^40 keys. */
const START_AT = 8
const STEP_AT = 16

/**
 * Numbers by public key, without an object or a text per key: open addressing with double hashing
 * over the key's own bytes, which are as good as random.
 */
export class KeyIndex {
  readonly #keyOf: (number: number) => Uint8Array | undefined
  #slots: Int32Array = new Int32Array(CAPACITY_MIN).fill(EMPTY)
  #used = 0
  #size = 0

  /** @param keyOf the key of a number that was set and not removed */
  constructor(keyOf: (number: number) => Uint8Array | undefined) {
    this.#keyOf = keyOf
  }

  get allocatedBytes(): number {
    return this.#slots.byteLength
  }

  /** The number of this key, or undefined. */
  get(key: Uint8Array): number | undefined {
    const at = this.#slotOf(key)
    return at === undefined ? undefined : this.#slots[at]
  }

  /** Adds a key that is not in the index. */
  add(key: Uint8Array, number: number): void {
    if (this.#used + 1 > this.#slots.length * LOAD_MAX) this.#rebuild()
    this.#place(key, number)
    this.#size += 1
  }

  remove(key: Uint8Array): void {
    const at = this.#slotOf(key)
    if (at === undefined) return
    this.#slots[at] = REMOVED
    this.#size -= 1
  }

  #slotOf(key: Uint8Array): number | undefined {
    const mask = this.#slots.length - 1
    const step = wordAt(key, STEP_AT) | 1
    // Ends: a slot in five is empty, and an odd step visits all slots.
    for (let at = wordAt(key, START_AT) & mask; ; at = (at + step) & mask) {
      const number = this.#slots[at] ?? EMPTY
      if (number === EMPTY) return undefined
      if (number === REMOVED) continue
      const known = this.#keyOf(number)
      if (known !== undefined && equalBytes(known, key)) return at
    }
  }

  #place(key: Uint8Array, number: number): void {
    const mask = this.#slots.length - 1
    const step = wordAt(key, STEP_AT) | 1
    let at = wordAt(key, START_AT) & mask
    while ((this.#slots[at] ?? EMPTY) !== EMPTY) at = (at + step) & mask
    this.#slots[at] = number
    this.#used += 1
  }

  /** Twice as large, or as large as before when removed slots are what fills it. */
  #rebuild(): void {
    const before = this.#slots
    let capacity = CAPACITY_MIN
    while ((this.#size + 1) * 2 > capacity * LOAD_MAX) capacity *= 2
    this.#slots = new Int32Array(capacity).fill(EMPTY)
    this.#used = 0
    for (const number of before) {
      const key = number < 0 ? undefined : this.#keyOf(number)
      if (key !== undefined) this.#place(key, number)
    }
  }
}

function wordAt(key: Uint8Array, at: number): number {
  const high = ((key[at] ?? 0) << 8) | (key[at + 1] ?? 0)
  return (high << 16) | ((key[at + 2] ?? 0) << 8) | (key[at + 3] ?? 0)
}
