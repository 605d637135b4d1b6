/**
 * Frames of the `kv` protocol. Four requests (put, get, compare, items) and their answers; every request
 * carries an id that its answer repeats, so requests are pipelined and may be sent again: all of
 * them are idempotent. `busy` answers any request that came too fast.
 */

import { type Decoded, DecodeError, decode, type Reader, readText, Writer } from '../base/codec.ts'
import type { Millis } from '../base/core.ts'
import type { Stamp } from '../base/hybrid-clock.ts'
import { FINGERPRINT_BYTES, RECORD_BYTES_MAX } from '../records/record.ts'
import { RECORD_KEY_BYTES_MAX } from '../records/record-key.ts'
import { BUCKET_BITS_MAX, type RangeSum } from './range-index.ts'

/** Largest kv frame. */
export const KV_FRAME_BYTES_MAX: number = 264 * 1024
/** Items in one frame: at most 37 KiB. */
export const ITEMS_MAX = 2_048
/** Bytes of an id that name a record in a list, and of its signature that tell it from others of its rank. */
export const ITEM_PREFIX_BYTES = 8
export const ITEM_CHECK_BYTES = 2
/** Longest reason of a refusal, bytes. */
const REASON_BYTES_MAX = 128
/** Longest pause a busy peer may ask for. */
const RETRY_AFTER_MS_MAX: Millis = 60_000
const BITMAP_BYTES_MAX: number = ITEMS_MAX / 8

/** A version with the head of its signature: enough to know whether two nodes hold the same record. */
export interface RecordVersion {
  readonly stamp: Stamp
  /** 8 bytes. */
  readonly fingerprint: Uint8Array
}

/** One record in a list of what a node holds. */
export interface RecordItem {
  /** Head of its id. */
  readonly prefix: Uint8Array
  /** What it is ordered by: see rankOf. */
  readonly rank: number
  /** Head of its signature. */
  readonly check: Uint8Array
}

/** Buckets whose records a list holds all of; a bucket's number is the highest bits of a byte of the id. */
export interface WholeBuckets {
  readonly bits: number
  readonly buckets: readonly number[]
}

export type KvRequest =
  | { readonly type: 'put'; readonly id: number; readonly record: Uint8Array }
  | {
      readonly type: 'get'
      readonly id: number
      readonly key: Uint8Array
      /** What the asker holds: answered with `same` instead of the bytes. */
      readonly known: RecordVersion | undefined
    }
  /** How many records both should hold, in the view of the asker, and their sum: see RangeIndex. */
  | {
      readonly type: 'compare'
      readonly id: number
      readonly count: number
      readonly sum: RangeSum
    }
  | {
      readonly type: 'items'
      readonly id: number
      readonly whole: WholeBuckets | undefined
      readonly items: readonly RecordItem[]
    }

export type KvReply =
  | { readonly type: 'stored'; readonly id: number }
  /** A newer version stays; `record` is it, or undefined when it has expired since. */
  | { readonly type: 'superseded'; readonly id: number; readonly record: Uint8Array | undefined }
  | { readonly type: 'refused'; readonly id: number; readonly reason: string }
  | { readonly type: 'found'; readonly id: number; readonly record: Uint8Array }
  | { readonly type: 'absent'; readonly id: number }
  | { readonly type: 'same'; readonly id: number }
  /** Sums of 2^bits buckets (answers compare). */
  | {
      readonly type: 'buckets'
      readonly id: number
      readonly bits: number
      readonly sums: readonly RangeSum[]
    }
  /** Bit i, lowest bit of the first byte first, is item i: send it, or: it or a newer one is held durably. */
  | {
      readonly type: 'wanted'
      readonly id: number
      readonly wanted: Uint8Array
      readonly held: Uint8Array
    }
  | { readonly type: 'busy'; readonly id: number; readonly retryAfterMs: Millis }

export type KvFrame = KvRequest | KvReply

