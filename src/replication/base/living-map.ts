import { DecodeError, decode, type Reader, Writer } from '../../base/codec.ts'

/*
 * Which of some dots live. Three spellings, the shortest is taken:
 *   runs – lengths of living and dead stretches in turn, living first, varints
 *   bits – a bit a dot, least first, 1: lives
 *   gaps – a pattern that repeats, and the dots that are otherwise:
 *          bits 0–3: k; 4–7: bytes of the pattern, 0 (all live), 1 or 4 (1) · pattern · how many are otherwise
 *          (varint) · for each how many are not before it, in Golomb-Rice code: the number ≫ k as ones and a zero,
 *          then its k low bits, least first (Golomb 1966; Rice 1979)
 * Writes that add and remove in turn leave patterns; what was removed here and there leaves few that differ.
 */

export type MapMode = 'runs' | 'bits' | 'gaps'

export interface LivingMap {
  readonly mode: MapMode
  readonly bytes: Uint8Array
}

/** Dots of one map of gaps or bits. */
export const MAP_DOTS_MAX: number = 1 << 16
const WORD = 32
const K_MAX = 15
const ALL: number = 0xffff_ffff | 0

/** Dots that live among so many, a bit each, least first. */
export class DotBits {
  readonly words: Int32Array
  readonly dots: number

  /** @param words of a bit a dot, those beyond the last 0 @default none lives */
  constructor(dots: number, words: Int32Array = new Int32Array(Math.ceil(dots / WORD))) {
    this.dots = dots
    this.words = words
  }

  has(index: number): boolean {
    return (((this.words[index >>> 5] ?? 0) >>> (index & 31)) & 1) === 1
  }

  set(index: number): void {
    this.words[index >>> 5] = (this.words[index >>> 5] ?? 0) | (1 << (index & 31))
  }

  flip(index: number): void {
    this.words[index >>> 5] = (this.words[index >>> 5] ?? 0) ^ (1 << (index & 31))
  }

  /** From first to last, both included; the last may lie beyond all dots. */
  clear(first: number, last: number): void {
    const { words } = this
    const [from, to] = [first >>> 5, Math.min(last >>> 5, words.length - 1)]
    for (let w = from; w <= to; w++) {
      const low = w === from ? ALL << (first & 31) : ALL
      const high = w === last >>> 5 ? ALL >>> (31 - (last & 31)) : ALL
      words[w] = (words[w] ?? 0) & ~(low & high)
    }
  }

  /** Indexes of those that live, ascending. */
  living(): readonly number[] {
    const indexes: number[] = []
    const { words } = this
    for (let w = 0; w < words.length; w++) {
      for (let rest = words[w] ?? 0; rest !== 0; rest &= rest - 1) {
        indexes.push(w * WORD + 31 - Math.clz32(rest & -rest))
      }
    }
    return indexes
  }
}

/** First and last dots of living stretches in turn, unless they are more than so many. */
export function fewStretches(
  bits: DotBits,
  from: number,
  stretchesMax: number,
): ArrayLike<number> | undefined {
  return borders(bits, stretchesMax * 2) > stretchesMax * 2 ? undefined : stretchesOf(bits, from)
}

/** The shortest map. */
export function livingMap(bits: DotBits): LivingMap {
  const plainBytes = Math.ceil(bits.dots / 8)
  // A byte at least for each length.
  const runs = borders(bits) < plainBytes ? runsOfStretches(stretchesOf(bits, 0), 0) : undefined
  const bytesMax = Math.min(plainBytes, runs?.length ?? plainBytes)
  const gaps = gapsOf(bits, bytesMax)
  if (gaps !== undefined) return { mode: 'gaps', bytes: gaps }
  if (runs?.length === bytesMax) return { mode: 'runs', bytes: runs }
  const bytes = Uint8Array.from({ length: plainBytes }, (_, i) => byteOf(bits, i))
  return { mode: 'bits', bytes }
}

/**
 * First and last dots of living stretches in turn, ascending.
 * @param from the first dot @throws {DecodeError}
 */
export function livingStretches(map: LivingMap, from: number, to: number): ArrayLike<number> {
  const { mode, bytes } = map
  const read = decode<ArrayLike<number>>(bytes, (reader) => {
    if (mode === 'runs') return readRuns(reader, from, to)
    const dots = to - from + 1
    if (dots > MAP_DOTS_MAX) throw new DecodeError('map of living dots too long')
    return stretchesOf(mode === 'bits' ? readBits(reader, dots) : readGaps(reader, dots), from)
  })
  if (!read.ok) throw new DecodeError(read.reason)
  return read.value
}

