import { fromHex, fromUtf8, hex, utf8 } from '../../base/bytes.ts'
import { DecodeError, decode, type Reader, readText, Writer } from '../../base/codec.ts'
import type { StoreRow, StoreWrite } from '../../base/core.ts'
import { HearsayError } from '../../base/errors.ts'
import { equal64, HASH64_BYTES, hash64 } from '../../base/hash.ts'
import type { ReplicaId } from '../../base/ids.ts'
import { RUN_BYTES_MAX } from '../../crdt/limits.ts'
import { readReplica, replicaBytes } from '../../crdt/replica-bytes.ts'
import {
  type BaseItem,
  type BaseWriter,
  readHead,
  readItems,
  writeHead,
  writeItems,
} from '../base/base.ts'
import type { Reissue } from '../identity/reissue.ts'

/*
 * Rows of the durable store, all under `state!`:
 *   state!replica                      version (1) · replica id (16) · hash64 of both (8)
 *   state!place                        version (1) · where the store lies, as text: another one means a copy
 *   state!log!GROUP!SEQUENCE           runs that became durable together: number, then each with its length
 *                                      or 0, 1 and items of an adopted base, or 0, 2 and its head,
 *                                      or 0, 3 and a reissue, see reissue.ts, or 0, 4 where nothing is left,
 *                                      or 0, 5 where rows up to this one were lost to the disk, and the
 *                                      group's next row when that was noticed
 *   state!writer!GROUP                 as state!replica, for a group that is written under another id
 *   state!base!GROUP                   manifest of the group's snapshot, see snapshot.ts
 *   state!base!GROUP!EPOCH!INDEX       items of a snapshot; EPOCH and INDEX eight hexadecimal digits
 * GROUP is the name's UTF-8 in hexadecimal, SEQUENCE fourteen hexadecimal digits, so key order is log order.
 */

const REPLICA_KEY = 'state!replica'
const PLACE_KEY = 'state!place'
const WRITER_KEY = /^state!writer!([0-9a-f]+)$/
const BASE_KEY = /^state!base!([0-9a-f]+)(?:!([0-9a-f]{8})!([0-9a-f]{8}))?$/
const LOG_KEY = /^state!log!([0-9a-f]+)!([0-9a-f]{14})$/
const ADOPTED_ITEMS = 1
const ADOPTED_HEAD = 2
const REISSUED = 3
const NOTHING = 4
const LOST = 5
/** Items of an adopted base in one row. */
const ROW_ITEMS = 16
/** Runs that one row may hold. */
const ROW_RUNS_MAX = 1 << 20
const VERSION = 1
/** A place in UTF-8. */
const PLACE_BYTES_MAX = 256

export type ParsedRow =
  | { readonly type: 'replica'; readonly replica: ReplicaId }
  | { readonly type: 'place'; readonly place: string }
  | { readonly type: 'writer'; readonly group: string; readonly replica: ReplicaId }
  | {
      readonly type: 'log'
      readonly group: string
      readonly sequence: number
      readonly runs: readonly Uint8Array[]
    }
  /** Part of a base that was adopted from a peer. */
  | {
      readonly type: 'adopted-items'
      readonly group: string
      readonly sequence: number
      readonly items: readonly BaseItem[]
    }
  | {
      readonly type: 'adopted-head'
      readonly group: string
      readonly sequence: number
      readonly head: readonly BaseWriter[]
    }
  | {
      readonly type: 'lost'
      readonly group: string
      readonly sequence: number
      readonly noticedAt: number
    }
  | {
      readonly type: 'reissued'
      readonly group: string
      readonly sequence: number
      readonly reissue: Reissue
    }
  | { readonly type: 'manifest'; readonly group: string; readonly value: Uint8Array }
  | {
      readonly type: 'chunk'
      readonly group: string
      readonly epoch: number
      readonly index: number
      readonly value: Uint8Array
    }

/** The row that gives a store its writing identity. */
export function replicaRow(replica: ReplicaId): StoreWrite {
  return { key: REPLICA_KEY, value: identityValue(replica) }
}

/** The row that says where a store was written. @throws {RangeError} above 256 bytes */
export function placeRow(place: string): StoreWrite {
  const bytes = utf8(place)
  if (bytes.length > PLACE_BYTES_MAX) {
    throw new RangeError(`Cannot use option place: above ${PLACE_BYTES_MAX} bytes: ${bytes.length}`)
  }
  return { key: PLACE_KEY, value: new Writer().uint8(VERSION).bytes(bytes).finish() }
}

