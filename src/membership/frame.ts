import { type Decoded, DecodeError, decode, type Reader, Writer } from '../base/codec.ts'
import { PUBLIC_KEY_BYTES } from '../base/ids.ts'
import { type Accusation, encodeAccusation, readAccusation } from './accusation.ts'
import {
  type Branches,
  encodeBranches,
  encodeLeaves,
  type Leaf,
  readBranches,
  readLeaves,
} from './descent-frames.ts'
import { COUNTER_MAX, RECORD_BYTES_MAX } from './record.ts'

export const FRAME_BYTES_MAX = 4_096
export const CLAIMS_PER_FRAME_MAX = 64
export const DIGEST_BYTES = 16
/** Parts of the view that are compared one by one when the whole differs. */
export const BUCKETS = 32
export const BUCKET_HASH_BYTES = 8
/** A relay never works longer than this for one request. */
export const RELAY_BUDGET_MS_MAX = 10_000
const SEQUENCE_MAX = 2 ** 32 - 1
const CLAIM_TYPES = { record: 1, accusation: 2, digest: 3, cast: 4 }
const VERDICTS = ['alive', 'silent', 'unlinked'] as const

/** Which state a member holds, numbered by the member itself. */
export interface DigestClaim {
  readonly subject: Uint8Array
  readonly epoch: number
  readonly counter: number
  readonly digest: Uint8Array
}

/** Up to which one the teller holds the broadcasts of a member's boot. Nobody vouches for it. */
export interface CastClaim {
  readonly subject: Uint8Array
  readonly epoch: number
  readonly highest: number
}

/** The sender's own digest; `counter` 0 means that it has none yet and `digest` is absent. */
export interface OwnDigest {
  readonly epoch: number
  readonly counter: number
  readonly digest: Uint8Array | undefined
}

export type Claim =
  /** Encoded: whether it is news shows in its head. */
  | { readonly type: 'record'; readonly bytes: Uint8Array }
  | { readonly type: 'accusation'; readonly accusation: Accusation }
  | { readonly type: 'digest'; readonly digest: DigestClaim }
  | { readonly type: 'cast'; readonly cast: CastClaim }

/** What a relay found: an answer, none, or no link to the target in time. */
export type RelayVerdict = (typeof VERDICTS)[number]

export type Frame =
  | {
      readonly type: 'ping' | 'ack'
      readonly sequence: number
      /** The sender wants changes flooded over this link. */
      readonly isFloodWanted: boolean
      readonly digest: OwnDigest
      readonly claims: readonly Claim[]
    }
  | {
      readonly type: 'ping-request'
      readonly sequence: number
      readonly target: Uint8Array
      readonly budgetMs: number
    }
  | { readonly type: 'relay-verdict'; readonly sequence: number; readonly verdict: RelayVerdict }
  | { readonly type: 'claims'; readonly claims: readonly Claim[] }
  | { readonly type: 'view'; readonly viewHash: Uint8Array; readonly digestsHash: Uint8Array }
  | {
      readonly type: 'buckets'
      /** False asks for the other side's buckets in return. */
      readonly isReply: boolean
      readonly views: readonly Uint8Array[]
      readonly digests: readonly Uint8Array[]
    }
  | { readonly type: 'left-ack'; readonly epoch: number; readonly incarnation: number }
  /** One level below buckets. */
  | { readonly type: 'branches'; readonly branches: readonly Branches[] }
  /** The level below that: the hashes of single members. */
  | { readonly type: 'leaves'; readonly isReply: boolean; readonly leaves: readonly Leaf[] }

const TYPES: readonly Frame['type'][] = [
  'ping',
  'ack',
  'ping-request',
  'relay-verdict',
  'claims',
  'view',
  'buckets',
  'left-ack',
  'branches',
  'leaves',
]

function typeByte(type: Frame['type']): number {
  return TYPES.indexOf(type) + 1
}

/** An encoded claim, ready to ride in any frame that carries claims. */
export function encodeRecordClaim(record: Uint8Array): Uint8Array {
  return new Writer(record.length + 4).uint8(CLAIM_TYPES.record).bytes(record).finish()
}

