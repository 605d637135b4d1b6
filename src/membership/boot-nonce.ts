import { compareBytes } from '../base/bytes.ts'
import type { Millis } from '../base/core.ts'
import { type Random, randomBytes } from '../base/random.ts'

export const BOOT_NONCE_BYTES = 8
const TIME_BYTES = 6

/**
 * What tells one process from all others with its key: the Unix time in ms at which it started, 6 bytes
 * big-endian, and 2 random bytes.
 */
export function bootNonce(random: Random, now: Millis): Uint8Array {
  const nonce = randomBytes(random, BOOT_NONCE_BYTES)
  let rest = Math.max(0, Math.floor(now))
  for (let i = TIME_BYTES - 1; i >= 0; i--) {
    nonce[i] = rest % 256
    rest = Math.floor(rest / 256)
  }
  return nonce
}

/** Whether `a` started after `b`, as far as their clocks tell: everybody decides alike. */
export function isYounger(a: Uint8Array, b: Uint8Array): boolean {
  return compareBytes(a, b) > 0
}
