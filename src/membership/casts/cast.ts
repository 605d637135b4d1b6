import { concatBytes, equalBytes } from '../../base/bytes.ts'
import {
  type Decoded,
  DecodeError,
  decode,
  type Reader,
  readText,
  Writer,
} from '../../base/codec.ts'
import { sha256 } from '../../base/hash.ts'
import { type PeerId, PUBLIC_KEY_BYTES } from '../../base/ids.ts'
import { SIGNATURE_BYTES, type Signer } from '../../base/signer.ts'
import { COUNTER_MAX } from '../record.ts'
import {
  BACKLOG_MAX,
  CAST_BYTES_MAX,
  CAST_NAME_BYTES_MAX,
  INLINE_BYTES_MAX,
  PAYLOAD_BYTES_MAX,
  PIECE_BYTES,
  PIECE_HASH_BYTES,
  RELAY_FACTOR_MAX,
  WITHIN_MS_MAX,
} from './cast-limits.ts'

/** What a question adds to a broadcast. */
export interface Asking {
  /** Answers are collected for so long after it was sent. */
  readonly withinMs: number
  /** Ways by which each answer travels back. */
  readonly relayFactor: number
}

/** One message of a member to all others, broadcast or question, as its sender signs it. */
export interface CastHead {
  readonly sender: Uint8Array
  /** The sender's boot. */
  readonly epoch: number
  /** 1, 2, 3 … within the boot. */
  readonly sequence: number
  /** How many the sender sent in the half minute before this one. */
  readonly backlog: number
  readonly name: string
  /** Present for a question. */
  readonly asking: Asking | undefined
  /** Bytes of the payload. */
  readonly size: number
  /** The payload when it is small. */
  readonly inline: Uint8Array | undefined
  /** Hash of each piece of a larger payload. */
  readonly hashes: readonly Uint8Array[]
}

/** A head with its wire form, signature included. */
export interface SignedCast extends CastHead {
  readonly bytes: Uint8Array
}

/** `PEERID-EPOCH-SEQUENCE`: names one cast for good. */
export function castId(peerId: PeerId, cast: { epoch: number; sequence: number }): string {
  return `${peerId}-${cast.epoch}-${cast.sequence}`
}

/** Pieces in which a payload travels; none when it rides in the head. */
export function piecesOf(payload: Uint8Array): Uint8Array[] {
  if (payload.length <= INLINE_BYTES_MAX) return []
  const pieces: Uint8Array[] = []
  for (let at = 0; at < payload.length; at += PIECE_BYTES) {
    pieces.push(payload.slice(at, at + PIECE_BYTES))
  }
  return pieces
}

/** Whether these bytes are that piece of the payload. */
export function isPiece(cast: CastHead, index: number, bytes: Uint8Array): boolean {
  const hash = cast.hashes[index]
  if (hash === undefined) return false
  const isLast = index === cast.hashes.length - 1
  const length = isLast ? cast.size - index * PIECE_BYTES : PIECE_BYTES
  return bytes.length === length && equalBytes(pieceHash(bytes), hash)
}

function pieceHash(bytes: Uint8Array): Uint8Array {
  return sha256(bytes).slice(0, PIECE_HASH_BYTES)
}

function signedMessage(network: string, body: Uint8Array): Uint8Array {
  return concatBytes([new Writer().text('hearsay-member-cast-1').text(network).finish(), body])
}

/** Signs and encodes a cast of our own. Layout: docs/PROTOCOL.md. */
export function signCast(
  signer: Signer,
  network: string,
  content: Pick<CastHead, 'epoch' | 'sequence' | 'backlog' | 'name' | 'asking'> & {
    readonly payload: Uint8Array
  },
): SignedCast {
  const { payload, ...rest } = content
  const isInline = payload.length <= INLINE_BYTES_MAX
  const head: CastHead = {
    ...rest,
    sender: signer.publicKey,
    size: payload.length,
    inline: isInline ? payload.slice() : undefined,
    hashes: piecesOf(payload).map(pieceHash),
  }
  const writer = new Writer(256)
    .uint8(head.asking === undefined ? 0 : 1)
    .raw(head.sender)
    .varint(head.epoch)
    .varint(head.sequence)
    .varint(head.backlog)
    .text(head.name)
  if (head.asking !== undefined) writer.varint(head.asking.withinMs).uint8(head.asking.relayFactor)
  writer.varint(head.size)
  if (head.inline !== undefined) writer.raw(head.inline)
  for (const hash of head.hashes) writer.raw(hash)
  const body = writer.finish()
  const bytes = concatBytes([body, signer.sign(signedMessage(network, body))])
  return { ...head, bytes }
}

/** Verifies the sender's signature over a decoded cast. */
export function verifyCast(signer: Signer, network: string, cast: SignedCast): boolean {
  const at = cast.bytes.length - SIGNATURE_BYTES
  const message = signedMessage(network, cast.bytes.subarray(0, at))
  return signer.verify(cast.sender, message, cast.bytes.subarray(at))
}

/** Decodes a cast; the signature is not verified. Keeps no view of `bytes`. */
export function decodeCast(bytes: Uint8Array): Decoded<SignedCast> {
  if (bytes.length > CAST_BYTES_MAX) return { ok: false, reason: 'cast too long' }
  const own = bytes.slice()
  return decode(own, (reader) => {
    const kind = reader.uint8()
    if (kind > 1) throw new DecodeError('unknown cast')
    const sender = reader.raw(PUBLIC_KEY_BYTES)
    const epoch = reader.varint(COUNTER_MAX)
    const sequence = reader.varint(COUNTER_MAX)
    const backlog = reader.varint(BACKLOG_MAX)
    if (sequence === 0 || backlog >= sequence) throw new DecodeError('sequence below its backlog')
    const name = readText(reader, CAST_NAME_BYTES_MAX)
    if (name === '') throw new DecodeError('cast without a name')
    const asking = kind === 1 ? readAsking(reader) : undefined
    const size = reader.varint(PAYLOAD_BYTES_MAX)
    const isInline = size <= INLINE_BYTES_MAX
    const inline = isInline ? reader.raw(size) : undefined
    const hashes: Uint8Array[] = []
    const pieces = isInline ? 0 : Math.ceil(size / PIECE_BYTES)
    for (let i = 0; i < pieces; i++) hashes.push(reader.raw(PIECE_HASH_BYTES))
    reader.raw(SIGNATURE_BYTES)
    reader.end()
    const place = { sender, epoch, sequence, backlog }
    return { ...place, name, asking, size, inline, hashes, bytes: own }
  })
}

function readAsking(reader: Reader): Asking {
  const withinMs = reader.varint(WITHIN_MS_MAX)
  const relayFactor = reader.uint8()
  if (withinMs === 0) throw new DecodeError('question without time')
  if (relayFactor === 0 || relayFactor > RELAY_FACTOR_MAX) throw new DecodeError('relay factor')
  return { withinMs, relayFactor }
}