export function encodeAccusationClaim(accusation: Accusation): Uint8Array {
  return new Writer(160).uint8(CLAIM_TYPES.accusation).raw(encodeAccusation(accusation)).finish()
}

export function encodeDigestClaim(claim: DigestClaim): Uint8Array {
  return new Writer(80)
    .uint8(CLAIM_TYPES.digest)
    .raw(claim.subject)
    .varint(claim.epoch)
    .varint(claim.counter)
    .raw(claim.digest)
    .finish()
}

export function encodeCastClaim(claim: CastClaim): Uint8Array {
  return new Writer(64)
    .uint8(CLAIM_TYPES.cast)
    .raw(claim.subject)
    .varint(claim.epoch)
    .varint(claim.highest)
    .finish()
}

/** Room for claims behind a header of this many bytes (one byte holds the count). */
export function claimsRoom(headerBytes: number): number {
  return FRAME_BYTES_MAX - headerBytes - 1
}

/** A ping or ack before its claims; the caller appends them by {@link withClaims}. */
export function encodeProbeHeader(options: {
  readonly type: 'ping' | 'ack'
  readonly sequence: number
  readonly isFloodWanted: boolean
  readonly digest: OwnDigest
}): Uint8Array {
  const { digest } = options
  const writer = new Writer(64)
    .uint8(typeByte(options.type))
    .uint8(options.isFloodWanted ? 1 : 0)
    .varint(options.sequence)
    .varint(digest.epoch)
    .varint(digest.digest === undefined ? 0 : digest.counter)
  if (digest.digest !== undefined) writer.raw(digest.digest)
  return writer.finish()
}

export function encodeClaimsHeader(): Uint8Array {
  return Uint8Array.of(typeByte('claims'))
}

/** Header, count and encoded claims as one frame. */
export function withClaims(header: Uint8Array, claims: readonly Uint8Array[]): Uint8Array {
  let length = header.length + 1
  for (const claim of claims) length += claim.length
  const writer = new Writer(length).raw(header).varint(claims.length)
  for (const claim of claims) writer.raw(claim)
  return writer.finish()
}

export function encodePingRequest(options: {
  readonly sequence: number
  readonly target: Uint8Array
  readonly budgetMs: number
}): Uint8Array {
  return new Writer()
    .uint8(typeByte('ping-request'))
    .varint(options.sequence)
    .raw(options.target)
    .varint(options.budgetMs)
    .finish()
}

export function encodeRelayVerdict(sequence: number, verdict: RelayVerdict): Uint8Array {
  return new Writer()
    .uint8(typeByte('relay-verdict'))
    .varint(sequence)
    .uint8(VERDICTS.indexOf(verdict))
    .finish()
}

export function encodeView(viewHash: Uint8Array, digestsHash: Uint8Array): Uint8Array {
  return new Writer().uint8(typeByte('view')).raw(viewHash).raw(digestsHash).finish()
}

/** @param views and digests are 32 hashes of 8 bytes each, concatenated */
export function encodeBuckets(options: {
  readonly isReply: boolean
  readonly views: Uint8Array
  readonly digests: Uint8Array
}): Uint8Array {
  return new Writer(2 * BUCKETS * BUCKET_HASH_BYTES + 2)
    .uint8(typeByte('buckets'))
    .uint8(options.isReply ? 1 : 0)
    .raw(options.views)
    .raw(options.digests)
    .finish()
}

export function encodeLeftAck(epoch: number, incarnation: number): Uint8Array {
  return new Writer().uint8(typeByte('left-ack')).varint(epoch).varint(incarnation).finish()
}

export function branchesFrames(branches: readonly Branches[]): Uint8Array[] {
  return encodeBranches(typeByte('branches'), branches)
}

/** @param isReply false asks for the other side's leaves in return, where it has more */
export function leavesFrames(leaves: readonly Leaf[], isReply: boolean): Uint8Array[] {
  return encodeLeaves(typeByte('leaves'), { isReply, leaves, bytesMax: FRAME_BYTES_MAX })
}

