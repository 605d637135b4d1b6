import { equalBytes, fromUtf8, utf8 } from './bytes.ts'

/** Why bytes from outside were refused. Never leaves a core: it becomes a counted drop. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
}

/** The outcome of reading bytes that somebody else wrote. */
export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string }

const INITIAL_BYTES = 64
/** 2^53 − 1 takes eight groups of seven bits. */
const VARINT_BYTES_MAX = 8

/** Appends values to a growing buffer. Lengths are the writer's own, so it has no limits. */
export class Writer {
  #bytes: Uint8Array
  #length = 0

  constructor(initialBytes: number = INITIAL_BYTES) {
    this.#bytes = new Uint8Array(initialBytes)
  }

  get length(): number {
    return this.#length
  }

  uint8(value: number): this {
    this.#reserve(1)
    this.#bytes[this.#length++] = value
    return this
  }

  uint16(value: number): this {
    return this.uint8(value >>> 8).uint8(value)
  }

  /** Big-endian. */
  uint32(value: number): this {
    return this.uint16(value >>> 16).uint16(value)
  }

  /** LEB128 of an integer in 0 … 2^53 − 1. @throws {RangeError} outside it: a bug of the caller */
  varint(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`Cannot write varint: ${value}`)
    }
    this.#reserve(VARINT_BYTES_MAX)
    let rest = value
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes[this.#length++] = rest
    return this
  }

  /** The bytes alone, without a length. */
  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
    return this
  }

  /** Length as varint, then the bytes. */
  bytes(bytes: Uint8Array): this {
    return this.varint(bytes.length).raw(bytes)
  }

  /** UTF-8 with its byte length. */
  text(text: string): this {
    return this.bytes(utf8(text))
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  /** What was written, not copied: nothing may be written afterwards. */
  take(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  #reserve(more: number): void {
    const needed = this.#length + more
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.#bytes)
    this.#bytes = grown
  }
}

/**
 * Reads what a Writer wrote, from bytes nobody vouches for. Each method throws DecodeError on bytes
 * that end early, exceed the caller's limit or have a second spelling; see {@link decode}.
 */
export class Reader {
  readonly #bytes: Uint8Array
  #offset = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset
  }

  get offset(): number {
    return this.#offset
  }

  uint8(): number {
    const at = this.#take(1)
    return this.#bytes[at] ?? 0
  }

  uint16(): number {
    return this.uint8() * 0x100 + this.uint8()
  }

  uint32(): number {
    return this.uint16() * 0x1_0000 + this.uint16()
  }

  /** @param max largest value accepted, by default 2^53 − 1 */
  varint(max: number = Number.MAX_SAFE_INTEGER): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      const byte = this.uint8()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (byte === 0 && i > 0) throw new DecodeError('varint has a second spelling')
        if (value > max) throw new DecodeError('number above its limit')
        return value
      }
      scale *= 0x80
    }
    throw new DecodeError('varint too long')
  }

  /** A view (not a copy) of the next `length` bytes. */
  raw(length: number): Uint8Array {
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }

  /** A view of length-prefixed bytes. @param bytesMax largest length accepted */
  bytes(bytesMax: number): Uint8Array {
    return this.raw(this.varint(bytesMax))
  }

  /** Refuses trailing bytes. */
  end(): void {
    if (this.remaining !== 0) throw new DecodeError('trailing bytes')
  }

  #take(length: number): number {
    const at = this.#offset
    if (length > this.#bytes.length - at) throw new DecodeError('bytes end early')
    this.#offset = at + length
    return at
  }
}

/** Runs a reading function over foreign bytes: a refusal is a value, every other throw is our bug. */
export function decode<T>(bytes: Uint8Array, read: (reader: Reader) => T): Decoded<T> {
  try {
    return { ok: true, value: read(new Reader(bytes)) }
  } catch (error) {
    if (error instanceof DecodeError) return { ok: false, reason: error.message }
    throw error
  }
}

/** Reads length-prefixed UTF-8. Malformed UTF-8 is refused, so that text has one spelling. @throws {DecodeError} */
export function readText(reader: Reader, bytesMax: number): string {
  const bytes = reader.bytes(bytesMax)
  const text = fromUtf8(bytes)
  // U+FFFD may be honest; only then is the second encoding worth its price.
  if (text.includes('\ufffd') && !equalBytes(utf8(text), bytes)) {
    throw new DecodeError('malformed UTF-8')
  }
  return text
}
