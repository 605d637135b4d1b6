/**
 * Messages of the hello stream, one a frame, the first byte its type.
 *
 * 1 open, 2 challenge, 3 proof, 4 admit and 0 reject make the exchange (hello.ts). Afterwards the
 * stream stays open as the connection's control channel: 5 bye announces a graceful end, 6 retire
 * asks to stop writing on a redundant connection and to close it, 7 received reports bytes read.
 */
import {
  type Decoded,
  DecodeError,
  decode,
  type Reader,
  readText,
  Writer,
} from '../../base/codec.ts'

export const NONCE_BYTES = 32
export const SESSION_BYTES = 8
export const PROOF_BYTES = 32
const NETWORK_BYTES_MAX = 64
const REASON_BYTES_MAX = 256
const FLAG_KEYED = 1

export interface ProtocolRange {
  readonly min: number
  readonly max: number
}

/** What each end says of itself. */
export interface Introduction {
  readonly range: ProtocolRange
  readonly network: string
  /** 32 fresh random bytes. */
  readonly nonce: Uint8Array
  /** 8 random bytes chosen when the host was created: a restart is never mistaken for the old life. */
  readonly session: Uint8Array
  /** Whether this end asks for proof of a network key. */
  readonly isKeyed: boolean
}

export type HelloMessage =
  | { readonly type: 'reject'; readonly reason: string }
  | ({ readonly type: 'open' | 'challenge' } & Introduction)
  /** `isLinked`: the dialler already holds a link to this peer and checks an address only. */
  | { readonly type: 'proof'; readonly proof: Uint8Array; readonly isLinked: boolean }
  | { readonly type: 'admit'; readonly proof: Uint8Array }
  | { readonly type: 'bye' }
  | { readonly type: 'retire' }
  | { readonly type: 'received'; readonly bytes: number }

const TYPES = [
  'reject',
  'open',
  'challenge',
  'proof',
  'admit',
  'bye',
  'retire',
  'received',
] as const

export function encodeHello(message: HelloMessage): Uint8Array {
  const writer = new Writer().uint8(TYPES.indexOf(message.type))
  switch (message.type) {
    case 'reject':
      return writer.text(message.reason.slice(0, REASON_BYTES_MAX / 4)).finish()
    case 'open':
    case 'challenge':
      return writer
        .uint8(message.range.min)
        .uint8(message.range.max)
        .text(message.network)
        .raw(message.nonce)
        .raw(message.session)
        .uint8(message.isKeyed ? FLAG_KEYED : 0)
        .finish()
    case 'proof':
      return writer
        .bytes(message.proof)
        .uint8(message.isLinked ? 1 : 0)
        .finish()
    case 'admit':
      return writer.bytes(message.proof).finish()
    case 'received':
      return writer.uint32(message.bytes).finish()
    default:
      return writer.finish()
  }
}

export function decodeHello(bytes: Uint8Array): Decoded<HelloMessage> {
  return decode(bytes, (reader) => {
    const message = readBody(reader)
    reader.end()
    return message
  })
}

function readBody(reader: Reader): HelloMessage {
  const type = TYPES[reader.uint8()]
  switch (type) {
    case 'reject':
      return { type, reason: readText(reader, REASON_BYTES_MAX) }
    case 'open':
    case 'challenge':
      return { type, ...readIntroduction(reader) }
    case 'proof':
      return { type, proof: readProof(reader), isLinked: readFlag(reader) }
    case 'admit':
      return { type, proof: readProof(reader) }
    case 'bye':
    case 'retire':
      return { type }
    case 'received':
      return { type, bytes: reader.uint32() }
    default:
      throw new DecodeError('unknown hello message')
  }
}

function readIntroduction(reader: Reader): Introduction {
  const range = { min: reader.uint8(), max: reader.uint8() }
  if (range.min > range.max) throw new DecodeError('empty protocol range')
  const network = readText(reader, NETWORK_BYTES_MAX)
  const nonce = reader.raw(NONCE_BYTES).slice()
  const session = reader.raw(SESSION_BYTES).slice()
  return { range, network, nonce, session, isKeyed: readFlag(reader) }
}

function readProof(reader: Reader): Uint8Array {
  const proof = reader.bytes(PROOF_BYTES)
  if (proof.length !== 0 && proof.length !== PROOF_BYTES) throw new DecodeError('proof of odd size')
  return proof.slice()
}

function readFlag(reader: Reader): boolean {
  const flag = reader.uint8()
  if (flag > 1) throw new DecodeError('unknown flag')
  return flag === 1
}
