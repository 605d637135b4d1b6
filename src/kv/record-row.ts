import { type Decoded, decode, Writer } from '../base/codec.ts'
import type { Millis } from '../base/core.ts'
import { type DhtRecord, RECORD_BYTES_MAX } from '../records/record.ts'

/** Owner of our rows; the rest of a row's key is the hex of the record's id. */
export const ROW_PREFIX = 'kv!'

/** A row: until when older versions are refused for the sake of what was replaced, then the envelope. */
export function encodeRow(record: DhtRecord, keepUntil: Millis): Uint8Array {
  return new Writer(record.bytes.length + 16).varint(keepUntil).bytes(record.bytes).take()
}

export function decodeRow(
  bytes: Uint8Array,
): Decoded<{ readonly keepUntil: Millis; readonly record: Uint8Array }> {
  return decode(bytes, (reader) => {
    const keepUntil = reader.varint()
    const record = reader.bytes(RECORD_BYTES_MAX)
    reader.end()
    return { keepUntil, record }
  })
}