function readRuns(reader: Reader, from: number, to: number): readonly number[] {
  const stretches: number[] = []
  let n = from
  for (let isLiving = true; reader.remaining > 0; isLiving = !isLiving) {
    const length = reader.varint()
    if (n + length > to + 1) throw new DecodeError('map of living dots too long')
    if (isLiving && length > 0) stretches.push(n, n + length - 1)
    n += length
  }
  return stretches
}

function readBits(reader: Reader, dots: number): DotBits {
  const bytes = reader.raw(Math.ceil(dots / 8))
  const bits = new DotBits(dots)
  for (let i = 0; i < bytes.length; i++) {
    bits.words[i >>> 2] = (bits.words[i >>> 2] ?? 0) | ((bytes[i] ?? 0) << ((i & 3) * 8))
  }
  clearBeyond(bits)
  reader.end()
  return bits
}

function readGaps(reader: Reader, dots: number): DotBits {
  const bits = new DotBits(dots)
  const head = reader.uint8()
  const k = head & K_MAX
  const pattern = readPattern(reader, head >>> 4)
  bits.words.fill(pattern)
  clearBeyond(bits)
  const count = reader.varint(dots)
  const code = reader.raw(reader.remaining)
  let at = 0
  let index = -1
  for (let i = 0; i < count; i++) {
    let ones = 0
    while ((((code[at >>> 3] ?? 0) >>> (at & 7)) & 1) === 1) {
      ones += 1
      at += 1
    }
    at += 1
    const byte = at >>> 3
    const bytes = (code[byte] ?? 0) | ((code[byte + 1] ?? 0) << 8) | ((code[byte + 2] ?? 0) << 16)
    at += k
    if (at > code.length * 8) throw new DecodeError('bytes end early')
    index += ones * 2 ** k + ((bytes >>> ((at - k) & 7)) & ((1 << k) - 1)) + 1
    if (index >= dots) throw new DecodeError('map of living dots too long')
    bits.flip(index)
  }
  if (Math.ceil(at / 8) !== code.length) throw new DecodeError('trailing bytes')
  return bits
}

function readPattern(reader: Reader, bytes: number): number {
  if (bytes === 0) return ALL
  if (bytes === 1) return Math.imul(reader.uint8(), 0x0101_0101)
  if (bytes !== 4) throw new DecodeError('unknown pattern of living dots')
  return reader.uint8() | (reader.uint8() << 8) | (reader.uint8() << 16) | (reader.uint8() << 24)
}

/** The lengths of stretches of living dots, and of the dead ones between them. */
export function runsOfStretches(stretches: ArrayLike<number>, from: number): Uint8Array {
  const writer = new Writer(64)
  let past = from
  for (let i = 0; i < stretches.length; i += 2) {
    const [first, last] = [stretches[i] ?? 0, stretches[i + 1] ?? 0]
    if (i === 0 && first > from) writer.varint(0)
    if (first > from) writer.varint(first - past)
    writer.varint(last + 1 - first)
    past = last + 1
  }
  return writer.finish()
}

/** Undefined when it would not be shorter than `bytesMax`. */
function gapsOf(bits: DotBits, bytesMax: number): Uint8Array | undefined {
  const { words, dots } = bits
  const pattern = patternOf(bits)
  const gaps: number[] = []
  let past = 0
  for (let w = 0; w < words.length; w++) {
    let otherwise = (words[w] ?? 0) ^ pattern
    if (w === words.length - 1 && dots % WORD > 0) otherwise &= 2 ** (dots % WORD) - 1
    while (otherwise !== 0) {
      const low = otherwise & -otherwise
      const index = w * WORD + 31 - Math.clz32(low)
      gaps.push(index - past)
      past = index + 1
      otherwise ^= low
    }
    // At least a bit each.
    if (gaps.length >= bytesMax * 8) return undefined
  }
  const k = bestK(gaps, dots)
  const writer = new Writer(64)
  const isByte = Math.imul(pattern & 0xff, 0x0101_0101) === pattern
  const size = pattern === ALL ? 0 : isByte ? 1 : 4
  writer.uint8(k | (size << 4))
  for (let i = 0; i < size; i++) writer.uint8((pattern >>> (i * 8)) & 0xff)
  writer.varint(gaps.length)
  if (writer.length + codeBits(gaps, k) / 8 >= bytesMax) return undefined
  return writer.raw(riceCode(gaps, k)).finish()
}