/** Frames in one pack. */
export const PACK_FRAMES_MAX = 256
/** First byte of a pack: frames of one sender to one receiver, none of them a pack. */
const PACK = 32

/** First byte of a frame. */
const TYPES = {
  put: 1,
  get: 2,
  compare: 3,
  items: 4,
  stored: 17,
  superseded: 18,
  refused: 19,
  found: 20,
  absent: 21,
  same: 22,
  wanted: 23,
  busy: 24,
  buckets: 25,
} as const

export function encodeFrame(frame: KvFrame): Uint8Array {
  const writer = new Writer(frameBytesHint(frame)).uint8(TYPES[frame.type]).varint(frame.id)
  switch (frame.type) {
    case 'put':
    case 'found':
      return writer.bytes(frame.record).take()
    case 'superseded':
      return writer.bytes(frame.record ?? new Uint8Array(0)).take()
    case 'get':
      writer.bytes(frame.key).uint8(frame.known === undefined ? 0 : 1)
      if (frame.known !== undefined) writer.varint(frame.known.stamp).raw(frame.known.fingerprint)
      return writer.finish()
    case 'compare':
      return sumTo(writer.varint(frame.count), frame.sum).finish()
    case 'items':
      return itemsTo(writer, frame).finish()
    case 'buckets':
      writer.uint8(frame.bits)
      for (const sum of frame.sums) sumTo(writer, sum)
      return writer.finish()
    case 'refused':
      return writer.text(frame.reason).finish()
    case 'wanted':
      return writer.bytes(frame.wanted).bytes(frame.held).finish()
    case 'busy':
      return writer.varint(frame.retryAfterMs).finish()
    case 'stored':
    case 'absent':
    case 'same':
      return writer.finish()
  }
}

/** Several frames as one. */
export function encodePack(frames: readonly Uint8Array[]): Uint8Array {
  const writer = new Writer(16 + frames.reduce((sum, { length }) => sum + length + 3, 0))
  writer.uint8(PACK).varint(frames.length)
  for (const frame of frames) writer.bytes(frame)
  return writer.finish()
}

/** The frames of a pack, views of `bytes`; of any other frame itself. */
export function unpack(bytes: Uint8Array): Decoded<readonly Uint8Array[]> {
  if (bytes[0] !== PACK) return { ok: true, value: [bytes] }
  if (bytes.length > KV_FRAME_BYTES_MAX) return { ok: false, reason: 'frame too long' }
  return decode(bytes, (reader) => {
    reader.uint8()
    const count = reader.varint(PACK_FRAMES_MAX)
    const frames = Array.from({ length: count }, () => reader.bytes(KV_FRAME_BYTES_MAX))
    reader.end()
    return frames
  })
}

function sumTo(writer: Writer, { high, low }: RangeSum): Writer {
  return writer.uint32(high).uint32(low)
}

function itemsTo(writer: Writer, { whole, items }: KvFrame & { readonly type: 'items' }): Writer {
  writer.uint8(whole === undefined ? 0 : 1)
  if (whole !== undefined) {
    writer.uint8(whole.bits).varint(whole.buckets.length)
    for (const bucket of whole.buckets) writer.uint8(bucket)
  }
  writer.varint(items.length)
  for (const { prefix, rank, check } of items) writer.raw(prefix).varint(rank).raw(check)
  return writer
}

function frameBytesHint(frame: KvFrame): number {
  return 16 + ('record' in frame ? (frame.record?.length ?? 0) : 0)
}

/** Parses a frame. Its byte fields are views of `bytes`. */
export function decodeFrame(bytes: Uint8Array): Decoded<KvFrame> {
  if (bytes.length > KV_FRAME_BYTES_MAX) return { ok: false, reason: 'frame too long' }
  return decode(bytes, (reader) => {
    const frame = readFrame(reader)
    reader.end()
    return frame
  })
}

