import { fromHex, fromUtf8, hex, utf8 } from '../base/bytes.ts'
import { DecodeError, decode, Writer } from '../base/codec.ts'
import type { StoreRow, StoreWrite } from '../base/core.ts'
import { HearsayError } from '../base/errors.ts'
import { equal64, HASH64_BYTES, hash64 } from '../base/hash.ts'
import { parseReplicaId, type ReplicaId } from '../base/ids.ts'
import { readReplica, replicaBytes } from '../crdt/transaction.ts'

/*
 * Rows of the durable store, all under `state!`:
 *   state!replica                      version (1) · replica id (16) · hash64 of both (8)
 *   state!log!GROUP!REPLICA!N0         one encoded transaction, which carries its own checksum
 * GROUP is the name's UTF-8 in hexadecimal, N0 fourteen hexadecimal digits, so key order is log order.
 */

const REPLICA_KEY = 'state!replica'
const LOG_KEY = /^state!log!([0-9a-f]+)!([0-9a-f]{32})!([0-9a-f]{14})$/
const VERSION = 1

export type ParsedRow =
  | { readonly type: 'replica'; readonly replica: ReplicaId }
  | {
      readonly type: 'log'
      readonly group: string
      readonly replica: ReplicaId
      readonly n0: number
    }

/** The row that gives a store its writing identity. */
export function replicaRow(replica: ReplicaId): StoreWrite {
  const body = new Writer().uint8(VERSION).raw(replicaBytes(replica)).finish()
  const checksum = hash64(body)
  const value = new Writer().raw(body).uint32(checksum.high).uint32(checksum.low).finish()
  return { key: REPLICA_KEY, value }
}

/** The key of one transaction's row. */
export function logKey(group: string, replica: ReplicaId, n0: number): string {
  return `state!log!${hex(utf8(group))}!${replica}!${n0.toString(16).padStart(14, '0')}`
}

/** What a row is, by its key. @throws {HearsayError} ERR_STORE when it is damaged or not ours */
export function parseRow(row: StoreRow): ParsedRow {
  if (row.key === REPLICA_KEY) return { type: 'replica', replica: parseReplicaRow(row.value) }
  const parts = LOG_KEY.exec(row.key)
  const name = fromHex(parts?.[1] ?? '')
  const replica = parseReplicaId(parts?.[2] ?? '')
  if (name === undefined || replica === undefined) {
    throw damaged(`unknown row ${row.key}`)
  }
  return {
    type: 'log',
    group: fromUtf8(name),
    replica,
    n0: Number.parseInt(parts?.[3] ?? '', 16),
  }
}

/** The error for state that must not be served. */
export function damaged(what: string): HearsayError {
  return new HearsayError('ERR_STORE', `Cannot load replicated state: ${what}`, {
    hint: 'Restore a backup, or start with an empty data directory: other members hold the state',
  })
}

function parseReplicaRow(value: Uint8Array): ReplicaId {
  const decoded = decode(value, (reader) => {
    if (reader.uint8() !== VERSION) throw new DecodeError('unknown version')
    const replica = readReplica(reader)
    const stored = { high: reader.uint32(), low: reader.uint32() }
    reader.end()
    const checksum = hash64(value.subarray(0, value.length - HASH64_BYTES))
    if (!equal64(checksum, stored)) throw new DecodeError('checksum differs')
    return replica
  })
  if (!decoded.ok) throw damaged(`row ${REPLICA_KEY}: ${decoded.reason}`)
  return decoded.value
}
