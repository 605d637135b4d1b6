import { type ByteView, byteView } from '../base/byte-view.ts'
import { DecodeError } from '../base/codec.ts'
import { isUtf8, readUtf8 } from '../base/utf8.ts'

const VARINT_BYTES_MAX = 8
const NO_BYTES = new Uint8Array(0)

/** Where a reader of somebody else's bytes stands: every step is checked against their end. */
export class RunBytes {
  bytes: Uint8Array = NO_BYTES
  at = 0
  /** The offset that must not be passed. */
  end = 0
  #whole: ByteView | undefined

  /** Made when it is asked for: heads of runs are read without. */
  get whole(): ByteView {
    this.#whole ??= byteView(this.bytes)
    return this.#whole
  }

  begin(bytes: Uint8Array, at: number, end: number): void {
    this.bytes = bytes
    this.#whole = undefined
    this.at = at
    this.end = end
  }

  get left(): number {
    return this.end - this.at
  }

  /** @throws {DecodeError} */
  byte(): number {
    return this.bytes[this.take(1)] ?? 0
  }

  /** Passes over bytes. @returns where they start @throws {DecodeError} */
  take(length: number): number {
    const start = this.at
    if (start + length > this.end) throw new DecodeError('bytes end early')
    this.at = start + length
    return start
  }

  /** LEB128 in its only spelling, at most `max`. @throws {DecodeError} */
  varint(max: number): number {
    const byte = this.byte()
    if (byte >= 0x80) return this.#longVarint(byte, max)
    if (byte > max) throw new DecodeError('number above its limit')
    return byte
  }

  /** UTF-8 after its length. @throws {DecodeError} */
  text(bytesMax: number): string {
    const length = this.varint(bytesMax)
    const start = this.take(length)
    this.checkUtf8(start, this.at)
    return readUtf8(this.bytes, start, this.at)
  }

  /** @throws {DecodeError} */
  checkUtf8(start: number, end: number): void {
    if (!isUtf8(this.bytes, start, end)) throw new DecodeError('malformed UTF-8')
  }

  #longVarint(first: number, max: number): number {
    let value = first & 0x7f
    let scale = 0x80
    for (let i = 1; i < VARINT_BYTES_MAX; i++) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (byte === 0) throw new DecodeError('varint has a second spelling')
        if (value > max) throw new DecodeError('number above its limit')
        return value
      }
      scale *= 0x80
    }
    throw new DecodeError('varint too long')
  }
}
