import type { Hash64 } from '../base/hash.ts'
import type { Lanes } from './event-draft.ts'
import { dotShare } from './lanes.ts'
import type { Slots } from './slots.ts'
import { hash64Of, type Writer } from './writers.ts'

/** Content hashes of a writer's newest events, in order. */
export interface Contents {
  highs: Int32Array
  lows: Int32Array
  count: number
}

type Columns = Pick<Contents, 'highs' | 'lows'>

const CONTENTS_MIN = 64
/** Columns kept for the next row of events: one's own and one that comes in. */
const SPARE_MAX = 2

/**
 * Order-free hash of the live dots. Events that come in a row are counted when the row is over: what dies
 * before, like all but the last of a counter's totals, costs nothing.
 */
export class Fingerprint {
  readonly #slots: Slots
  readonly #spare: Contents[] = []
  #high = 0
  #low = 0

  constructor(slots: Slots) {
    this.#slots = slots
  }

  /** Of all dots but those of events that are noted and not settled. */
  get hash(): Hash64 {
    return hash64Of(this.#high, this.#low)
  }

  /** A dot lives whose event is not noted. */
  add(writer: Writer, n: number, content: Lanes): void {
    this.#high = (this.#high + dotShare(content.high, writer.high, n)) | 0
    this.#low = (this.#low + dotShare(content.low, writer.low, n)) | 0
  }

  /** A dot dies that was added or settled. */
  subtract(writer: Writer, n: number, content: Lanes): void {
    this.#high = (this.#high - dotShare(content.high, writer.high, n)) | 0
    this.#low = (this.#low - dotShare(content.low, writer.low, n)) | 0
  }

  /** Notes what a writer's next event says. */
  note(writer: Writer, content: Lanes): void {
    const noted = this.#noted(writer, 1)
    noted.highs[noted.count] = content.high
    noted.lows[noted.count] = content.low
    noted.count += 1
  }

  /** Notes what a writer's next events say. @param to not included */
  noteRow(writer: Writer, { highs, lows }: Columns, from: number, to: number): void {
    const noted = this.#noted(writer, to - from)
    noted.highs.set(highs.subarray(from, to), noted.count)
    noted.lows.set(lows.subarray(from, to), noted.count)
    noted.count += to - from
  }

  /** Adds what lives of a writer's noted events. */
  settle(writer: Writer): void {
    const noted = writer.unsettled
    if (noted === undefined) return
    const { highs, lows, count } = noted
    const { live, high, low, settled } = writer
    const bits = this.#slots.liveBits(live, settled + 1, settled + count)
    for (let i = 0; i < count; i++) {
      if ((((bits[i >>> 5] ?? 0) >>> (i & 31)) & 1) === 0) continue
      const n = settled + 1 + i
      this.#high = (this.#high + dotShare(highs[i] ?? 0, high, n)) | 0
      this.#low = (this.#low + dotShare(lows[i] ?? 0, low, n)) | 0
    }
    writer.settled = settled + count
    writer.unsettled = undefined
    noted.count = 0
    if (this.#spare.length < SPARE_MAX) this.#spare.push(noted)
  }

  /** A writer's columns, with room for some more. */
  #noted(writer: Writer, count: number): Contents {
    let noted = writer.unsettled
    if (noted === undefined) {
      noted = this.#spare.pop() ?? newContents(CONTENTS_MIN)
      writer.unsettled = noted
    }
    if (noted.count + count > noted.highs.length) grow(noted, noted.count + count)
    return noted
  }
}

function newContents(size: number): Contents {
  return { highs: new Int32Array(size), lows: new Int32Array(size), count: 0 }
}

function grow(contents: Contents, count: number): void {
  const { highs, lows } = contents
  const length = Math.max(count, highs.length * 2)
  contents.highs = new Int32Array(length)
  contents.lows = new Int32Array(length)
  contents.highs.set(highs)
  contents.lows.set(lows)
}
