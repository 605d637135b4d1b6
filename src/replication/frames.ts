import { type Decoded, DecodeError, decode, type Reader, Writer } from '../base/codec.ts'
import type { ReplicaId } from '../base/ids.ts'
import { NAME_BYTES_MAX, REPLICAS_MAX, RUN_BYTES_MAX, RUN_EVENTS_MAX } from '../crdt/limits.ts'
import {
  type BaseCursor,
  type BaseItem,
  type BaseWriter,
  readHead,
  readItems,
  writeHead,
  writeItems,
} from './base.ts'
import { readReplica, replicaBytes } from './replica-bytes.ts'

/** A whole frame on the sync protocol. */
export const FRAME_BYTES_MAX: number = 256 << 10
/** Events that one frame may bring: bounds the work that a frame causes. */
export const FRAME_EVENTS_MAX: number = 4_096
/** Large runs travel in pieces of exactly this size; the last one is the rest. */
export const PIECE_BYTES: number = 128 << 10
/** Payload gathered into one events frame: with its head it stays far below the frame's limit. */
export const PAYLOAD_BYTES: number = 128 << 10
export const DIGEST_BYTES = 16
/** Peers that an events frame may name as served already. */
export const SENT_TO_MAX = 64
/** Half-received runs that a pull may resume. */
export const PARTIALS_MAX = 4
const SUMMARY_BYTES = 8
const DIGEST_ITEMS_MAX = 8_192

/** A version vector entry: events 1 … n of a replica. */
export interface VectorEntry {
  readonly replica: ReplicaId
  readonly n: number
}

export interface DigestItem {
  readonly group: string
  /** Holds events that only a newer version can apply: its fingerprint proves nothing. */
  readonly isPartial: boolean
  /** Vector hash (8 B) and fingerprint (8 B). */
  readonly digest: Uint8Array
}

/** The pieces held of a run that has come in part. */
export interface Partial {
  readonly replica: ReplicaId
  readonly n0: number
  /** Its length in bytes. */
  readonly total: number
  /** Bit i (least first) of byte i / 8: piece i is here. */
  readonly held: Uint8Array
}

export interface BaseRequest {
  readonly covered: readonly VectorEntry[]
  readonly cursor: BaseCursor
}

export type SyncFrame =
  /** State of all groups in one hash; answered by `equal` or by `digest`. */
  | { readonly type: 'summary'; readonly hash: Uint8Array }
  /**
   * State of the groups whose names follow `after`, up to the last item's or, when `isLast`, of all that
   * follow. Unlisted groups are empty. With `wantsAnswer`, equality is answered by `equal`.
   */
  | {
      readonly type: 'digest'
      readonly wantsAnswer: boolean
      readonly isLast: boolean
      readonly after: string
      readonly items: readonly DigestItem[]
    }
  /** The summary of a sender that found no difference. */
  | { readonly type: 'equal'; readonly hash: Uint8Array }
  /** "I have this; send me at most `credit` bytes of the rest." */
  | {
      readonly type: 'pull'
      readonly group: string
      readonly session: number
      readonly credit: number
      readonly vector: readonly VectorEntry[]
      readonly partials: readonly Partial[]
      /** Goes on with a base: what its head covers, in its order, and the next dot wanted. */
      readonly base: BaseRequest | undefined
    }
  /** Part of a base, in answer to a pull whose events the log no longer has; the first part brings the head. */
  | {
      readonly type: 'base'
      readonly group: string
      readonly session: number
      readonly head: readonly BaseWriter[] | undefined
      readonly items: readonly BaseItem[]
    }
  /** Whole runs; session 0 is a push. */
  | {
      readonly type: 'events'
      readonly group: string
      readonly session: number
      /** Hashes of peers that get the same from others. */
      readonly sentTo: readonly number[]
      readonly runs: readonly Uint8Array[]
    }
  /** A piece of one large run, only ever in answer to a pull. */
  | {
      readonly type: 'piece'
      readonly group: string
      readonly session: number
      readonly replica: ReplicaId
      readonly n0: number
      readonly total: number
      readonly index: number
      readonly bytes: Uint8Array
    }
  /** The answer to a pull is complete, or used up its credit. */
  | {
      readonly type: 'end'
      readonly group: string
      readonly session: number
      readonly hasMore: boolean
      readonly isPartial: boolean
      readonly digest: Uint8Array
      /** Where a base goes on; undefined when it is complete, or the answer was events. */
      readonly cursor: BaseCursor | undefined
    }
  /** These events are durable at the sender. */
  | { readonly type: 'ack'; readonly group: string; readonly vector: readonly VectorEntry[] }
  /** Another history of this replica than the one received is held here. */
  | {
      readonly type: 'fork'
      readonly group: string
      readonly replica: ReplicaId
      readonly n: number
    }