function readFrame(reader: Reader): KvFrame {
  const type = reader.uint8()
  const id = reader.varint()
  switch (type) {
    case TYPES.put:
      return { type: 'put', id, record: reader.bytes(RECORD_BYTES_MAX) }
    case TYPES.get:
      return { type: 'get', id, key: reader.bytes(RECORD_KEY_BYTES_MAX), known: readKnown(reader) }
    case TYPES.compare:
      return { type: 'compare', id, count: reader.varint(), sum: readSum(reader) }
    case TYPES.items:
      return { type: 'items', id, whole: readWhole(reader), items: readItems(reader) }
    case TYPES.stored:
      return { type: 'stored', id }
    case TYPES.superseded: {
      const record = reader.bytes(RECORD_BYTES_MAX)
      return { type: 'superseded', id, record: record.length === 0 ? undefined : record }
    }
    case TYPES.refused:
      return { type: 'refused', id, reason: readText(reader, REASON_BYTES_MAX) }
    case TYPES.found:
      return { type: 'found', id, record: reader.bytes(RECORD_BYTES_MAX) }
    case TYPES.absent:
      return { type: 'absent', id }
    case TYPES.same:
      return { type: 'same', id }
    case TYPES.wanted:
      return {
        type: 'wanted',
        id,
        wanted: reader.bytes(BITMAP_BYTES_MAX),
        held: reader.bytes(BITMAP_BYTES_MAX),
      }
    case TYPES.buckets:
      return readBuckets(reader, id)
    case TYPES.busy:
      return { type: 'busy', id, retryAfterMs: reader.varint(RETRY_AFTER_MS_MAX) }
    default:
      throw new DecodeError('unknown frame type')
  }
}

function readKnown(reader: Reader): RecordVersion | undefined {
  const flag = reader.uint8()
  if (flag > 1) throw new DecodeError('unknown flags')
  return flag === 0 ? undefined : readVersion(reader)
}

function readVersion(reader: Reader): RecordVersion {
  return { stamp: reader.varint(), fingerprint: reader.raw(FINGERPRINT_BYTES) }
}

function readSum(reader: Reader): RangeSum {
  return { high: reader.uint32(), low: reader.uint32() }
}

function readBits(reader: Reader): number {
  const bits = reader.uint8()
  if (bits > BUCKET_BITS_MAX) throw new DecodeError('too many buckets')
  return bits
}

function readBuckets(reader: Reader, id: number): KvReply {
  const bits = readBits(reader)
  const sums = Array.from({ length: 2 ** bits }, () => readSum(reader))
  return { type: 'buckets', id, bits, sums }
}

function readWhole(reader: Reader): WholeBuckets | undefined {
  const flag = reader.uint8()
  if (flag > 1) throw new DecodeError('unknown flags')
  if (flag === 0) return undefined
  const bits = readBits(reader)
  const count = reader.varint(2 ** bits)
  const buckets = Array.from({ length: count }, () => reader.uint8())
  if (buckets.some((bucket) => bucket >= 2 ** bits)) throw new DecodeError('no such bucket')
  return { bits, buckets }
}

function readItems(reader: Reader): RecordItem[] {
  const count = reader.varint(ITEMS_MAX)
  const items: RecordItem[] = []
  for (let i = 0; i < count; i++) {
    const prefix = reader.raw(ITEM_PREFIX_BYTES)
    items.push({ prefix, rank: reader.varint(), check: reader.raw(ITEM_CHECK_BYTES) })
  }
  return items
}

/** Whether bit `index` of a bitmap is set. */
export function isMarked(bitmap: Uint8Array, index: number): boolean {
  return (((bitmap[index >>> 3] ?? 0) >>> (index & 7)) & 1) === 1
}

/** The bitmap with the bits of `indexes`, which ascend, set, as long as its last set bit needs. */
export function bitmapOf(indexes: readonly number[]): Uint8Array {
  const last = indexes.at(-1)
  const bitmap = new Uint8Array(last === undefined ? 0 : (last >>> 3) + 1)
  for (const index of indexes) bitmap[index >>> 3] = (bitmap[index >>> 3] ?? 0) | (1 << (index & 7))
  return bitmap
}
