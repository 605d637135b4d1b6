import {
  type Decoded,
  DecodeError,
  decode,
  type Reader,
  readText,
  Writer,
} from '../../base/codec.ts'
import type { Hash64 } from '../../base/hash.ts'
import { NAME_BYTES_MAX, REPLICAS_MAX, RUN_BYTES_MAX, RUN_EVENTS_MAX } from '../../crdt/limits.ts'
import { readReplica, replicaBytes } from '../../crdt/replica-bytes.ts'
import { type BaseCursor, readHead, readItems, writeHead, writeItems } from '../base/base.ts'
import { type BriefRun, readRun, writeRun } from '../group/brief-runs.ts'
import { readVector, writeVector } from '../group/vector-codec.ts'
import {
  type AckEntry,
  type BaseRequest,
  BLOCKS_MAX,
  type BriefEntry,
  DIGEST_BYTES,
  type DigestItem,
  type DotChain,
  FRAME_BYTES_MAX,
  FRAME_EVENTS_MAX,
  type HeldPieces,
  MAIN_GROUP,
  PARTIALS_MAX,
  PAST_WRITERS_MAX,
  type Partial,
  type Past,
  PIECE_BYTES,
  pieceCount,
  SENT_TO_MAX,
  type SyncFrame,
  TRACE_DOTS_MAX,
} from './frames.ts'

const SUMMARY_BYTES = 8
const DIGEST_ITEMS_MAX = 8_192
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
const TYPE_TRACE = 0x2b
const TYPE_CHAINS = 0x2c
const TYPE_BASE_PIECE = 0x2d

/** Encodes a frame: a type byte (high digit: version 2), then its fields. */
export function encodeFrame(frame: SyncFrame): Uint8Array {
  const writer = new Writer(128)
  switch (frame.type) {
    case 'summary':
      return writer.uint8(TYPE_SUMMARY).raw(frame.hash).finish()
    case 'equal':
      return writer.uint8(TYPE_EQUAL).raw(frame.hash).finish()
    case 'digest':
      writeDigest(writer, frame)
      return writer.finish()
    case 'pull':
      writeGroup(writer.uint8(TYPE_PULL), frame.group).varint(frame.session).varint(frame.credit)
      writeVector(writer, frame.vector)
      writer.varint(frame.partials.length)
      for (const partial of frame.partials) {
        writer.raw(replicaBytes(partial.replica)).varint(partial.n0).varint(partial.total)
        writer.raw(partial.held)
      }
      if (frame.base !== undefined) {
        writeVector(writer, frame.base.covered)
        writeCursor(writer, frame.base.cursor)
        writeBlocks(writer, frame.base)
      }
      return writer.finish()
    case 'base':
      writeGroup(writer.uint8(TYPE_BASE), frame.group).varint(frame.session)
      writer.uint8(frame.head === undefined ? 0 : 1)
      if (frame.head !== undefined) writeHead(writer, frame.head)
      writeItems(writer, frame.items)
      return writer.finish()
    case 'base-piece':
      writeGroup(writer.uint8(TYPE_BASE_PIECE), frame.group).varint(frame.session)
      writeHash(writer, frame.hash).varint(frame.total)
      return writer.varint(frame.index).raw(frame.bytes).finish()
    case 'events':
      writeGroup(writer.uint8(TYPE_EVENTS), frame.group).varint(frame.session)
      writer.varint(frame.sentTo.length)
      for (const hash of frame.sentTo) writer.uint32(hash)
      writer.varint(frame.runs.length)
      for (const run of frame.runs) writeRun(writer, run)
      return writer.finish()
    case 'piece':
      writeGroup(writer.uint8(TYPE_PIECE), frame.group).varint(frame.session)
      writer.raw(replicaBytes(frame.replica)).varint(frame.n0).varint(frame.total)
      return writer.varint(frame.index).raw(frame.bytes).finish()
    case 'end':
      writeGroup(writer.uint8(TYPE_END), frame.group).varint(frame.session)
      writer.uint8((frame.hasMore ? 1 : 0) + (frame.isPartial ? 2 : 0))
      writer.raw(frame.digest)
      if (frame.cursor !== undefined) writeCursor(writer, frame.cursor)
      return writer.finish()
    case 'ack':
      writeGroup(writer.uint8(TYPE_ACK), frame.group)
      writer.varint(frame.vector.length)
      for (const { hash, n, check } of frame.vector) {
        writer
          .uint32(hash >>> 0)
          .varint(n)
          .uint32(check >>> 0)
      }
      return writer.finish()
    case 'fork':
      writeGroup(writer.uint8(TYPE_FORK), frame.group).raw(replicaBytes(frame.replica))
      return writer.varint(frame.n).finish()
    case 'trace':
      writeGroup(writer.uint8(TYPE_TRACE), frame.group).raw(replicaBytes(frame.replica))
      writer.varint(frame.dots.length)
      for (const n of frame.dots) writer.varint(n)
      return writer.finish()
    case 'chains':
      writeGroup(writer.uint8(TYPE_CHAINS), frame.group).raw(replicaBytes(frame.replica))
      writer.varint(frame.asked).varint(frame.have).varint(frame.chains.length)
      for (const { n, chain, stamp } of frame.chains) {
        writer
          .varint(n)
          .uint32(chain.high >>> 0)
          .uint32(chain.low >>> 0)
          .varint(stamp)
      }
      return writer.finish()
  }
}

