/**
 * Reads LevelDB's write-ahead log the way LevelDB will, to know before it is opened what LevelDB
 * would only say in its LOG file: it cuts a torn tail, and it also skips damaged records in the
 * middle and goes on, which would open a hole in the history of acknowledged batches.
 *
 * Format (LevelDB, doc/log_format.md): blocks of 32 KiB; a record is a masked CRC-32C of type and
 * payload (4 bytes, little-endian), the payload's length (2) and a type 1 … 4; records never cross a
 * block, and fewer than 7 bytes at a block's end are padding.
 */

const BLOCK_BYTES = 32_768
const HEADER_BYTES = 7
const TYPE_MAX = 4
const MASK_DELTA = 0xa282ead8
const CASTAGNOLI = 0x82f63b78

export interface LogReport {
  /** Bytes at the end that are no whole records: a batch that was never acknowledged. */
  readonly tornBytes: number
  /** Where a damaged record is followed by sound ones, if anywhere: acknowledged data is missing. */
  readonly damagedAt: number | undefined
}

/** Scans one log file's bytes. */
export function scanLevelLog(bytes: Uint8Array): LogReport {
  const table = crcTable()
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let firstBad: number | undefined
  for (let block = 0; block < bytes.length; block += BLOCK_BYTES) {
    const end = Math.min(block + BLOCK_BYTES, bytes.length)
    for (let at = block; end - at >= HEADER_BYTES; ) {
      const payloadBytes = view.getUint16(at + 4, true)
      const next = at + HEADER_BYTES + payloadBytes
      if (next <= end && isSound(table, view, bytes, at, next)) {
        if (firstBad !== undefined) return { tornBytes: 0, damagedAt: firstBad }
      } else {
        firstBad ??= at
      }
      // A length that leaves the block says nothing about where the next record starts.
      if (next > end) break
      at = next
    }
    const rest = end === block + BLOCK_BYTES ? 0 : trailingBytes(view, block, end)
    if (rest > 0) firstBad ??= end - rest
  }
  return { tornBytes: firstBad === undefined ? 0 : bytes.length - firstBad, damagedAt: undefined }
}

/** Bytes after the last record of an unfinished block that are too few for a header. */
function trailingBytes(view: DataView, block: number, end: number): number {
  let at = block
  while (end - at >= HEADER_BYTES) {
    const next = at + HEADER_BYTES + view.getUint16(at + 4, true)
    if (next > end) return 0
    at = next
  }
  return end - at
}

function isSound(
  table: Uint32Array,
  view: DataView,
  bytes: Uint8Array,
  at: number,
  next: number,
): boolean {
  const type = bytes[at + 6] ?? 0
  if (type === 0 || type > TYPE_MAX) return false
  let crc = 0xffffffff
  for (let i = at + 6; i < next; i++) {
    crc = (crc >>> 8) ^ (table[(crc ^ (bytes[i] ?? 0)) & 0xff] ?? 0)
  }
  crc = ~crc >>> 0
  const masked = (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0
  return masked === view.getUint32(at, true)
}

function crcTable(): Uint32Array {
  const table = new Uint32Array(256)
  for (let i = 0; i < 256; i++) {
    let crc = i
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ CASTAGNOLI : crc >>> 1
    table[i] = crc >>> 0
  }
  return table
}
