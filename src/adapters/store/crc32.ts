/** Reversed polynomial of CRC-32 (ISO 3309, as in zlib). */
const POLYNOMIAL = 0xed_b8_83_20
const BYTE_VALUES = 256

/** CRC-32 of bytes or of text in UTF-8. @param before of what comes before them @default of nothing */
export type Crc32 = (data: Uint8Array | string, before?: number) => number

/** By Node.js itself where there is one. */
export const crc32: Crc32 =
  globalThis.process?.getBuiltinModule?.('node:zlib')?.crc32 ?? createCrc32()

/** The same by a table: 8 cycles a byte, where nobody does it faster. */
export function createCrc32(): Crc32 {
  const table = Uint32Array.from({ length: BYTE_VALUES }, (_, byte) => {
    let remainder = byte
    for (let bit = 0; bit < 8; bit++) {
      remainder = (remainder & 1) === 0 ? remainder >>> 1 : (remainder >>> 1) ^ POLYNOMIAL
    }
    return remainder
  })
  return (data, before = 0) => {
    const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data
    let crc = ~before
    for (const byte of bytes) crc = (table[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8)
    return ~crc >>> 0
  }
}