/** The row that gives a group a writing identity of its own. */
export function writerRow(group: string, replica: ReplicaId): StoreWrite {
  return { key: `state!writer!${hex(utf8(group))}`, value: identityValue(replica) }
}

function identityValue(replica: ReplicaId): Uint8Array {
  const body = new Writer().uint8(VERSION).raw(replicaBytes(replica)).finish()
  const checksum = hash64(body)
  return new Writer().raw(body).uint32(checksum.high).uint32(checksum.low).finish()
}

/** The key of a row of the log. */
export function logKey(group: string, sequence: number): string {
  return `state!log!${hex(utf8(group))}!${sequence.toString(16).padStart(14, '0')}`
}

/** The key of a group's snapshot. */
export function manifestKey(group: string): string {
  return `state!base!${hex(utf8(group))}`
}

/** The key of a part of a snapshot. */
export function baseKey(group: string, epoch: number, index: number): string {
  const digits = (value: number): string => value.toString(16).padStart(8, '0')
  return `${manifestKey(group)}!${digits(epoch)}!${digits(index)}`
}

/** The rows of an adopted base: its items, then its head, which makes them valid. */
export function adoptedRows(
  group: string,
  sequence: number,
  { head, items }: { readonly head: readonly BaseWriter[]; readonly items: readonly BaseItem[] },
): readonly StoreWrite[] {
  const writes: StoreWrite[] = []
  const push = (value: Uint8Array): void => {
    writes.push({ key: logKey(group, sequence + writes.length), value })
  }
  for (let from = 0; from < items.length; from += ROW_ITEMS) {
    const writer = new Writer(1024).varint(0).uint8(ADOPTED_ITEMS)
    writeItems(writer, items.slice(from, from + ROW_ITEMS))
    push(writer.finish())
  }
  const writer = new Writer(256).varint(0).uint8(ADOPTED_HEAD)
  writeHead(writer, head)
  push(writer.finish())
  return writes
}

/** The row of a reissue. */
export function reissuedRow(group: string, sequence: number, reissue: Reissue): StoreWrite {
  const { former, n, chain, kills, ours, revived, runs } = reissue
  const writer = new Writer(256).varint(0).uint8(REISSUED).raw(replicaBytes(former)).varint(n)
  writer.uint32(chain.high >>> 0).uint32(chain.low >>> 0)
  for (const dots of [kills, ours]) {
    writer.varint(dots.length)
    for (const dot of dots) writer.varint(dot)
  }
  for (const list of [revived, runs]) {
    writer.varint(list.length)
    for (const bytes of list) writer.bytes(bytes)
  }
  return { key: logKey(group, sequence), value: writer.finish() }
}

/**
 * The row that stands for rows which the disk lost: what follows may need what they held.
 * @param noticedAt the group's next row: those from here on were written in the knowledge of it
 */
export function lostRow(group: string, sequence: number, noticedAt: number): StoreWrite {
  const value = new Writer(16).varint(0).uint8(LOST).varint(noticedAt).finish()
  return { key: logKey(group, sequence), value }
}

/** Where a row of the log belongs; undefined for other keys. */
export function logPlace(key: string): { group: string; sequence: number } | undefined {
  const parts = LOG_KEY.exec(key)
  const name = fromHex(parts?.[1] ?? '')
  if (parts === null || name === undefined) return undefined
  return { group: fromUtf8(name), sequence: Number.parseInt(parts[2] ?? '', 16) }
}

/** The group of a row of a snapshot, or of a group's own identity; undefined for other keys. */
export function groupOfRow(key: string): string | undefined {
  const parts = BASE_KEY.exec(key) ?? WRITER_KEY.exec(key)
  const name = fromHex(parts?.[1] ?? '')
  return parts === null || name === undefined ? undefined : fromUtf8(name)
}

/** A row of the log. */
export function logRow(group: string, sequence: number, runs: readonly Uint8Array[]): StoreWrite {
  if (runs.length === 0) {
    const value = new Writer(2).varint(0).uint8(NOTHING).finish()
    return { key: logKey(group, sequence), value }
  }
  let bytes = 8
  for (const run of runs) bytes += run.length + 5
  const writer = new Writer(bytes).varint(runs.length)
  for (const run of runs) writer.bytes(run)
  return { key: logKey(group, sequence), value: writer.finish() }
}