const TYPE_SUMMARY = 0x21
const TYPE_DIGEST = 0x22
const TYPE_EQUAL = 0x23
const TYPE_PULL = 0x24
const TYPE_EVENTS = 0x25
const TYPE_PIECE = 0x26
const TYPE_END = 0x27
const TYPE_ACK = 0x28
const TYPE_FORK = 0x29
const TYPE_BASE = 0x2a

/** Encodes a frame: a type byte (high digit: version 2), then its fields. */
export function encodeFrame(frame: SyncFrame): Uint8Array {
  const writer = new Writer(128)
  switch (frame.type) {
    case 'summary':
      return writer.uint8(TYPE_SUMMARY).raw(frame.hash).finish()
    case 'equal':
      return writer.uint8(TYPE_EQUAL).raw(frame.hash).finish()
    case 'digest':
      writer.uint8(TYPE_DIGEST).uint8((frame.wantsAnswer ? 1 : 0) + (frame.isLast ? 2 : 0))
      writer.text(frame.after).varint(frame.items.length)
      for (const item of frame.items) {
        writer
          .text(item.group)
          .uint8(item.isPartial ? 1 : 0)
          .raw(item.digest)
      }
      return writer.finish()
    case 'pull':
      writer.uint8(TYPE_PULL).text(frame.group).varint(frame.session).varint(frame.credit)
      writeVector(writer, frame.vector)
      writer.varint(frame.partials.length)
      for (const partial of frame.partials) {
        writer.raw(replicaBytes(partial.replica)).varint(partial.n0).varint(partial.total)
        writer.raw(partial.held)
      }
      if (frame.base !== undefined) {
        writeVector(writer, frame.base.covered)
        writeCursor(writer, frame.base.cursor)
      }
      return writer.finish()
    case 'base':
      writer.uint8(TYPE_BASE).text(frame.group).varint(frame.session)
      writer.uint8(frame.head === undefined ? 0 : 1)
      if (frame.head !== undefined) writeHead(writer, frame.head)
      writeItems(writer, frame.items)
      return writer.finish()
    case 'events':
      writer.uint8(TYPE_EVENTS).text(frame.group).varint(frame.session)
      writer.varint(frame.sentTo.length)
      for (const hash of frame.sentTo) writer.uint32(hash)
      writer.varint(frame.runs.length)
      for (const run of frame.runs) writer.bytes(run)
      return writer.finish()
    case 'piece':
      writer.uint8(TYPE_PIECE).text(frame.group).varint(frame.session)
      writer.raw(replicaBytes(frame.replica)).varint(frame.n0).varint(frame.total)
      return writer.varint(frame.index).raw(frame.bytes).finish()
    case 'end':
      writer.uint8(TYPE_END).text(frame.group).varint(frame.session)
      writer.uint8((frame.hasMore ? 1 : 0) + (frame.isPartial ? 2 : 0))
      writer.raw(frame.digest)
      if (frame.cursor !== undefined) writeCursor(writer, frame.cursor)
      return writer.finish()
    case 'ack':
      writer.uint8(TYPE_ACK).text(frame.group)
      writeVector(writer, frame.vector)
      return writer.finish()
    case 'fork':
      writer.uint8(TYPE_FORK).text(frame.group).raw(replicaBytes(frame.replica))
      return writer.varint(frame.n).finish()
  }
}

/** Reads a frame; bytes after the known fields belong to newer versions and are skipped. Never throws. */
export function decodeFrame(bytes: Uint8Array): Decoded<SyncFrame> {
  if (bytes.length > FRAME_BYTES_MAX) return { ok: false, reason: 'sync frame too long' }
  return decode(bytes, readFrame)
}

/** Pieces of a run of `total` bytes. */
export function pieceCount(total: number): number {
  return Math.ceil(total / PIECE_BYTES)
}

