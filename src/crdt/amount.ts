import { type Cursor, readVarint, writeVarint } from './varint.ts'

/*
 * A counter's amount as bytes, one spelling each: flags (1: grow-only, 2: negative, 4: big) and the
 * magnitude, a varint up to 2^53 − 1, else its length and its bytes, least first.
 */

const GROW_ONLY = 1
const NEGATIVE = 2
const BIG = 4
/** 256 bits: far above every sum of 53-bit increments that a network can make. */
const BIG_BYTES_MAX = 32
export const AMOUNT_BYTES_MAX: number = 2 + BIG_BYTES_MAX

/** Writes an amount. @returns the offset after it @throws {RangeError} above 256 bits */
export function writeAmount(
  bytes: Uint8Array,
  start: number,
  amount: number | bigint,
  growOnly: boolean,
): number {
  const isNegative = amount < 0
  const flags = (growOnly ? GROW_ONLY : 0) | (isNegative ? NEGATIVE : 0)
  const small = Number(amount)
  if (Number.isSafeInteger(small)) {
    bytes[start] = flags
    return writeVarint(bytes, start + 1, Math.abs(small))
  }
  const digits: number[] = []
  const whole = BigInt(amount)
  for (let rest = isNegative ? -whole : whole; rest > 0n; rest >>= 8n) {
    digits.push(Number(rest & 0xffn))
  }
  if (digits.length > BIG_BYTES_MAX) throw new RangeError(`Cannot count beyond 256 bits: ${amount}`)
  let at = start
  bytes[at++] = flags | BIG
  bytes[at++] = digits.length
  for (const digit of digits) bytes[at++] = digit
  return at
}

/** Reads an amount of our own making, or one that {@link amountEnd} let pass. */
export function readAmount(bytes: Uint8Array, start: number, cursor: Cursor): number | bigint {
  const flags = bytes[start] ?? 0
  const isNegative = (flags & NEGATIVE) !== 0
  if ((flags & BIG) === 0) {
    cursor.at = start + 1
    const magnitude = readVarint(bytes, cursor)
    return isNegative ? -magnitude : magnitude
  }
  let value = 0n
  const length = bytes[start + 1] ?? 0
  for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[start + 2 + i] ?? 0)
  cursor.at = start + 2 + length
  return isNegative ? -value : value
}

export function isGrowOnlyAmount(bytes: Uint8Array, start: number): boolean {
  return ((bytes[start] ?? 0) & GROW_ONLY) !== 0
}

/** The offset after an amount that somebody else wrote, or −1 when it is malformed or has a second spelling. */
export function amountEnd(bytes: Uint8Array, start: number, end: number): number {
  const flags = bytes[start] ?? 0xff
  if (start >= end || flags > 7) return -1
  let at = start + 1
  if ((flags & BIG) !== 0) {
    const length = bytes[at++] ?? 0
    if (length > BIG_BYTES_MAX || length < 7 || at + length > end) return -1
    const top = bytes[at + length - 1] ?? 0
    // 2^53 − 1 and below is written as a varint.
    const isSmall = length === 7 && top < 0x20
    return top === 0 || isSmall ? -1 : at + length
  }
  let magnitude = 0
  let scale = 1
  for (let i = 0; i < 8; i++) {
    if (at >= end) return -1
    const byte = bytes[at++] ?? 0
    magnitude += (byte & 0x7f) * scale
    if (byte < 0x80) {
      const isCanonical = (byte > 0 || i === 0) && Number.isSafeInteger(magnitude)
      const isMinusZero = magnitude === 0 && (flags & NEGATIVE) !== 0
      return isCanonical && !isMinusZero ? at : -1
    }
    scale *= 0x80
  }
  return -1
}
