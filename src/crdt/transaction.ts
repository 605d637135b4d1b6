import { assert, present } from '../base/assert.ts'
import { fromHex, hex, utf8 } from '../base/bytes.ts'
import { type Decoded, DecodeError, decode, type Reader, Writer } from '../base/codec.ts'
import { HASH64_BYTES, type Hash64, hash64 } from '../base/hash.ts'
import { parseReplicaId, type ReplicaId } from '../base/ids.ts'
import type { Content, Event, IndexedDot, Transaction } from './event.ts'
import { checkJsonText } from './json.ts'
import {
  KEY_BYTES_MAX,
  NAME_BYTES_MAX,
  PATH_DEPTH_MAX,
  TRANSACTION_BYTES_MAX,
  TRANSACTION_EVENTS_MAX,
  VALUE_BYTES_MAX,
} from './limits.ts'

/*
 * Bytes of a transaction, the same in the log and on the wire:
 *
 *   version (1) · flags · replica (16 raw) · n0 · count · stamp · previous (8 raw) · events ·
 *   [trailer] · checksum (8 raw)
 *
 * Numbers are varints. The checksum is hash64 over all bytes before it, seeded by the group's name, so
 * bytes that stray into another group are refused; it is also the transaction's identity, which the
 * writer's next transaction names as `previous`. Flag 1 announces a trailer: length and bytes, kept for
 * signatures. An event is a head (2·kind + 1 when it kills), its content and its kills; kinds from
 * KIND_UNKNOWN on are a length and bytes, so that older nodes can keep and forward what they cannot apply.
 * Names and replica ids are written at first mention and by index after that.
 */

const VERSION = 1
const FLAG_TRAILER = 1
const FLAGS_MAX = 0xffff
const TRAILER_BYTES_MAX = 1024
const REPLICA_BYTES = 16
const KIND_NONE = 0
const KIND_COUNTER = 1
const KIND_GROW_COUNTER = 2
const KIND_SET = 3
const KIND_REGISTER = 4
const KIND_MAP = 5
const KIND_UNKNOWN = 6
const KIND_MAX = 0xffff

/** What identifies a transaction without reading its events. */
export interface TransactionHead {
  readonly replica: ReplicaId
  readonly n0: number
  readonly count: number
  readonly checksum: Hash64
}

/** The checksum seed of a group: see the head comment. */
export function groupSeed(group: string): Hash64 {
  return hash64(utf8(group))
}

/** Encodes a transaction. Its tables must be in order of first mention, as a builder makes them. */
export function encodeTransaction(transaction: Transaction, seed: Hash64): Uint8Array {
  const { replicas, events, previous } = transaction
  const writer = new Writer(128)
  writer.uint8(VERSION).varint(transaction.flags & ~FLAG_TRAILER)
  writer.raw(replicaBytes(present(replicas[0], 'writer of the transaction')))
  writer.varint(transaction.n0).varint(events.length).varint(transaction.stamp)
  writer.uint32(previous.high).uint32(previous.low)
  const names = new Map<string, number>()
  let mentioned = 1
  for (const event of events) {
    if (event.unknown !== undefined) {
      writer.varint(event.unknown.kind * 2).bytes(event.unknown.bytes)
      continue
    }
    writer.varint(kindOf(event.content) * 2 + (event.kills.length > 0 ? 1 : 0))
    if (event.content !== undefined) writeContent(writer, event.content, names)
    if (event.kills.length > 0) mentioned = writeKills(writer, event.kills, replicas, mentioned)
  }
  const checksum = hash64(writer.finish(), seed)
  return writer.uint32(checksum.high).uint32(checksum.low).finish()
}

/** Reads a transaction and proves its checksum. Never throws. */
export function decodeTransaction(bytes: Uint8Array, seed: Hash64): Decoded<Transaction> {
  return decode(bytes, (reader) => {
    const body = bodyLength(bytes)
    const checksum = hash64(bytes.subarray(0, body), seed)
    const head = readHead(reader)
    const stored = checksumOf(bytes)
    if (stored.high !== checksum.high || stored.low !== checksum.low) {
      throw new DecodeError('checksum differs')
    }
    const stamp = reader.varint()
    const previous = { high: reader.uint32(), low: reader.uint32() }
    const tables = { replicas: [head.replica], known: new Set([head.replica]) }
    const names = { list: [], known: new Set<string>() }
    const events: Event[] = []
    for (let i = 0; i < head.count; i++) {
      events.push(readEvent(reader, { ...tables, names, n: head.n0 + i }))
    }
    if ((head.flags & FLAG_TRAILER) !== 0) reader.bytes(TRAILER_BYTES_MAX)
    if (reader.remaining !== HASH64_BYTES) throw new DecodeError('trailing bytes')
    const { n0, flags } = head
    return { n0, stamp, flags, previous, replicas: tables.replicas, events }
  })
}

