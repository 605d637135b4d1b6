import { type Decoded, DecodeError, decode, type Reader, Writer } from '../../base/codec.ts'
import { PUBLIC_KEY_BYTES } from '../../base/ids.ts'
import { FRAME_BYTES_MAX } from '../frame.ts'
import { COUNTER_MAX } from '../record.ts'
import { type Answer, encodeAnswer, readAnswer } from './answer.ts'
import {
  CAST_BYTES_MAX,
  PIECE_BYTES,
  PIECES_MAX,
  WANT_CASTS_MAX,
  WANT_RANGES_MAX,
} from './cast-limits.ts'

/** Frames of the member protocol from this type byte on are about casts. */
export const CAST_FRAME_FIRST = 32
/** A day: what is older is in nobody's store. */
const AGE_MS_MAX = 86_400_000

/** What does not know how far it has come says this. */
export const HOPS_MAX = 255

/** Names one cast of one sender. */
export interface CastPlace {
  readonly sender: Uint8Array
  readonly epoch: number
  readonly sequence: number
}

/** Casts of one sender that somebody lacks: `first` … `last`. */
export interface CastRange {
  readonly sender: Uint8Array
  readonly epoch: number
  readonly first: number
  readonly last: number
}

export type CastFrame =
  | {
      readonly type: 'cast'
      /** Asked for: whoever else lacks it asks too, so it is not forwarded. */
      readonly isRepair: boolean
      /** Links it has passed before this one: the way back to the sender goes to fewer. */
      readonly hops: number
      /** Time since it was sent, as far as those who carried it know. */
      readonly ageMs: number
      /** A signed head; see decodeCast. */
      readonly cast: Uint8Array
    }
  | ({ readonly type: 'piece'; readonly index: number; readonly bytes: Uint8Array } & CastPlace)
  | { readonly type: 'want'; readonly ranges: readonly CastRange[] }
  /** Bit i of `mask` asks for piece i; the asked pushes pieces from then on. */
  | ({ readonly type: 'graft'; readonly mask: number } & CastPlace)
  /** The sender of this needs no pieces pushed over this link. */
  | { readonly type: 'prune' }
  | { readonly type: 'answer'; readonly answer: Answer }

const TYPES: readonly CastFrame['type'][] = ['cast', 'piece', 'want', 'graft', 'prune', 'answer']

const BROUGHT: readonly CastFrame['type'][] = ['cast', 'piece', 'answer']

/** Whether a frame of the member protocol brings a cast, a part of one or an answer: observers bring none. */
export function bringsCast(bytes: Uint8Array): boolean {
  const type = TYPES[(bytes[0] ?? 0) - CAST_FRAME_FIRST]
  return type !== undefined && BROUGHT.includes(type)
}

function begin(type: CastFrame['type'], bytes = 64): Writer {
  return new Writer(bytes).uint8(CAST_FRAME_FIRST + TYPES.indexOf(type))
}

function writePlace(writer: Writer, place: CastPlace): Writer {
  return writer.raw(place.sender).varint(place.epoch).varint(place.sequence)
}

export function encodeCastFrame(frame: CastFrame): Uint8Array {
  switch (frame.type) {
    case 'cast':
      return begin('cast', frame.cast.length + 16)
        .uint8(frame.isRepair ? 1 : 0)
        .uint8(Math.min(HOPS_MAX, frame.hops))
        .varint(Math.min(AGE_MS_MAX, Math.max(0, Math.floor(frame.ageMs))))
        .bytes(frame.cast)
        .finish()
    case 'piece':
      return writePlace(begin('piece', frame.bytes.length + 64), frame)
        .varint(frame.index)
        .bytes(frame.bytes)
        .finish()
    case 'want': {
      const writer = begin('want').varint(frame.ranges.length)
      for (const { sender, epoch, first, last } of frame.ranges) {
        writer
          .raw(sender)
          .varint(epoch)
          .varint(first)
          .varint(last - first)
      }
      return writer.finish()
    }
    case 'graft':
      return writePlace(begin('graft'), frame).varint(frame.mask).finish()
    case 'prune':
      return begin('prune').finish()
    case 'answer':
      return begin('answer', 256).raw(encodeAnswer(frame.answer)).finish()
  }
}

/** Decodes a frame about casts; byte fields are views of `bytes`. */
export function decodeCastFrame(bytes: Uint8Array): Decoded<CastFrame> {
  if (bytes.length > FRAME_BYTES_MAX) return { ok: false, reason: 'frame too long' }
  return decode(bytes, (reader) => {
    const frame = readFrame(reader)
    reader.end()
    return frame
  })
}

function readFrame(reader: Reader): CastFrame {
  const type = TYPES[reader.uint8() - CAST_FRAME_FIRST]
  switch (type) {
    case 'cast': {
      const flag = reader.uint8()
      if (flag > 1) throw new DecodeError('unknown flag')
      const hops = reader.uint8()
      const ageMs = reader.varint(AGE_MS_MAX)
      return { type, isRepair: flag === 1, hops, ageMs, cast: reader.bytes(CAST_BYTES_MAX) }
    }
    case 'piece': {
      const place = readPlace(reader)
      const index = reader.varint(PIECES_MAX - 1)
      return { type, ...place, index, bytes: reader.bytes(PIECE_BYTES) }
    }
    case 'want':
      return { type, ranges: readRanges(reader) }
    case 'graft':
      return { type, ...readPlace(reader), mask: reader.varint(2 ** PIECES_MAX - 1) }
    case 'prune':
      return { type }
    case 'answer':
      return { type, answer: readAnswer(reader) }
    default:
      throw new DecodeError('unknown frame')
  }
}

function readPlace(reader: Reader): CastPlace {
  const sender = reader.raw(PUBLIC_KEY_BYTES)
  return { sender, epoch: reader.varint(COUNTER_MAX), sequence: reader.varint(COUNTER_MAX) }
}

function readRanges(reader: Reader): CastRange[] {
  const count = reader.varint(WANT_RANGES_MAX)
  const ranges: CastRange[] = []
  let casts = 0
  for (let i = 0; i < count; i++) {
    const sender = reader.raw(PUBLIC_KEY_BYTES)
    const epoch = reader.varint(COUNTER_MAX)
    const first = reader.varint(COUNTER_MAX)
    const more = reader.varint(WANT_CASTS_MAX - 1)
    casts += more + 1
    if (casts > WANT_CASTS_MAX) throw new DecodeError('too many casts wanted')
    ranges.push({ sender, epoch, first, last: first + more })
  }
  return ranges
}
