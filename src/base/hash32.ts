/*
 * Hashes over ranges of bytes as plain 32-bit integers, so that hot loops make no objects. A 64-bit hash is
 * two of them with different seeds ("lanes"). MurmurHash3's mixing (Appleby, public domain): finds damage
 * and accidental differences, no defence against forgers.
 */

/** Seeds of the two lanes of a 64-bit hash. */
export const LANE_HIGH = 0x3c6ef372
export const LANE_LOW = 0x1b873593

const C1 = 0xcc9e2d51 | 0
const C2 = 0x1b873593

/** Hash of the bytes in [start, end); a signed 32-bit integer. */
export function hash32(view: DataView, start: number, end: number, seed: number): number {
  let h = seed | 0
  let at = start
  for (; at + 4 <= end; at += 4) h = hashWord(h, view.getInt32(at, true))
  let tail = 0
  if (at < end) {
    tail = view.getUint8(at)
    if (at + 1 < end) tail |= view.getUint8(at + 1) << 8
    if (at + 2 < end) tail |= view.getUint8(at + 2) << 16
  }
  return hashEnd(h, tail, end - start)
}

/** {@link hash32} after four bytes more, as a little-endian integer; begins with the seed. */
export function hashWord(hash: number, word: number): number {
  const h = hash ^ scramble32(word)
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0
}

/** {@link hash32} after all whole words. @param tail up to three bytes, little-endian @param length of all bytes */
export function hashEnd(hash: number, tail: number, length: number): number {
  return finish32(hash ^ scramble32(tail) ^ length)
}

/** Both lanes of a 64-bit hash in one pass: {@link hash32} with LANE_HIGH and with LANE_LOW. */
export function hashLanes(
  view: DataView,
  start: number,
  end: number,
  into: { high: number; low: number },
): void {
  let high = LANE_HIGH | 0
  let low = LANE_LOW | 0
  let at = start
  for (; at + 4 <= end; at += 4) {
    const k = Math.imul(view.getInt32(at, true), C1)
    const mixed = Math.imul((k << 15) | (k >>> 17), C2)
    high ^= mixed
    high = (Math.imul((high << 13) | (high >>> 19), 5) + 0xe6546b64) | 0
    low ^= mixed
    low = (Math.imul((low << 13) | (low >>> 19), 5) + 0xe6546b64) | 0
  }
  if (at < end) {
    let tail = view.getUint8(at)
    if (at + 1 < end) tail |= view.getUint8(at + 1) << 8
    if (at + 2 < end) tail |= view.getUint8(at + 2) << 16
    const k = Math.imul(tail, C1)
    const mixed = Math.imul((k << 15) | (k >>> 17), C2)
    high ^= mixed
    low ^= mixed
  }
  into.high = finish32(high ^ (end - start))
  into.low = finish32(low ^ (end - start))
}

/** Mixes a 32-bit value into a hash; not commutative. */
export function mix32(hash: number, value: number): number {
  const k = Math.imul(value | 0, C1)
  const h = hash ^ Math.imul((k << 15) | (k >>> 17), C2)
  return finish32((Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0)
}

/** Mixes a safe integer into a hash. */
export function mixNumber32(hash: number, value: number): number {
  const low = mix32(hash, value | 0)
  return mix32(low, value >= 0 && value < 2 ** 32 ? 0 : Math.floor(value / 2 ** 32) | 0)
}

/** What {@link mix32} makes of a value before it meets a hash: many hashes may share it. */
export function scramble32(value: number): number {
  const k = Math.imul(value, C1)
  return Math.imul((k << 15) | (k >>> 17), C2)
}

/** Mixes a value that {@link scramble32} has taken into a hash; both are {@link mix32}. */
export function mixScrambled32(hash: number, scrambled: number): number {
  const h = hash ^ scrambled
  return finish32((Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0)
}

function finish32(hash: number): number {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