/** What a row is, by its key. @throws {HearsayError} ERR_STORE when it is damaged or not ours */
export function parseRow(row: StoreRow): ParsedRow {
  if (row.key === REPLICA_KEY)
    return { type: 'replica', replica: parseIdentity(row.key, row.value) }
  if (row.key === PLACE_KEY) return { type: 'place', place: parsePlace(row.key, row.value) }
  const writer = WRITER_KEY.exec(row.key)
  if (writer !== null) {
    const group = groupName(row.key, writer[1])
    return { type: 'writer', group, replica: parseIdentity(row.key, row.value) }
  }
  const base = BASE_KEY.exec(row.key)
  if (base !== null) {
    const group = groupName(row.key, base[1])
    const epoch = Number.parseInt(base[2] ?? '0', 16)
    const index = Number.parseInt(base[3] ?? '0', 16)
    const { value } = row
    return base[2] === undefined
      ? { type: 'manifest', group, value }
      : { type: 'chunk', group, epoch, index, value }
  }
  const parts = LOG_KEY.exec(row.key)
  if (parts === null) throw damaged(`unknown row ${row.key}`)
  const group = groupName(row.key, parts[1])
  const sequence = Number.parseInt(parts[2] ?? '', 16)
  const read = decode(row.value, (reader) => readLogRow(reader, group, sequence))
  if (!read.ok) throw damaged(`row ${row.key}: ${read.reason}`)
  return read.value
}

function readLogRow(reader: Reader, group: string, sequence: number): ParsedRow {
  const count = reader.varint(ROW_RUNS_MAX)
  if (count === 0) {
    const row = readOtherRow(reader, group, sequence)
    reader.end()
    return row
  }
  const runs: Uint8Array[] = []
  for (let i = 0; i < count; i++) runs.push(reader.bytes(RUN_BYTES_MAX))
  reader.end()
  return { type: 'log', group, sequence, runs }
}

function readOtherRow(reader: Reader, group: string, sequence: number): ParsedRow {
  const kind = reader.uint8()
  switch (kind) {
    case ADOPTED_ITEMS:
      return { type: 'adopted-items', group, sequence, items: readItems(reader) }
    case ADOPTED_HEAD:
      return { type: 'adopted-head', group, sequence, head: readHead(reader) }
    case REISSUED:
      return { type: 'reissued', group, sequence, reissue: readReissue(reader) }
    case LOST:
      return { type: 'lost', group, sequence, noticedAt: reader.varint() }
    case NOTHING:
      return { type: 'log', group, sequence, runs: [] }
    default:
      throw new DecodeError('unknown row')
  }
}

function readReissue(reader: Reader): Reissue {
  const former = readReplica(reader)
  const n = reader.varint()
  const chain = { high: reader.uint32() | 0, low: reader.uint32() | 0 }
  const [kills, ours] = [readDots(reader), readDots(reader)]
  const [revived, runs] = [readRuns(reader), readRuns(reader)]
  return { former, n, chain, kills, ours, revived, runs }
}

function readDots(reader: Reader): readonly number[] {
  const dots: number[] = []
  for (let left = reader.varint(ROW_RUNS_MAX); left > 0; left--) dots.push(reader.varint())
  return dots
}

function readRuns(reader: Reader): readonly Uint8Array[] {
  const runs: Uint8Array[] = []
  for (let left = reader.varint(ROW_RUNS_MAX); left > 0; left--) {
    runs.push(reader.bytes(RUN_BYTES_MAX))
  }
  return runs
}

function groupName(key: string, hexadecimal: string | undefined): string {
  const name = fromHex(hexadecimal ?? '')
  if (name === undefined) throw damaged(`unknown row ${key}`)
  return fromUtf8(name)
}

/** The error for state that must not be served. */
export function damaged(what: string): HearsayError {
  return new HearsayError('ERR_STORE', `Cannot load replicated state: ${what}`, {
    hint: 'Restore a backup, or start with an empty data directory: other members hold the state',
  })
}

function parsePlace(key: string, value: Uint8Array): string {
  const decoded = decode(value, (reader) => {
    if (reader.uint8() !== VERSION) throw new DecodeError('unknown version')
    const place = readText(reader, PLACE_BYTES_MAX)
    reader.end()
    return place
  })
  if (!decoded.ok) throw damaged(`row ${key}: ${decoded.reason}`)
  return decoded.value
}

function parseIdentity(key: string, value: Uint8Array): ReplicaId {
  const decoded = decode(value, (reader) => {
    if (reader.uint8() !== VERSION) throw new DecodeError('unknown version')
    const replica = readReplica(reader)
    const stored = { high: reader.uint32(), low: reader.uint32() }
    reader.end()
    const checksum = hash64(value.subarray(0, value.length - HASH64_BYTES))
    if (!equal64(checksum, stored)) throw new DecodeError('checksum differs')
    return replica
  })
  if (!decoded.ok) throw damaged(`row ${key}: ${decoded.reason}`)
  return decoded.value
}
