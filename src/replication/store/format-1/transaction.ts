import { utf8 } from '../../../base/bytes.ts'
import {
  type Decoded,
  DecodeError,
  decode,
  type Reader,
  readText,
  Writer,
} from '../../../base/codec.ts'
import { HASH64_BYTES, hash64 } from '../../../base/hash.ts'
import type { ReplicaId } from '../../../base/ids.ts'
import { AMOUNT_BYTES_MAX, writeAmount } from '../../../crdt/amount.ts'
import {
  KIND_COUNTER,
  KIND_MAP_VALUE,
  KIND_NONE,
  KIND_REGISTER,
  KIND_SET,
  KIND_UNKNOWN,
} from '../../../crdt/kinds.ts'
import { readReplica } from '../../../crdt/replica-bytes.ts'

/*
 * Bytes of a transaction in format 1:
 *
 *   version (1) · flags · replica (16) · n0 · count · stamp · previous (8) · events · [trailer] · checksum (8)
 *
 * Numbers are varints. The checksum is hash64 over all bytes before it, seeded by the hash of the group's
 * name. Flag 1 announces a trailer, length and bytes, that was kept for signatures and never written.
 * An event is a head (2·kind + 1 when it kills), its content and its kills; kinds from 6 on are a length and
 * bytes of a newer version. Names and replica ids are written at first mention and by index after that.
 */

const VERSION = 1
const FLAG_TRAILER = 1
const FLAGS_MAX = 0xffff
const TRAILER_BYTES_MAX = 1024
const BYTES_MAX = 8 << 20
const EVENTS_MAX = 16_384
const NAME_BYTES_MAX = 1024
const KEY_BYTES_MAX = 4096
const VALUE_BYTES_MAX = 1 << 20
const PATH_DEPTH_MAX = 32
const OLD_NONE = 0
const OLD_COUNTER = 1
const OLD_GROW_COUNTER = 2
const OLD_SET = 3
const OLD_REGISTER = 4
const OLD_MAP = 5
const OLD_UNKNOWN = 6
const OLD_KIND_MAX = 0xffff
const NOTHING: Uint8Array = new Uint8Array(0)

/** An event of format 1 under the kinds and with the key and payload bytes of today. */
export interface OldEvent {
  readonly kind: number
  /** Name of the object; empty without entry. */
  readonly object: string
  readonly key: Uint8Array
  readonly payload: Uint8Array
  /** Killed dots, ascending: indexes into the transaction's replicas, and numbers. */
  readonly killReplicas: readonly number[]
  readonly killDots: readonly number[]
}

/** Contiguous dots n0 … n0 + events.length − 1 of one replica. */
export interface OldTransaction {
  readonly n0: number
  readonly stamp: number
  /** The writer first. */
  readonly replicas: readonly ReplicaId[]
  readonly events: readonly OldEvent[]
}

/** Reads a transaction of a group and proves its checksum; its bytes are views of the source. Never throws. */
export function decodeOldTransaction(bytes: Uint8Array, group: string): Decoded<OldTransaction> {
  return decode(bytes, (reader) => {
    checkSum(bytes, group)
    if (reader.uint8() !== VERSION) throw new DecodeError('unknown transaction version')
    const flags = reader.varint(FLAGS_MAX)
    const replicas = [readReplica(reader)]
    const n0 = reader.varint(Number.MAX_SAFE_INTEGER - EVENTS_MAX)
    const count = reader.varint(EVENTS_MAX)
    if (n0 === 0 || count === 0) throw new DecodeError('transaction without dots')
    const stamp = reader.varint()
    reader.raw(HASH64_BYTES)
    const names: string[] = []
    const events: OldEvent[] = []
    for (let i = 0; i < count; i++) events.push(readEvent(reader, { bytes, names, replicas }))
    if ((flags & FLAG_TRAILER) !== 0) reader.bytes(TRAILER_BYTES_MAX)
    if (reader.remaining !== HASH64_BYTES) throw new DecodeError('trailing bytes')
    return { n0, stamp, replicas, events }
  })
}

interface Context {
  readonly bytes: Uint8Array
  /** Names and replicas in order of first mention. */
  readonly names: string[]
  readonly replicas: ReplicaId[]
}

function checkSum(bytes: Uint8Array, group: string): void {
  if (bytes.length > BYTES_MAX) throw new DecodeError('transaction too long')
  const body = bytes.length - HASH64_BYTES
  if (body < 0) throw new DecodeError('bytes end early')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const { high, low } = hash64(bytes.subarray(0, body), hash64(utf8(group)))
  if (view.getUint32(body) !== high || view.getUint32(body + 4) !== low) {
    throw new DecodeError('checksum differs')
  }
}

