/**
 * Frames of the `kv` protocol. Three requests (put, get, digests) and their answers; every request
 * carries an id that its answer repeats, so requests are pipelined and may be sent again: all of
 * them are idempotent. `busy` answers any request that came too fast.
 */

import { type Decoded, DecodeError, decode, type Reader, readText, Writer } from '../base/codec.ts'
import type { Millis } from '../base/core.ts'
import type { Stamp } from '../base/hybrid-clock.ts'
import { FINGERPRINT_BYTES, RECORD_BYTES_MAX } from '../records/record.ts'
import { ID_BYTES, RECORD_KEY_BYTES_MAX } from '../records/record-key.ts'

/** Largest kv frame. */
export const KV_FRAME_BYTES_MAX: number = 72 * 1024
/** Digests in one frame: 12 KiB. */
export const DIGESTS_MAX = 256
/** Longest reason of a refusal, bytes. */
const REASON_BYTES_MAX = 128
/** Longest pause a busy peer may ask for. */
const RETRY_AFTER_MS_MAX: Millis = 60_000
const WANTED_BYTES_MAX: number = DIGESTS_MAX / 8

/** A version with the head of its signature: enough to know whether two nodes hold the same record. */
export interface RecordVersion {
  readonly stamp: Stamp
  /** 8 bytes. */
  readonly fingerprint: Uint8Array
}

export interface RecordDigest extends RecordVersion {
  /** SHA-256 of the record key, 32 bytes. */
  readonly id: Uint8Array
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
  | { readonly type: 'digests'; readonly id: number; readonly digests: readonly RecordDigest[] }

export type KvReply =
  | { readonly type: 'stored'; readonly id: number }
  /** A newer version stays; `record` is it, or undefined when it has expired since. */
  | { readonly type: 'superseded'; readonly id: number; readonly record: Uint8Array | undefined }
  | { readonly type: 'refused'; readonly id: number; readonly reason: string }
  | { readonly type: 'found'; readonly id: number; readonly record: Uint8Array }
  | { readonly type: 'absent'; readonly id: number }
  | { readonly type: 'same'; readonly id: number }
  /** Bit i, lowest bit of the first byte first: send the record of digest i. */
  | { readonly type: 'wanted'; readonly id: number; readonly bitmap: Uint8Array }
  | { readonly type: 'busy'; readonly id: number; readonly retryAfterMs: Millis }

export type KvFrame = KvRequest | KvReply

/** First byte of a frame. */
const TYPES = {
  put: 1,
  get: 2,
  digests: 3,
  stored: 17,
  superseded: 18,
  refused: 19,
  found: 20,
  absent: 21,
  same: 22,
  wanted: 23,
  busy: 24,
} as const

export function encodeFrame(frame: KvFrame): Uint8Array {
  const writer = new Writer(frameBytesHint(frame)).uint8(TYPES[frame.type]).varint(frame.id)
  switch (frame.type) {
    case 'put':
    case 'found':
      return writer.bytes(frame.record).finish()
    case 'superseded':
      return writer.bytes(frame.record ?? new Uint8Array(0)).finish()
    case 'get':
      writer.bytes(frame.key).uint8(frame.known === undefined ? 0 : 1)
      if (frame.known !== undefined) writer.varint(frame.known.stamp).raw(frame.known.fingerprint)
      return writer.finish()
    case 'digests':
      writer.varint(frame.digests.length)
      for (const { id, stamp, fingerprint } of frame.digests) {
        writer.raw(id).varint(stamp).raw(fingerprint)
      }
      return writer.finish()
    case 'refused':
      return writer.text(frame.reason).finish()
    case 'wanted':
      return writer.bytes(frame.bitmap).finish()
    case 'busy':
      return writer.varint(frame.retryAfterMs).finish()
    case 'stored':
    case 'absent':
    case 'same':
      return writer.finish()
  }
}

function frameBytesHint(frame: KvFrame): number {
  return 32 + ('record' in frame ? (frame.record?.length ?? 0) : 0)
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
    case TYPES.digests:
      return { type: 'digests', id, digests: readDigests(reader) }
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
      return { type: 'wanted', id, bitmap: reader.bytes(WANTED_BYTES_MAX) }
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

function readDigests(reader: Reader): RecordDigest[] {
  const count = reader.varint(DIGESTS_MAX)
  const digests: RecordDigest[] = []
  for (let i = 0; i < count; i++) {
    const id = reader.raw(ID_BYTES)
    digests.push({ id, ...readVersion(reader) })
  }
  return digests
}

/** Whether bit `index` of a `wanted` bitmap is set. */
export function isWanted(bitmap: Uint8Array, index: number): boolean {
  return (((bitmap[index >>> 3] ?? 0) >>> (index & 7)) & 1) === 1
}

/** The bitmap with the bits of `indexes` set, as long as its last set bit needs. */
export function wantedBitmap(indexes: readonly number[]): Uint8Array {
  const last = indexes.at(-1)
  const bitmap = new Uint8Array(last === undefined ? 0 : (last >>> 3) + 1)
  for (const index of indexes) bitmap[index >>> 3] = (bitmap[index >>> 3] ?? 0) | (1 << (index & 7))
  return bitmap
}
