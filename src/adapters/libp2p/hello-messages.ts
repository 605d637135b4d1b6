/**
 * Messages of the hello stream, one a frame, the first byte its type.
 *
 * 1 open, 2 challenge, 3 proof, 4 admit and 0 reject make the exchange (hello.ts). Afterwards the
 * stream stays open as the connection's control channel: 5 bye announces a graceful end, 6 retire
 * asks to stop writing on a redundant connection and to close it, 7 received reports bytes read.
 *
 * Where one end was invited, 8 present and 9 accept stand for proof and admit. Ends that know of invites
 * may send 10 grant, 11 ledger and 12 entries after admission, and 0 reject to end it.
 */
import {
  type Decoded,
  DecodeError,
  decode,
  type Reader,
  readText,
  Writer,
} from '../../base/codec.ts'
import { SIGNATURE_BYTES } from '../../base/signer.ts'
import { CAPABILITY_BYTES_MAX } from '../../invites/capability.ts'
import type { Shown } from '../../invites/judge.ts'
import { LEDGER_HASH_BYTES } from '../../invites/ledger.ts'
import { LEDGER_ENTRY_BYTES_MAX } from '../../invites/ledger-codec.ts'

export const NONCE_BYTES = 32
export const SESSION_BYTES = 8
export const PROOF_BYTES = 32
const NETWORK_BYTES_MAX = 64
const REASON_BYTES_MAX = 256
const FLAG_KEYED = 1
/** So many of the longest fit into a frame. */
export const ENTRIES_A_MESSAGE_MAX = 24

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
  | { readonly type: 'present'; readonly shown: Shown; readonly isLinked: boolean }
  | { readonly type: 'accept'; readonly shown: Shown }
  | { readonly type: 'grant'; readonly capability: Uint8Array }
  /** `isReply`: the asked end has sent what it holds, and asks for nothing more. */
  | { readonly type: 'ledger'; readonly hash: Uint8Array; readonly isReply: boolean }
  | { readonly type: 'entries'; readonly entries: readonly Uint8Array[] }

const TYPES = [
  'reject',
  'open',
  'challenge',
  'proof',
  'admit',
  'bye',
  'retire',
  'received',
  'present',
  'accept',
  'grant',
  'ledger',
  'entries',
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
    case 'present':
      return writeShown(writer, message.shown)
        .uint8(message.isLinked ? 1 : 0)
        .finish()
    case 'accept':
      return writeShown(writer, message.shown).finish()
    case 'grant':
      return writer.bytes(message.capability).finish()
    case 'ledger':
      return writer
        .raw(message.hash)
        .uint8(message.isReply ? 1 : 0)
        .finish()
    case 'entries':
      writer.varint(message.entries.length)
      for (const entry of message.entries) writer.bytes(entry)
      return writer.finish()
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
    case 'present':
      return { type, shown: readShown(reader), isLinked: readFlag(reader) }
    case 'accept':
      return { type, shown: readShown(reader) }
    case 'grant':
      return { type, capability: reader.bytes(CAPABILITY_BYTES_MAX).slice() }
    case 'ledger':
      return { type, hash: reader.raw(LEDGER_HASH_BYTES).slice(), isReply: readFlag(reader) }
    case 'entries':
      return { type, entries: readEntries(reader) }
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

function writeShown(writer: Writer, { capability, signature }: Shown): Writer {
  return writer.bytes(capability).bytes(signature)
}

function readShown(reader: Reader): Shown {
  const capability = reader.bytes(CAPABILITY_BYTES_MAX).slice()
  return { capability, signature: reader.bytes(SIGNATURE_BYTES).slice() }
}

function readEntries(reader: Reader): readonly Uint8Array[] {
  const entries: Uint8Array[] = []
  for (let left = reader.varint(ENTRIES_A_MESSAGE_MAX); left > 0; left--) {
    entries.push(reader.bytes(LEDGER_ENTRY_BYTES_MAX).slice())
  }
  return entries
}
