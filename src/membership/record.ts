import { compareBytes, compareText, concatBytes, utf8 } from '../base/bytes.ts'
import { type Decoded, DecodeError, decode, type Reader, readText, Writer } from '../base/codec.ts'
import { PUBLIC_KEY_BYTES } from '../base/ids.ts'
import { SIGNATURE_BYTES, type Signer } from '../base/signer.ts'
import { BOOT_NONCE_BYTES } from './boot-nonce.ts'
import {
  ADDRESS_BYTES_MAX,
  ADDRESSES_BYTES_MAX,
  ADDRESSES_MAX,
  NAME_BYTES_MAX,
  TAGS_BYTES_MAX,
  TAGS_MAX,
} from './options.ts'

/** `degraded`: it takes part, but most of its links are bad, so that its word on others counts for little. */
export type MemberStatus = 'alive' | 'degraded' | 'left'

/** What a member says about itself, signed by itself: nobody else can make one. */
export interface MemberRecord {
  readonly publicKey: Uint8Array
  readonly epoch: number
  readonly incarnation: number
  readonly status: MemberStatus
  /** 8 bytes of one process, see boot-nonce.ts: two processes with one key are told apart by it. */
  readonly bootNonce: Uint8Array
  /** The boot nonce of another life of the subject, which this record was made to outbid. */
  readonly rival?: Uint8Array | undefined
  readonly protocol: { readonly min: number; readonly max: number }
  readonly name: string
  readonly addresses: readonly string[]
  /** In key order. */
  readonly tags: Readonly<Record<string, string>>
}

/** A record with its wire form, signature included. */
export interface SignedRecord extends MemberRecord {
  readonly bytes: Uint8Array
}

/** Where a record stands, readable without decoding all of it. */
export interface RecordHead {
  readonly publicKey: Uint8Array
  readonly epoch: number
  readonly incarnation: number
  readonly status: MemberStatus
}

/** Head 88, name 66, addresses 2,080, tags 560, signature 64, with room; a frame holds 4,096. */
export const RECORD_BYTES_MAX = 3_072
/** Epochs and incarnations stay far below 2^53, so that adding one is always exact. */
export const COUNTER_MAX: number = 2 ** 48
const PROTOCOL_MAX = 65_535
const NO_BYTES = new Uint8Array(0)
/** In the order of their codes. */
const STATUSES: readonly MemberStatus[] = ['alive', 'left', 'degraded']
/** Added to the code of a status when the record names a rival. */
const HAS_RIVAL = 0x80

/** What is signed: the domain names purpose, version and network. */
function signedMessage(network: string, body: Uint8Array): Uint8Array {
  return concatBytes([new Writer().text('hearsay-member-record-1').text(network).finish(), body])
}

/** Signs and encodes a record of our own. Layout: docs/PROTOCOL.md. */
export function signRecord(signer: Signer, network: string, record: MemberRecord): SignedRecord {
  const writer = new Writer(256)
    .raw(record.publicKey)
    .varint(record.epoch)
    .varint(record.incarnation)
    .uint8(STATUSES.indexOf(record.status) + (record.rival === undefined ? 0 : HAS_RIVAL))
    .raw(record.bootNonce)
    .raw(record.rival ?? NO_BYTES)
    .uint16(record.protocol.min)
    .uint16(record.protocol.max)
    .text(record.name)
    .varint(record.addresses.length)
  for (const address of record.addresses) writer.text(address)
  const keys = Object.keys(record.tags).sort(compareText)
  writer.varint(keys.length)
  for (const key of keys) writer.text(key).text(record.tags[key] ?? '')
  const body = writer.finish()
  const signature = signer.sign(signedMessage(network, body))
  return { ...record, bytes: concatBytes([body, signature]) }
}

/** Verifies the subject's signature over a decoded record. */
export function verifyRecord(signer: Signer, network: string, record: SignedRecord): boolean {
  const at = record.bytes.length - SIGNATURE_BYTES
  return signer.verify(
    record.publicKey,
    signedMessage(network, record.bytes.subarray(0, at)),
    record.bytes.subarray(at),
  )
}