function readEvent(reader: Reader, context: Context): OldEvent {
  const head = reader.varint(OLD_KIND_MAX * 2 + 1)
  const kind = Math.floor(head / 2)
  if (kind >= OLD_UNKNOWN) {
    if (head % 2 !== 0) throw new DecodeError('event head has a second spelling')
    return unknownEvent(kind, reader.bytes(BYTES_MAX))
  }
  // It was readable, though nobody wrote it. Its dot must stay, and a run has no event that does nothing.
  if (head === OLD_NONE) return unknownEvent(OLD_NONE, NOTHING)
  const content = kind === OLD_NONE ? NO_CONTENT : readContent(reader, kind, context)
  const killReplicas: number[] = []
  const killDots: number[] = []
  if (head % 2 === 1) readKills(reader, context.replicas, killReplicas, killDots)
  return { ...content, killReplicas, killDots }
}

type Content = Pick<OldEvent, 'kind' | 'object' | 'key' | 'payload'>

/** 256 bits. */
const BIGINT_BYTES_MAX = 32
const NO_CONTENT: Content = { kind: KIND_NONE, object: '', key: NOTHING, payload: NOTHING }

/** As payload, the number of the kind goes before its bytes. */
function unknownEvent(kind: number, bytes: Uint8Array): OldEvent {
  const payload = new Writer(bytes.length + 8).varint(kind).raw(bytes).finish()
  return { ...NO_CONTENT, kind: KIND_UNKNOWN, payload, killReplicas: [], killDots: [] }
}

function readContent(reader: Reader, kind: number, { bytes, names }: Context): Content {
  const object = readName(reader, names)
  switch (kind) {
    case OLD_COUNTER:
    case OLD_GROW_COUNTER: {
      const amount = new Uint8Array(AMOUNT_BYTES_MAX)
      const end = writeAmount(amount, 0, readBigint(reader), kind === OLD_GROW_COUNTER)
      return { kind: KIND_COUNTER, object, key: NOTHING, payload: amount.subarray(0, end) }
    }
    case OLD_SET:
      return { kind: KIND_SET, object, key: reader.bytes(KEY_BYTES_MAX), payload: NOTHING }
    case OLD_REGISTER:
      return { kind: KIND_REGISTER, object, key: NOTHING, payload: reader.bytes(VALUE_BYTES_MAX) }
    case OLD_MAP: {
      const key = readPath(reader, bytes)
      return { kind: KIND_MAP_VALUE, object, key, payload: reader.bytes(VALUE_BYTES_MAX) }
    }
    default:
      throw new DecodeError('unknown event')
  }
}

function readName(reader: Reader, names: string[]): string {
  const mentioned = names[reader.varint(names.length)]
  if (mentioned !== undefined) return mentioned
  const name = readText(reader, NAME_BYTES_MAX)
  names.push(name)
  return name
}

/** The components of a path lie as they do today, each with its length. */
function readPath(reader: Reader, bytes: Uint8Array): Uint8Array {
  const depth = reader.varint(PATH_DEPTH_MAX)
  const start = reader.offset
  for (let i = 0; i < depth; i++) reader.bytes(KEY_BYTES_MAX)
  return bytes.subarray(start, reader.offset)
}

/** Kills by writer: number of writers; for each its index (new ones with their id), count, first n, gaps. */
function readKills(
  reader: Reader,
  replicas: ReplicaId[],
  killReplicas: number[],
  killDots: number[],
): void {
  const writers = reader.varint(reader.remaining)
  if (writers === 0) throw new DecodeError('kills have a second spelling')
  let last = -1
  for (let i = 0; i < writers; i++) {
    const replica = reader.varint(replicas.length)
    if (replica <= last) throw new DecodeError('kills out of order')
    last = replica
    if (replica === replicas.length) replicas.push(readReplica(reader))
    const count = reader.varint(reader.remaining)
    if (count === 0) throw new DecodeError('empty run of kills')
    let n = 0
    for (let k = 0; k < count; k++) {
      n += reader.varint() + (k === 0 ? 0 : 1)
      killReplicas.push(replica)
      killDots.push(n)
    }
  }
}

/** Sign and length, then the magnitude, least byte first. @throws {DecodeError} */
function readBigint(reader: Reader): bigint {
  const head = reader.uint8()
  const length = head >>> 1
  if (length > BIGINT_BYTES_MAX) throw new DecodeError('bigint too long')
  const digits = reader.raw(length)
  let value = 0n
  for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(digits[i] ?? 0)
  const isNegative = (head & 1) === 1
  if (length > 0 && digits[length - 1] === 0) throw new DecodeError('bigint has a second spelling')
  if (isNegative && value === 0n) throw new DecodeError('bigint has a second spelling')
  return isNegative ? -value : value
}
