import { type ByteView, byteView, copyRange, isAsciiRange } from '../base/byte-view.ts'
import { DecodeError } from '../base/codec.ts'
import { isUtf8 } from '../base/utf8.ts'
import { KIND_SET } from './kinds.ts'
import { KEY_BYTES_MAX } from './limits.ts'
import { pathFault } from './map-path.ts'
import type { RunBytes } from './run-bytes.ts'

/** Makes whole keys of what a run says about them: the length of the prefix shared with the one before, the rest. */
export class RunKeys {
  /** Whole keys, one after the other. */
  whole: ByteView = byteView(new Uint8Array(1024))
  /** Of the key before. */
  lastLength = 0
  readonly #source: RunBytes
  #last = 0
  #at = 0

  constructor(source: RunBytes) {
    this.#source = source
  }

  begin(): void {
    this.lastLength = 0
    this.#last = 0
    this.#at = 0
  }

  /** Reads a key of an event of a kind. @returns where it starts @throws {DecodeError} */
  one(kind: number, prefix: number, length: number): number {
    const start = this.#rows(prefix, length, 1)
    const { bytes } = this.whole
    if (kind === KIND_SET) {
      checkElement(bytes, start, length)
      return start
    }
    const fault = pathFault(bytes, start, start + length)
    if (fault !== undefined) throw new DecodeError(fault)
    return start
  }

  /**
   * Reads elements of one length between whose keys nothing lies.
   * @returns where the first starts; the others follow at once @throws {DecodeError}
   */
  elements(prefix: number, length: number, count: number): number {
    const start = this.#rows(prefix, length, count)
    if (length <= KEY_BYTES_MAX && isAsciiRange(this.whole, start, this.#at)) return start
    for (let k = 0; k < count; k++) checkElement(this.whole.bytes, start + k * length, length)
    return start
  }

  #rows(prefix: number, length: number, count: number): number {
    const source = this.#source
    const rest = length - prefix
    let from = source.take(count * rest)
    const first = this.#at
    this.#reserve(first + count * length)
    const keys = this.whole
    let last = this.#last
    let start = first
    for (let k = 0; k < count; k++) {
      const suffix = copyRange(keys, last, last + prefix, keys, start)
      copyRange(source.whole, from, from + rest, keys, suffix)
      from += rest
      last = start
      start += length
    }
    this.#at = start
    this.#last = last
    this.lastLength = length
    return first
  }

  #reserve(bytes: number): void {
    const old = this.whole.bytes
    if (bytes <= old.length) return
    const grown = new Uint8Array(Math.max(old.length * 2, bytes))
    grown.set(old)
    this.whole = byteView(grown)
  }
}

function checkElement(bytes: Uint8Array, start: number, length: number): void {
  if (length > KEY_BYTES_MAX) throw new DecodeError('element too long')
  if (!isUtf8(bytes, start, start + length)) throw new DecodeError('malformed UTF-8')
}