function riceCode(gaps: readonly number[], k: number): Uint8Array {
  const code = new Uint8Array(Math.ceil(codeBits(gaps, k) / 8))
  let at = 0
  for (const gap of gaps) {
    for (let ones = gap >>> k; ones > 0; ones--) {
      code[at >>> 3] = (code[at >>> 3] ?? 0) | (1 << (at & 7))
      at += 1
    }
    at += 1
    // Up to 15 bits from any bit on lie in three bytes.
    const low = (gap & ((1 << k) - 1)) << (at & 7)
    for (let byte = at >>> 3, rest = low; rest > 0; byte++, rest >>>= 8) {
      code[byte] = (code[byte] ?? 0) | (rest & 0xff)
    }
    at += k
  }
  return code
}

function codeBits(gaps: readonly number[], k: number): number {
  let bits = gaps.length * (k + 1)
  for (const gap of gaps) bits += gap >>> k
  return bits
}

/** Near the mean gap × ln 2, whatever fits best. */
function bestK(gaps: readonly number[], dots: number): number {
  if (gaps.length === 0) return 0
  const near = Math.floor(Math.log2(Math.max(1, (dots / gaps.length) * Math.LN2)))
  let best = Math.max(0, near - 2)
  for (let k = best + 1; k <= Math.min(K_MAX, near + 1); k++) {
    if (codeBits(gaps, k) < codeBits(gaps, best)) best = k
  }
  return best
}

/** What most dots do at each of 32 places. */
function patternOf({ words, dots }: DotBits): number {
  const whole = Math.floor(dots / WORD)
  if (whole === 0) return ALL
  // Thirty-two counters side by side: their lowest bits in the first number, and so on.
  const counters = new Int32Array(WORD)
  for (let w = 0; w < whole; w++) {
    let carry = words[w] ?? 0
    for (let digit = 0; carry !== 0; digit++) {
      const counter = counters[digit] ?? 0
      counters[digit] = counter ^ carry
      carry &= counter
    }
  }
  let pattern = 0
  for (let bit = 0; bit < WORD; bit++) {
    let living = 0
    for (let digit = 0; digit < WORD; digit++) {
      living += (((counters[digit] ?? 0) >>> bit) & 1) * 2 ** digit
    }
    if (living * 2 >= whole) pattern |= 1 << bit
  }
  return pattern
}

/** How often life and death follow each other; counted no further when it is too often. */
function borders({ words }: Pick<DotBits, 'words'>, max: number = Infinity): number {
  let count = 0
  let before = 0
  for (let w = 0; w < words.length && count <= max; w++) {
    const word = words[w] ?? 0
    count += ones(word ^ ((word << 1) | before))
    before = word >>> 31
  }
  return count
}

function ones(word: number): number {
  const pairs = word - ((word >>> 1) & 0x5555_5555)
  const fours = (pairs & 0x3333_3333) + ((pairs >>> 2) & 0x3333_3333)
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24
}

function stretchesOf({ words, dots }: DotBits, from: number): ArrayLike<number> {
  const count = borders({ words })
  const stretches = new Float64Array(count + (count % 2))
  let at = 0
  let before = 0
  for (let w = 0; w < words.length; w++) {
    const word = words[w] ?? 0
    let changes = word ^ ((word << 1) | before)
    before = word >>> 31
    while (changes !== 0) {
      const low = changes & -changes
      const n = from + w * WORD + 31 - Math.clz32(low)
      // A living one begins a stretch, a dead one ends it before itself.
      stretches[at++] = (word & low) === 0 ? n - 1 : n
      changes ^= low
    }
  }
  // The last word may be full of dots.
  if (at < stretches.length) stretches[at] = from + dots - 1
  return stretches
}

function clearBeyond({ words, dots }: DotBits): void {
  if (dots % WORD === 0) return
  words[words.length - 1] = (words.at(-1) ?? 0) & (2 ** (dots % WORD) - 1)
}

function byteOf({ words }: DotBits, i: number): number {
  return ((words[i >>> 2] ?? 0) >>> ((i & 3) * 8)) & 0xff
}