/** Reads a frame; bytes after the known fields belong to newer versions and are skipped. Never throws. */
export function decodeFrame(bytes: Uint8Array): Decoded<SyncFrame> {
  if (bytes.length > FRAME_BYTES_MAX) return { ok: false, reason: 'sync frame too long' }
  return decode(bytes, readFrame)
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
      return readAck(reader)
    case TYPE_BASE: {
      const group = readGroup(reader)
      const session = reader.varint()
      const head = (reader.uint8() & 1) === 0 ? undefined : readHead(reader)
      return { type: 'base', group, session, head, items: readItems(reader) }
    }
    case TYPE_BASE_PIECE: {
      const place = { group: readGroup(reader), session: reader.varint() }
      return { type: 'base-piece', ...place, hash: readHash(reader), ...readPart(reader) }
    }
    case TYPE_FORK: {
      const group = readGroup(reader)
      return {
        type: 'fork',
        group,
        replica: readReplica(reader),
        n: reader.varint(),
      }
    }
    case TYPE_TRACE:
      return readTrace(reader)
    case TYPE_CHAINS:
      return readChains(reader)
    default:
      throw new DecodeError('unknown sync frame')
  }
}

function readAck(reader: Reader): SyncFrame {
  const group = readGroup(reader)
  const vector: AckEntry[] = []
  for (let left = reader.varint(REPLICAS_MAX); left > 0; left--) {
    vector.push({ hash: reader.uint32() | 0, n: reader.varint(), check: reader.uint32() | 0 })
  }
  return { type: 'ack', group, vector }
}

function readTrace(reader: Reader): SyncFrame {
  const [group, replica] = [readGroup(reader), readReplica(reader)]
  const dots: number[] = []
  for (let left = reader.varint(TRACE_DOTS_MAX); left > 0; left--) dots.push(reader.varint())
  return { type: 'trace', group, replica, dots }
}

function readChains(reader: Reader): SyncFrame {
  const [group, replica] = [readGroup(reader), readReplica(reader)]
  const [asked, have] = [reader.varint(), reader.varint()]
  const chains: DotChain[] = []
  for (let left = reader.varint(TRACE_DOTS_MAX); left > 0; left--) {
    const n = reader.varint()
    const chain = { high: reader.uint32() | 0, low: reader.uint32() | 0 }
    chains.push({ n, chain, stamp: reader.varint() })
  }
  return { type: 'chains', group, replica, asked, have, chains }
}

/** The name of the group that everybody has is left out. */
function writeGroup(writer: Writer, group: string): Writer {
  return writer.text(group === MAIN_GROUP ? '' : group)
}

function readGroup(reader: Reader): string {
  const group = readText(reader, NAME_BYTES_MAX)
  if (group === MAIN_GROUP) throw new DecodeError('group name has a second spelling')
  return group === '' ? MAIN_GROUP : group
}

function writeDigest(writer: Writer, frame: Extract<SyncFrame, { type: 'digest' }>): void {
  const { wantsAnswer, isLast, after, items } = frame
  const isAlone = isDigestOfOne(frame)
  writer.uint8(TYPE_DIGEST)
  writer.uint8((wantsAnswer ? 1 : 0) + (isLast ? 2 : 0) + (isAlone ? 4 : 0))
  if (!isAlone) writer.text(after).varint(items.length)
  for (const { group, isPartial, digest, past } of items) {
    writeGroup(writer, group).uint8((isPartial ? 1 : 0) + (past === undefined ? 0 : 2))
    writer.raw(digest)
    if (past === undefined) continue
    writer.varint(past.session).varint(past.vector.length)
    for (const { hash, n } of past.vector) writer.uint32(hash >>> 0).varint(n)
  }
}

