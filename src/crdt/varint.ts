/** Where a reader of bytes of our own making stands. */
export interface Cursor {
  at: number
}

/** Bytes that a safe integer takes as LEB128. */
export function varintLength(value: number): number {
  let length = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length += 1
  return length
}

/** Writes LEB128. @returns the offset after it */
export function writeVarint(bytes: Uint8Array, start: number, value: number): number {
  let at = start
  let rest = value
  // Shifts are faster than divisions and reach up to 31 bits.
  while (rest > 0x7fffffff) {
    bytes[at++] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  let small = rest | 0
  while (small >= 0x80) {
    bytes[at++] = (small & 0x7f) | 0x80
    small >>>= 7
  }
  bytes[at++] = small
  return at
}

/** Reads LEB128 of our own making. */
export function readVarint(bytes: Uint8Array, cursor: Cursor): number {
  let byte = bytes[cursor.at++] ?? 0
  if (byte < 0x80) return byte
  let value = byte & 0x7f
  let scale = 0x80
  do {
    byte = bytes[cursor.at++] ?? 0
    value += (byte & 0x7f) * scale
    scale *= 0x80
  } while (byte >= 0x80)
  return value
}