/** Reads who wrote which dots, without proving the checksum. Never throws. */
export function decodeTransactionHead(bytes: Uint8Array): Decoded<TransactionHead> {
  return decode(bytes, (reader) => {
    bodyLength(bytes)
    const { replica, n0, count } = readHead(reader)
    return { replica, n0, count, checksum: checksumOf(bytes) }
  })
}

/** The checksum that transaction bytes end with. */
export function checksumOf(bytes: Uint8Array): Hash64 {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const at = bytes.length - HASH64_BYTES
  assert(at >= 0, 'a transaction ends with its checksum')
  return { high: view.getUint32(at), low: view.getUint32(at + 4) }
}

/** The 16 bytes of a replica id. */
export function replicaBytes(replica: ReplicaId): Uint8Array {
  return present(fromHex(replica), 'hexadecimal of a replica id')
}

/** Reads the 16 bytes of a replica id. */
export function readReplica(reader: Reader): ReplicaId {
  return present(parseReplicaId(hex(reader.raw(REPLICA_BYTES))), 'replica id of 16 bytes')
}

function bodyLength(bytes: Uint8Array): number {
  if (bytes.length > TRANSACTION_BYTES_MAX) throw new DecodeError('transaction too long')
  if (bytes.length < HASH64_BYTES) throw new DecodeError('bytes end early')
  return bytes.length - HASH64_BYTES
}

function readHead(reader: Reader): {
  replica: ReplicaId
  n0: number
  count: number
  flags: number
} {
  if (reader.uint8() !== VERSION) throw new DecodeError('unknown transaction version')
  const flags = reader.varint(FLAGS_MAX)
  const replica = readReplica(reader)
  const n0 = reader.varint(Number.MAX_SAFE_INTEGER - TRANSACTION_EVENTS_MAX)
  const count = reader.varint(TRANSACTION_EVENTS_MAX)
  if (n0 === 0 || count === 0) throw new DecodeError('transaction without dots')
  return { replica, n0, count, flags }
}

function kindOf(content: Content | undefined): number {
  switch (content?.type) {
    case undefined:
      return KIND_NONE
    case 'counter':
      return content.growOnly ? KIND_GROW_COUNTER : KIND_COUNTER
    case 'set':
      return KIND_SET
    case 'register':
      return KIND_REGISTER
    case 'map':
      return KIND_MAP
  }
}

function writeContent(writer: Writer, content: Content, names: Map<string, number>): void {
  const index = names.get(content.object)
  writer.varint(index ?? names.size)
  if (index === undefined) {
    names.set(content.object, names.size)
    writer.text(content.object)
  }
  switch (content.type) {
    case 'counter':
      writer.bigint(content.total)
      return
    case 'set':
      writer.text(content.element)
      return
    case 'register':
      writer.text(content.json)
      return
    case 'map':
      writer.varint(content.path.length)
      for (const component of content.path) writer.text(component)
      writer.text(content.json)
  }
}

/** Kills by writer: number of writers; for each its index (new ones with their id), count, first n, gaps. */
function writeKills(
  writer: Writer,
  kills: readonly IndexedDot[],
  replicas: readonly ReplicaId[],
  mentionedBefore: number,
): number {
  let mentioned = mentionedBefore
  const starts: number[] = []
  kills.forEach((kill, i) => {
    if (i === 0 || kills[i - 1]?.replica !== kill.replica) starts.push(i)
  })
  writer.varint(starts.length)
  starts.forEach((start, run) => {
    const end = starts[run + 1] ?? kills.length
    const { replica, n } = present(kills[start], 'first kill of a run')
    writer.varint(replica)
    if (replica === mentioned) {
      writer.raw(replicaBytes(present(replicas[replica], 'replica of a kill')))
      mentioned += 1
    }
    assert(replica < mentioned, 'replicas are in order of first mention')
    writer.varint(end - start).varint(n)
    let before = n
    for (let i = start + 1; i < end; i++) {
      const next = present(kills[i], 'kill').n
      writer.varint(next - before - 1)
      before = next
    }
  })
  return mentioned
}

