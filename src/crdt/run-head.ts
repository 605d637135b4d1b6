import { present } from '../base/assert.ts'
import { hex } from '../base/bytes.ts'
import { type Decoded, DecodeError } from '../base/codec.ts'
import { parseReplicaId } from '../base/ids.ts'
import type { Lanes } from './event-draft.ts'
import { RUN_BYTES_MAX, RUN_EVENTS_MAX } from './limits.ts'
import {
  CHAIN_BYTES,
  MODE_ENTRIES,
  REPLICA_BYTES,
  RUN_VERSION,
  type RunHead,
} from './run-format.ts'
import { type Cursor, readVarint } from './varint.ts'

const VARINT_BYTES_MAX = 8
const HEAD_BYTES_MIN = 1 + REPLICA_BYTES + 3

/** Reads who wrote which dots, without the events. Never throws. */
export function decodeRunHead(bytes: Uint8Array): Decoded<RunHead> {
  try {
    return { ok: true, value: readRunHead(bytes, { at: 0 }) }
  } catch (error) {
    if (error instanceof DecodeError) return { ok: false, reason: error.message }
    throw error
  }
}

/** @param cursor stands behind the head afterwards @throws {DecodeError} */
export function readRunHead(bytes: Uint8Array, cursor: Cursor): RunHead {
  if (bytes.length > RUN_BYTES_MAX) throw new DecodeError('run too long')
  if (bytes.length < HEAD_BYTES_MIN) throw new DecodeError('bytes end early')
  const version = bytes[0] ?? 0
  if ((version & ~MODE_ENTRIES) !== RUN_VERSION) throw new DecodeError('unknown run version')
  const isEntries = (version & MODE_ENTRIES) !== 0
  const id = hex(bytes.subarray(1, 1 + REPLICA_BYTES))
  const replica = present(parseReplicaId(id), 'replica id of 16 bytes')
  cursor.at = 1 + REPLICA_BYTES
  const n0 = checkedVarint(bytes, cursor)
  const count = checkedVarint(bytes, cursor)
  const stamp = checkedVarint(bytes, cursor)
  if (n0 === 0 || count === 0) throw new DecodeError('run without dots')
  if (!isEntries && count > RUN_EVENTS_MAX) throw new DecodeError('number above its limit')
  if (!Number.isSafeInteger(n0 + count)) throw new DecodeError('number above its limit')
  if (!isEntries && cursor.at + CHAIN_BYTES > bytes.length) {
    throw new DecodeError('bytes end early')
  }
  return { replica, n0, count, isEntries, stamp }
}

/** The chain that a run in log mode ends with. */
export function chainAfter(bytes: Uint8Array): Lanes {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return { high: view.getInt32(bytes.length - 8), low: view.getInt32(bytes.length - 4) }
}

function checkedVarint(bytes: Uint8Array, cursor: Cursor): number {
  let end = cursor.at
  while ((bytes[end] ?? 0) >= 0x80) end += 1
  const length = end + 1 - cursor.at
  if (end >= bytes.length) throw new DecodeError('bytes end early')
  if (length > VARINT_BYTES_MAX) throw new DecodeError('varint too long')
  if (length > 1 && bytes[end] === 0) throw new DecodeError('varint has a second spelling')
  const value = readVarint(bytes, cursor)
  if (!Number.isSafeInteger(value)) throw new DecodeError('number above its limit')
  return value
}
