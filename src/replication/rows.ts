import { fromHex, fromUtf8, hex, utf8 } from '../base/bytes.ts'
import { DecodeError, decode, Writer } from '../base/codec.ts'
import type { StoreRow, StoreWrite } from '../base/core.ts'
import { HearsayError } from '../base/errors.ts'
import { equal64, HASH64_BYTES, hash64 } from '../base/hash.ts'
import type { ReplicaId } from '../base/ids.ts'
import { RUN_BYTES_MAX } from '../crdt/limits.ts'
import { readReplica, replicaBytes } from './replica-bytes.ts'

/*
 * Rows of the durable store, all under `state!`:
 *   state!replica                      version (1) · replica id (16) · hash64 of both (8)
 *   state!log!GROUP!SEQUENCE           runs that became durable together: number, then each with its length
 * GROUP is the name's UTF-8 in hexadecimal, SEQUENCE fourteen hexadecimal digits, so key order is log order.
 */

const REPLICA_KEY = 'state!replica'
const LOG_KEY = /^state!log!([0-9a-f]+)!([0-9a-f]{14})$/
/** Runs that one row may hold. */
const ROW_RUNS_MAX = 1 << 20
const VERSION = 1

export type ParsedRow =
  | { readonly type: 'replica'; readonly replica: ReplicaId }
  | {
      readonly type: 'log'
      readonly group: string
      readonly sequence: number
      readonly runs: readonly Uint8Array[]
    }

/** The row that gives a store its writing identity. */
export function replicaRow(replica: ReplicaId): StoreWrite {
  const body = new Writer().uint8(VERSION).raw(replicaBytes(replica)).finish()
  const checksum = hash64(body)
  const value = new Writer().raw(body).uint32(checksum.high).uint32(checksum.low).finish()
  return { key: REPLICA_KEY, value }
}

/** The key of a row of the log. */
export function logKey(group: string, sequence: number): string {
  return `state!log!${hex(utf8(group))}!${sequence.toString(16).padStart(14, '0')}`
}

/** A row of the log. */
export function logRow(group: string, sequence: number, runs: readonly Uint8Array[]): StoreWrite {
  let bytes = 8
  for (const run of runs) bytes += run.length + 5
  const writer = new Writer(bytes).varint(runs.length)
  for (const run of runs) writer.bytes(run)
  return { key: logKey(group, sequence), value: writer.finish() }
}

/** What a row is, by its key. @throws {HearsayError} ERR_STORE when it is damaged or not ours */
export function parseRow(row: StoreRow): ParsedRow {
  if (row.key === REPLICA_KEY) return { type: 'replica', replica: parseReplicaRow(row.value) }
  const parts = LOG_KEY.exec(row.key)
  const name = fromHex(parts?.[1] ?? '')
  if (parts === null || name === undefined) throw damaged(`unknown row ${row.key}`)
  const runs = decode(row.value, (reader) => {
    const list: Uint8Array[] = []
    const count = reader.varint(ROW_RUNS_MAX)
    for (let i = 0; i < count; i++) list.push(reader.bytes(RUN_BYTES_MAX))
    reader.end()
    return list
  })
  if (!runs.ok) throw damaged(`row ${row.key}: ${runs.reason}`)
  const sequence = Number.parseInt(parts[2] ?? '', 16)
  return { type: 'log', group: fromUtf8(name), sequence, runs: runs.value }
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