/** Object names in order of first mention. */
interface NameTable {
  readonly list: string[]
  readonly known: Set<string>
}

interface EventContext {
  /** Replicas in order of first mention. */
  readonly replicas: ReplicaId[]
  readonly known: Set<ReplicaId>
  readonly names: NameTable
  /** The event's own dot. */
  readonly n: number
}

function readEvent(reader: Reader, context: EventContext): Event {
  const head = reader.varint(KIND_MAX * 2 + 1)
  const kind = Math.floor(head / 2)
  if (kind >= KIND_UNKNOWN) {
    if (head % 2 !== 0) throw new DecodeError('event head has a second spelling')
    const bytes = reader.bytes(TRANSACTION_BYTES_MAX).slice()
    return { content: undefined, kills: [], unknown: { kind, bytes } }
  }
  const content = kind === KIND_NONE ? undefined : readContent(reader, kind, context.names)
  const kills = head % 2 === 1 ? readKills(reader, context) : []
  return { content, kills }
}

function readContent(reader: Reader, kind: number, names: NameTable): Content {
  const object = readName(reader, names)
  switch (kind) {
    case KIND_COUNTER:
    case KIND_GROW_COUNTER:
      return {
        type: 'counter',
        object,
        total: reader.bigint(),
        growOnly: kind === KIND_GROW_COUNTER,
      }
    case KIND_SET:
      return { type: 'set', object, element: reader.text(KEY_BYTES_MAX) }
    case KIND_REGISTER:
      return { type: 'register', object, json: readJson(reader) }
    default: {
      const path = readPath(reader)
      return { type: 'map', object, path, json: readJson(reader) }
    }
  }
}

function readName(reader: Reader, names: NameTable): string {
  const mentioned = names.list[reader.varint(names.list.length)]
  if (mentioned !== undefined) return mentioned
  const name = reader.text(NAME_BYTES_MAX)
  if (name === '') throw new DecodeError('empty name')
  if (names.known.has(name)) throw new DecodeError('name has a second spelling')
  names.known.add(name)
  names.list.push(name)
  return name
}

function readPath(reader: Reader): readonly string[] {
  const depth = reader.varint(PATH_DEPTH_MAX)
  if (depth === 0) throw new DecodeError('empty path')
  const path: string[] = []
  let room = KEY_BYTES_MAX
  for (let i = 0; i < depth; i++) {
    const before = reader.remaining
    const component = reader.text(room)
    if (component === '') throw new DecodeError('empty path component')
    // The length before the text takes a second byte from 128 on.
    const taken = before - reader.remaining
    room -= taken - (taken > 128 ? 2 : 1)
    path.push(component)
  }
  return path
}

function readJson(reader: Reader): string {
  const text = reader.text(VALUE_BYTES_MAX)
  checkJsonText(text)
  return text
}

function readKills(reader: Reader, context: EventContext): readonly IndexedDot[] {
  const { replicas } = context
  const runs = reader.varint(reader.remaining)
  if (runs === 0) throw new DecodeError('kills have a second spelling')
  const kills: IndexedDot[] = []
  let last = -1
  for (let run = 0; run < runs; run++) {
    const replica = reader.varint(replicas.length)
    if (replica <= last) throw new DecodeError('kills out of order')
    last = replica
    if (replica === replicas.length) {
      const id = readReplica(reader)
      if (context.known.has(id)) throw new DecodeError('replica has a second spelling')
      context.known.add(id)
      replicas.push(id)
    }
    const count = reader.varint(reader.remaining)
    if (count === 0) throw new DecodeError('empty run of kills')
    let n = 0
    for (let i = 0; i < count; i++) {
      n += reader.varint() + (i === 0 ? 0 : 1)
      if (n === 0 || !Number.isSafeInteger(n)) throw new DecodeError('kill of no dot')
      if (replica === 0 && n === context.n) throw new DecodeError('event kills itself')
      kills.push({ replica, n })
    }
  }
  return kills
}
