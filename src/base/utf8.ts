import { fromUtf8, utf8 } from './bytes.ts'

/*
 * UTF-8 in place, for loops that handle millions of short texts: no intermediate arrays.
 */

/** Most bytes that a text of this many UTF-16 code units takes. */
export function utf8BytesMax(text: string): number {
  return text.length * 3
}

/**
 * Writes a well-formed text as UTF-8; there must be room for {@link utf8BytesMax}.
 * @returns the offset after it, or −1 on a lone surrogate
 */
export function writeUtf8(text: string, bytes: Uint8Array, start: number): number {
  let at = start
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) {
      bytes[at++] = unit
      continue
    }
    if (unit >= 0xd800) return writeRest(text, i, bytes, at)
    if (unit < 0x800) bytes[at++] = 0xc0 | (unit >>> 6)
    else {
      bytes[at++] = 0xe0 | (unit >>> 12)
      bytes[at++] = 0x80 | ((unit >>> 6) & 0x3f)
    }
    bytes[at++] = 0x80 | (unit & 0x3f)
  }
  return at
}

/** The text of well-formed UTF-8. */
export function readUtf8(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > 64) return fromUtf8(bytes.subarray(start, end))
  const units: number[] = []
  for (let i = start; i < end; i++) {
    const byte = bytes[i] ?? 0
    if (byte >= 0x80) return fromUtf8(bytes.subarray(start, end))
    units.push(byte)
  }
  // At once: a text that is put together of parts keeps them in memory.
  return String.fromCharCode(...units)
}

/** Whether bytes are UTF-8 as the standard has it: shortest forms, no surrogates (RFC 3629 §4). */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start
  while (at < end) {
    const lead = bytes[at++] ?? 0
    if (lead < 0x80) continue
    const more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1
    if (lead < 0xc2 || lead > 0xf4 || at + more > end) return false
    const second = bytes[at] ?? 0
    const isShortest =
      (lead !== 0xe0 || second >= 0xa0) &&
      (lead !== 0xed || second < 0xa0) &&
      (lead !== 0xf0 || second >= 0x90) &&
      (lead !== 0xf4 || second < 0x90)
    if (!isShortest) return false
    for (let i = 0; i < more; i++) if (((bytes[at++] ?? 0) & 0xc0) !== 0x80) return false
  }
  return true
}

function writeRest(text: string, from: number, bytes: Uint8Array, at: number): number {
  const rest = text.slice(from)
  if (!rest.isWellFormed()) return -1
  const encoded = utf8(rest)
  bytes.set(encoded, at)
  return at + encoded.length
}