function readFrame(reader: Reader): SyncFrame {
  const type = reader.uint8()
  switch (type) {
    case TYPE_SUMMARY:
      return { type: 'summary', hash: reader.raw(SUMMARY_BYTES) }
    case TYPE_EQUAL:
      return { type: 'equal', hash: reader.raw(SUMMARY_BYTES) }
    case TYPE_DIGEST:
      return readDigest(reader)
    case TYPE_PULL:
      return readPull(reader)
    case TYPE_EVENTS:
      return readEvents(reader)
    case TYPE_PIECE:
      return readPiece(reader)
    case TYPE_END: {
      const group = readGroup(reader)
      const session = reader.varint()
      const flags = reader.uint8()
      const digest = reader.raw(DIGEST_BYTES)
      return {
        type: 'end',
        group,
        session,
        hasMore: (flags & 1) !== 0,
        isPartial: (flags & 2) !== 0,
        digest,
        cursor: reader.remaining === 0 ? undefined : readCursor(reader),
      }
    }
    case TYPE_ACK:
      return { type: 'ack', group: readGroup(reader), vector: readVector(reader) }
    case TYPE_BASE: {
      const group = readGroup(reader)
      const session = reader.varint()
      const head = (reader.uint8() & 1) === 0 ? undefined : readHead(reader)
      return { type: 'base', group, session, head, items: readItems(reader) }
    }
    case TYPE_FORK: {
      const group = readGroup(reader)
      return { type: 'fork', group, replica: readReplica(reader), n: reader.varint() }
    }
    default:
      throw new DecodeError('unknown sync frame')
  }
}

function readGroup(reader: Reader): string {
  const group = reader.text(NAME_BYTES_MAX)
  if (group === '') throw new DecodeError('empty group name')
  return group
}

function readDigest(reader: Reader): SyncFrame {
  const flags = reader.uint8()
  const after = reader.text(NAME_BYTES_MAX)
  const count = reader.varint(DIGEST_ITEMS_MAX)
  const items: DigestItem[] = []
  for (let i = 0; i < count; i++) {
    const group = readGroup(reader)
    const isPartial = (reader.uint8() & 1) !== 0
    items.push({ group, isPartial, digest: reader.raw(DIGEST_BYTES) })
  }
  const wantsAnswer = (flags & 1) !== 0
  return { type: 'digest', wantsAnswer, isLast: (flags & 2) !== 0, after, items }
}

function readPull(reader: Reader): SyncFrame {
  const group = readGroup(reader)
  const session = reader.varint()
  const credit = reader.varint()
  const vector = readVector(reader)
  const count = reader.varint(PARTIALS_MAX)
  const partials: Partial[] = []
  for (let i = 0; i < count; i++) {
    const replica = readReplica(reader)
    const n0 = reader.varint()
    const total = reader.varint(RUN_BYTES_MAX)
    partials.push({ replica, n0, total, held: reader.raw(Math.ceil(pieceCount(total) / 8)) })
  }
  const base =
    reader.remaining === 0 ? undefined : { covered: readVector(reader), cursor: readCursor(reader) }
  return { type: 'pull', group, session, credit, vector, partials, base }
}

function readEvents(reader: Reader): SyncFrame {
  const group = readGroup(reader)
  const session = reader.varint()
  const peers = reader.varint(SENT_TO_MAX)
  const sentTo: number[] = []
  for (let i = 0; i < peers; i++) sentTo.push(reader.uint32())
  const count = reader.varint(FRAME_EVENTS_MAX)
  const runs: Uint8Array[] = []
  for (let i = 0; i < count; i++) runs.push(reader.bytes(FRAME_BYTES_MAX))
  return { type: 'events', group, session, sentTo, runs }
}

function readPiece(reader: Reader): SyncFrame {
  const group = readGroup(reader)
  const session = reader.varint()
  const replica = readReplica(reader)
  const n0 = reader.varint(Number.MAX_SAFE_INTEGER - RUN_EVENTS_MAX)
  const total = reader.varint(RUN_BYTES_MAX)
  const pieces = pieceCount(total)
  if (pieces === 0) throw new DecodeError('piece of nothing')
  const index = reader.varint(pieces - 1)
  const length = index < pieces - 1 ? PIECE_BYTES : total - index * PIECE_BYTES
  const bytes = reader.raw(length)
  return { type: 'piece', group, session, replica, n0, total, index, bytes }
}

function writeCursor(writer: Writer, cursor: BaseCursor): void {
  writer.varint(cursor.writer).varint(cursor.n)
}

function readCursor(reader: Reader): BaseCursor {
  return { writer: reader.varint(REPLICAS_MAX), n: reader.varint() }
}

function writeVector(writer: Writer, vector: readonly VectorEntry[]): void {
  writer.varint(vector.length)
  for (const { replica, n } of vector) writer.raw(replicaBytes(replica)).varint(n)
}

function readVector(reader: Reader): readonly VectorEntry[] {
  const count = reader.varint(REPLICAS_MAX)
  const vector: VectorEntry[] = []
  for (let i = 0; i < count; i++) vector.push({ replica: readReplica(reader), n: reader.varint() })
  return vector
}
