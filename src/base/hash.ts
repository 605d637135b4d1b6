import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'

/** SHA-256, 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return nobleSha256(bytes)
}

/** A 64-bit hash as two unsigned 32-bit halves. */
export interface Hash64 {
  readonly high: number
  readonly low: number
}

export const HASH64_BYTES = 8
export const HASH64_ZERO: Hash64 = { high: 0, low: 0 }

const MULTIPLIER_HIGH = 0x9e3779b1
const MULTIPLIER_LOW = 0x85ebca6b
const OFFSET_HIGH = 0x3c6ef372
const OFFSET_LOW = 0xa54ff53a

/**
 * Fast 64-bit hash of bytes for checksums and fingerprints: two 32-bit lanes of multiply-rotate, each step
 * a bijection of the state. Finds damage and accidental differences; no defence against forgers.
 */
export function hash64(bytes: Uint8Array, seed: Hash64 = HASH64_ZERO): Hash64 {
  let high = (seed.high ^ OFFSET_HIGH) | 0
  let low = (seed.low ^ OFFSET_LOW) | 0
  const length = bytes.length
  for (let i = 0; i < length; i += 4) {
    // Bytes past the end read as undefined, which the bitwise operators turn into zero.
    const word =
      (bytes[i] ?? 0) |
      ((bytes[i + 1] ?? 0) << 8) |
      ((bytes[i + 2] ?? 0) << 16) |
      ((bytes[i + 3] ?? 0) << 24)
    high ^= word
    high = (Math.imul((high << 15) | (high >>> 17), MULTIPLIER_HIGH) + low) | 0
    low ^= high
    low = (Math.imul((low << 13) | (low >>> 19), MULTIPLIER_LOW) + word) | 0
  }
  return finish64(high, low, length)
}

/** As {@link hash64}, over the UTF-16 code units of a text. */
export function hashText64(text: string, seed: Hash64 = HASH64_ZERO): Hash64 {
  let high = (seed.high ^ OFFSET_HIGH) | 0
  let low = (seed.low ^ OFFSET_LOW) | 0
  const length = text.length
  for (let i = 0; i < length; i += 2) {
    const second = i + 1 < length ? text.charCodeAt(i + 1) : 0
    const word = text.charCodeAt(i) | (second << 16)
    high ^= word
    high = (Math.imul((high << 15) | (high >>> 17), MULTIPLIER_HIGH) + low) | 0
    low ^= high
    low = (Math.imul((low << 13) | (low >>> 19), MULTIPLIER_LOW) + word) | 0
  }
  return finish64(high, low, length)
}

export function equal64(a: Hash64, b: Hash64): boolean {
  return a.high === b.high && a.low === b.low
}

function finish64(high: number, low: number, length: number): Hash64 {
  let a = high ^ length
  let b = low
  for (let round = 0; round < 2; round++) {
    a = (a + b) | 0
    a = Math.imul(a ^ (a >>> 16), 0x7feb352d)
    a = Math.imul(a ^ (a >>> 15), 0x846ca68b)
    a ^= a >>> 16
    b = (b + a) | 0
    b = Math.imul(b ^ (b >>> 15), 0x2c1b3c6d)
    b = Math.imul(b ^ (b >>> 12), 0x297a2d39)
    b ^= b >>> 15
  }
  return { high: a >>> 0, low: b >>> 0 }
}
