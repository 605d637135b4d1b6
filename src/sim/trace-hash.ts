import { utf8 } from '../base/bytes.ts'

/**
 * A running 64-bit hash over what happened, in order: two runs of one seed must end with the same.
 * Two lanes of multiply-and-rotate (after MurmurHash3's mixer); not for secrets.
 */
export class TraceHash {
  #high = 0x243f6a88
  #low = 0x85a308d3
  #items = 0

  /** How many items went in. */
  get items(): number {
    return this.#items
  }

  /** Folds a number in, exactly: its integer part in 53 bits and its fraction to a microsecond. */
  number(value: number): this {
    const whole = Math.floor(value)
    this.#mix(whole | 0)
    this.#mix(Math.floor(whole / 2 ** 32) | 0)
    this.#mix(Math.round((value - whole) * 1000))
    this.#items += 1
    return this
  }

  text(value: string): this {
    return this.bytes(utf8(value))
  }

  bytes(value: Uint8Array): this {
    const words = value.length & ~3
    this.#mix(value.length)
    for (let i = 0; i < words; i += 4) {
      const low = (value[i] ?? 0) | ((value[i + 1] ?? 0) << 8)
      this.#mix(low | ((value[i + 2] ?? 0) << 16) | ((value[i + 3] ?? 0) << 24))
    }
    for (let i = words; i < value.length; i++) this.#mix(value[i] ?? 0)
    this.#items += 1
    return this
  }

  /** 16 hex digits of what went in so far. */
  digest(): string {
    const text = (part: number): string => (part >>> 0).toString(16).padStart(8, '0')
    return text(this.#high) + text(this.#low)
  }

  #mix(word: number): void {
    const low = Math.imul(this.#low ^ word, 0xcc9e2d51)
    this.#low = (low << 15) | (low >>> 17)
    const high = Math.imul(this.#high ^ this.#low, 0x1b873593)
    this.#high = ((high << 13) | (high >>> 19)) + word
  }
}
