import { type ByteView, byteView } from '../base/byte-view.ts'
import { hashLanes, mix32 } from '../base/hash32.ts'
import { utf8BytesMax, writeUtf8 } from '../base/utf8.ts'
import type { EventDraft, Lanes } from './event-draft.ts'
import { KIND_SET } from './kinds.ts'

/** Elements of one row: as many as a look at the state may have to wait for. */
export const ROW_MAX = 1_024
/** What a group begins with: most write few elements at once. */
const ROW_MIN = 16
const KEYS_BYTES_MIN = 256

/**
 * Elements on their way into one set, as columns. Each step is done for all of them before the next one
 * begins: a short loop runs several times as fast as many calls for each element.
 */
export class ElementRow {
  count = 0
  /** Keys as bytes, one after the other, and where each ends. */
  keys: ByteView = byteView(new Uint8Array(KEYS_BYTES_MIN))
  ends: Int32Array = new Int32Array(ROW_MIN)
  keyHashes: Int32Array = new Int32Array(ROW_MIN)
  /** Hashes of what the events say, see EventDraft.seal(). */
  highs: Int32Array = new Int32Array(ROW_MIN)
  lows: Int32Array = new Int32Array(ROW_MIN)
  readonly #part = { high: 0, low: 0 }

  /**
   * Takes in well-formed texts from an index on, at most ROW_MAX.
   * @param object hash of the set's name and type @param to not included
   */
  fill(values: readonly string[], from: number, to: number, object: Lanes): void {
    const count = Math.min(to - from, ROW_MAX)
    this.count = count
    if (count > this.ends.length) this.#grow(Math.min(2 * count, ROW_MAX))
    this.#write(values, from, count)
    const { ends, keyHashes, highs, lows } = this
    const { view } = this.keys
    const part = this.#part
    const high = mix32(object.high, KIND_SET)
    const low = mix32(object.low, KIND_SET)
    let start = 0
    for (let i = 0; i < count; i++) {
      const end = ends[i] ?? 0
      hashLanes(view, start, end, part)
      keyHashes[i] = part.low
      highs[i] = mix32(high, part.high)
      lows[i] = mix32(low, part.low)
      start = end
    }
  }

  /** Bytes of the keys before one. */
  startOf(i: number): number {
    return i === 0 ? 0 : (this.ends[i - 1] ?? 0)
  }

  /** Has a draft tell of one of them; all else in it stays. */
  draft(i: number, draft: EventDraft): void {
    draft.key = this.keys
    draft.keyStart = this.startOf(i)
    draft.keyEnd = this.ends[i] ?? 0
    draft.keyHash = this.keyHashes[i] ?? 0
    draft.high = this.highs[i] ?? 0
    draft.low = this.lows[i] ?? 0
  }

  #grow(count: number): void {
    this.ends = new Int32Array(count)
    this.keyHashes = new Int32Array(count)
    this.highs = new Int32Array(count)
    this.lows = new Int32Array(count)
  }

  #write(values: readonly string[], from: number, count: number): void {
    let room = 0
    for (let i = 0; i < count; i++) room += utf8BytesMax(values[from + i] ?? '')
    if (room > this.keys.bytes.length) this.keys = byteView(new Uint8Array(room))
    const { bytes } = this.keys
    const { ends } = this
    let at = 0
    for (let i = 0; i < count; i++) {
      at = writeUtf8(values[from + i] ?? '', bytes, at)
      ends[i] = at
    }
  }
}