/** Reads the head alone: enough to see that a record is old news. */
export function decodeRecordHead(bytes: Uint8Array): Decoded<RecordHead> {
  return decode(bytes, readHead)
}

/** Decodes a record; the signature is not verified. Keeps no view of `bytes`. */
export function decodeRecord(bytes: Uint8Array): Decoded<SignedRecord> {
  const own = bytes.slice()
  return decode(own, (reader) => {
    if (own.length > RECORD_BYTES_MAX) throw new DecodeError('record too long')
    const { hasRival, ...head } = readHead(reader)
    const bootNonce = reader.raw(BOOT_NONCE_BYTES)
    const rival = hasRival ? reader.raw(BOOT_NONCE_BYTES) : undefined
    const min = reader.uint16()
    const max = reader.uint16()
    if (min > max || max > PROTOCOL_MAX) throw new DecodeError('protocol range is empty')
    const name = readText(reader, NAME_BYTES_MAX)
    const addresses = readAddresses(reader)
    const tags = readTags(reader)
    reader.raw(SIGNATURE_BYTES)
    reader.end()
    const body = { bootNonce, rival, protocol: { min, max }, name, addresses, tags }
    return { ...head, ...body, bytes: own }
  })
}

function readHead(reader: Reader): RecordHead & { readonly hasRival: boolean } {
  const publicKey = reader.raw(PUBLIC_KEY_BYTES)
  const epoch = reader.varint(COUNTER_MAX)
  const incarnation = reader.varint(COUNTER_MAX)
  const code = reader.uint8()
  const status = STATUSES[code & ~HAS_RIVAL]
  if (status === undefined) throw new DecodeError('unknown status')
  return { publicKey, epoch, incarnation, status, hasRival: code >= HAS_RIVAL }
}

function readAddresses(reader: Reader): string[] {
  const count = reader.varint(ADDRESSES_MAX)
  const before = reader.remaining
  const addresses: string[] = []
  for (let i = 0; i < count; i++) addresses.push(readText(reader, ADDRESS_BYTES_MAX))
  if (before - reader.remaining > ADDRESSES_BYTES_MAX + 2 * ADDRESSES_MAX) {
    throw new DecodeError('addresses too long')
  }
  return addresses
}

function readTags(reader: Reader): Record<string, string> {
  const count = reader.varint(TAGS_MAX)
  const before = reader.remaining
  const pairs: [string, string][] = []
  let last: string | undefined
  for (let i = 0; i < count; i++) {
    const key = readText(reader, TAGS_BYTES_MAX)
    if (last !== undefined && compareText(last, key) >= 0) throw new DecodeError('tags unordered')
    last = key
    pairs.push([key, readText(reader, TAGS_BYTES_MAX)])
  }
  if (before - reader.remaining > TAGS_BYTES_MAX + 4 * TAGS_MAX) {
    throw new DecodeError('tags too long')
  }
  // fromEntries defines own properties, so a key like __proto__ is data and no more.
  return Object.fromEntries(pairs)
}

/** The addresses that fit into a record, in order, without duplicates. */
export function fittingAddresses(addresses: readonly string[]): string[] {
  const fitting: string[] = []
  let total = 0
  for (const address of addresses) {
    if (!address.isWellFormed() || fitting.includes(address)) continue
    const length = utf8(address).length
    if (length === 0 || length > ADDRESS_BYTES_MAX) continue
    if (fitting.length === ADDRESSES_MAX || total + length > ADDRESSES_BYTES_MAX) break
    total += length
    fitting.push(address)
  }
  return fitting
}

/** Total order of one subject's records: epoch, incarnation, left above alive, then the bytes. */
export function compareRecords(a: SignedRecord, b: SignedRecord): number {
  return compareHeads(a, b) || compareBytes(a.bytes, b.bytes)
}

/** The order of {@link compareRecords} as far as the heads tell. */
export function compareHeads(a: RecordHead, b: RecordHead): number {
  return (
    a.epoch - b.epoch ||
    a.incarnation - b.incarnation ||
    Number(a.status === 'left') - Number(b.status === 'left')
  )
}
