import { type ByteView, byteView } from '../base/byte-view.ts'
import { hash32, hashEnd, hashWord, LANE_LOW } from '../base/hash32.ts'
import { utf8BytesMax, writeUtf8 } from '../base/utf8.ts'
import type { KeyBytes } from './live-object.ts'

/** A text as the key of an entry, filled anew for each: its bytes and their hash. */
export class TextKey implements KeyBytes {
  key: ByteView = byteView(new Uint8Array(256))
  readonly keyStart = 0
  keyEnd = 0
  keyHash = 0

  /** @returns false for a lone surrogate, which no key has */
  put(text: string): boolean {
    const bytesMax = utf8BytesMax(text)
    if (bytesMax > this.key.bytes.length) this.key = byteView(new Uint8Array(bytesMax))
    const { view } = this.key
    const { length } = text
    let hash = LANE_LOW
    let at = 0
    // Most keys are ASCII. Four at once: what was written byte by byte is slow to be read as a word.
    for (; at + 4 <= length; at += 4) {
      const [a, b] = [text.charCodeAt(at), text.charCodeAt(at + 1)]
      const [c, d] = [text.charCodeAt(at + 2), text.charCodeAt(at + 3)]
      if ((a | b | c | d) > 0x7f) return this.#putAny(text)
      const word = a | (b << 8) | (c << 16) | (d << 24)
      view.setInt32(at, word, true)
      hash = hashWord(hash, word)
    }
    let tail = 0
    for (let shift = 0; at < length; at++, shift += 8) {
      const unit = text.charCodeAt(at)
      if (unit > 0x7f) return this.#putAny(text)
      view.setUint8(at, unit)
      tail |= unit << shift
    }
    this.keyEnd = length
    this.keyHash = hashEnd(hash, tail, length)
    return true
  }

  #putAny(text: string): boolean {
    const end = writeUtf8(text, this.key.bytes, 0)
    if (end < 0) return false
    this.keyEnd = end
    this.keyHash = hash32(this.key.view, 0, end, LANE_LOW)
    return true
  }
}