/** Whether a digest speaks of one group and says nothing of those beside it. */
function isDigestOfOne({ isLast, after, items }: Extract<SyncFrame, { type: 'digest' }>): boolean {
  return !isLast && items.length === 1 && items[0]?.group === after
}

function readDigest(reader: Reader): SyncFrame {
  const flags = reader.uint8()
  const isAlone = (flags & 4) !== 0
  const isLast = (flags & 2) !== 0
  if (isAlone && isLast) throw new DecodeError('digest of one group and all others')
  const after = isAlone ? undefined : readText(reader, NAME_BYTES_MAX)
  const count = isAlone ? 1 : reader.varint(DIGEST_ITEMS_MAX)
  const items: DigestItem[] = []
  for (let i = 0; i < count; i++) {
    const group = readGroup(reader)
    const itemFlags = reader.uint8()
    const digest = reader.raw(DIGEST_BYTES)
    const past = (itemFlags & 2) === 0 ? undefined : readPast(reader)
    items.push({ group, isPartial: (itemFlags & 1) !== 0, digest, past })
  }
  const wantsAnswer = (flags & 1) !== 0
  return { type: 'digest', wantsAnswer, isLast, after: after ?? items[0]?.group ?? '', items }
}

function readPast(reader: Reader): Past {
  const session = reader.varint()
  const vector: BriefEntry[] = []
  for (let left = reader.varint(PAST_WRITERS_MAX); left > 0; left--) {
    vector.push({ hash: reader.uint32() | 0, n: reader.varint() })
  }
  return { session, vector }
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
    reader.remaining === 0
      ? undefined
      : {
          covered: readVector(reader),
          cursor: readCursor(reader),
          blocks: readBlocks(reader),
          held: reader.remaining === 0 ? undefined : readHeld(reader),
        }
  return { type: 'pull', group, session, credit, vector, partials, base }
}

function readEvents(reader: Reader): SyncFrame {
  const group = readGroup(reader)
  const session = reader.varint()
  const peers = reader.varint(SENT_TO_MAX)
  const sentTo: number[] = []
  for (let i = 0; i < peers; i++) sentTo.push(reader.uint32())
  const count = reader.varint(FRAME_EVENTS_MAX)
  const runs: (Uint8Array | BriefRun)[] = []
  for (let i = 0; i < count; i++) runs.push(readRun(reader, FRAME_BYTES_MAX))
  return { type: 'events', group, session, sentTo, runs }
}

function readPiece(reader: Reader): SyncFrame {
  const group = readGroup(reader)
  const session = reader.varint()
  const replica = readReplica(reader)
  const n0 = reader.varint(Number.MAX_SAFE_INTEGER - RUN_EVENTS_MAX)
  return { type: 'piece', group, session, replica, n0, ...readPart(reader) }
}

/** The rest of a piece of anything. */
function readPart(reader: Reader): {
  readonly total: number
  readonly index: number
  readonly bytes: Uint8Array
} {
  const total = reader.varint(RUN_BYTES_MAX)
  const pieces = pieceCount(total)
  if (pieces === 0) throw new DecodeError('piece of nothing')
  const index = reader.varint(pieces - 1)
  const length = index < pieces - 1 ? PIECE_BYTES : total - index * PIECE_BYTES
  return { total, index, bytes: reader.raw(length) }
}

function writeBlocks(writer: Writer, { blocks, held }: BaseRequest): void {
  if (blocks.length === 0 && held === undefined) return
  writer.varint(blocks.length)
  for (const block of blocks) writeCursor(writer, block)
  if (held !== undefined) writeHash(writer, held.hash).varint(held.count)
}

function readHeld(reader: Reader): HeldPieces {
  return { hash: readHash(reader), count: reader.varint(pieceCount(RUN_BYTES_MAX)) }
}

function writeHash(writer: Writer, { high, low }: Hash64): Writer {
  return writer.uint32(high).uint32(low)
}

function readHash(reader: Reader): Hash64 {
  return { high: reader.uint32(), low: reader.uint32() }
}

function readBlocks(reader: Reader): readonly BaseCursor[] {
  const blocks: BaseCursor[] = []
  const count = reader.remaining === 0 ? 0 : reader.varint(BLOCKS_MAX)
  for (let i = 0; i < count; i++) blocks.push(readCursor(reader))
  return blocks
}

function writeCursor(writer: Writer, cursor: BaseCursor): void {
  writer.varint(cursor.writer).varint(cursor.n)
}

function readCursor(reader: Reader): BaseCursor {
  return { writer: reader.varint(REPLICAS_MAX), n: reader.varint() }
}