/** Decodes a frame of the member protocol; byte fields are views of `bytes`. */
export function decodeFrame(bytes: Uint8Array): Decoded<Frame> {
  if (bytes.length > FRAME_BYTES_MAX) return { ok: false, reason: 'frame too long' }
  return decode(bytes, (reader) => {
    const frame = readFrame(reader)
    reader.end()
    return frame
  })
}

function readFrame(reader: Reader): Frame {
  const type = TYPES[reader.uint8() - 1]
  switch (type) {
    case 'ping':
    case 'ack':
      return readProbe(reader, type)
    case 'ping-request': {
      const sequence = reader.varint(SEQUENCE_MAX)
      const target = reader.raw(PUBLIC_KEY_BYTES)
      return { type, sequence, target, budgetMs: reader.varint(RELAY_BUDGET_MS_MAX) }
    }
    case 'relay-verdict': {
      const sequence = reader.varint(SEQUENCE_MAX)
      const verdict = VERDICTS[reader.uint8()]
      if (verdict === undefined) throw new DecodeError('unknown verdict')
      return { type, sequence, verdict }
    }
    case 'claims':
      return { type, claims: readClaims(reader) }
    case 'view':
      return {
        type,
        viewHash: reader.raw(BUCKET_HASH_BYTES),
        digestsHash: reader.raw(BUCKET_HASH_BYTES),
      }
    case 'buckets':
      return {
        type,
        isReply: readFlag(reader),
        views: readHashes(reader),
        digests: readHashes(reader),
      }
    case 'left-ack':
      return { type, epoch: reader.varint(COUNTER_MAX), incarnation: reader.varint(COUNTER_MAX) }
    case 'branches':
      return { type, branches: readBranches(reader) }
    case 'leaves':
      return { type, isReply: readFlag(reader), leaves: readLeaves(reader) }
    default:
      throw new DecodeError('unknown frame')
  }
}

function readProbe(reader: Reader, type: 'ping' | 'ack'): Frame {
  const isFloodWanted = readFlag(reader)
  const sequence = reader.varint(SEQUENCE_MAX)
  const epoch = reader.varint(COUNTER_MAX)
  const counter = reader.varint(COUNTER_MAX)
  const digest = counter === 0 ? undefined : reader.raw(DIGEST_BYTES)
  const claims = readClaims(reader)
  return { type, sequence, isFloodWanted, digest: { epoch, counter, digest }, claims }
}

function readFlag(reader: Reader): boolean {
  const flag = reader.uint8()
  if (flag > 1) throw new DecodeError('unknown flag')
  return flag === 1
}

function readHashes(reader: Reader): Uint8Array[] {
  const hashes: Uint8Array[] = []
  for (let i = 0; i < BUCKETS; i++) hashes.push(reader.raw(BUCKET_HASH_BYTES))
  return hashes
}

function readClaims(reader: Reader): Claim[] {
  const count = reader.varint(CLAIMS_PER_FRAME_MAX)
  const claims: Claim[] = []
  for (let i = 0; i < count; i++) claims.push(readClaim(reader))
  return claims
}

function readClaim(reader: Reader): Claim {
  const type = reader.uint8()
  if (type === CLAIM_TYPES.record) return { type: 'record', bytes: reader.bytes(RECORD_BYTES_MAX) }
  if (type === CLAIM_TYPES.accusation) {
    return { type: 'accusation', accusation: readAccusation(reader) }
  }
  if (type !== CLAIM_TYPES.digest && type !== CLAIM_TYPES.cast) {
    throw new DecodeError('unknown claim')
  }
  const subject = reader.raw(PUBLIC_KEY_BYTES)
  const epoch = reader.varint(COUNTER_MAX)
  const counter = reader.varint(COUNTER_MAX)
  if (type === CLAIM_TYPES.cast) return { type: 'cast', cast: { subject, epoch, highest: counter } }
  return { type: 'digest', digest: { subject, epoch, counter, digest: reader.raw(DIGEST_BYTES) } }
}
