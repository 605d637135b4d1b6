/**
 * A DHT value in its envelope.
 *
 * The envelope is self-contained: whoever holds its bytes can check who wrote it, which version it
 * is and until when it counts, without asking anybody. The author signs everything in it, so no
 * replica can change, prolong or re-date a record; it can at most withhold one. A deletion is a
 * record too (a tombstone), so that it can win over the value it deletes wherever that is held.
 *
 * Bytes: format · namespace · flags · key · author · stamp · expiry · value · signature, see
 * docs/PROTOCOL.md. Each record has exactly one spelling, so equal records are equal bytes.
 */

import { concatBytes, utf8 } from '../base/bytes.ts'
import { type Decoded, DecodeError, decode, type Reader, readText, Writer } from '../base/codec.ts'
import type { Millis } from '../base/core.ts'
import type { Stamp } from '../base/hybrid-clock.ts'
import { type PeerId, PUBLIC_KEY_BYTES } from '../base/ids.ts'
import { peerIdFromPublicKey } from '../base/peer-id.ts'
import { SIGNATURE_BYTES, type Signer } from '../base/signer.ts'
import { KEY_BYTES_MAX, type Namespace } from './record-key.ts'

/** Largest value, bytes. */
export const VALUE_BYTES_MAX = 65_536
/** Largest immutable value, bytes: what large values are made of, so that a signature counts for more. */
export const IMMUTABLE_BYTES_MAX = 262_144
/** Largest envelope: heads and lengths, key, author, stamp, expiry, value, signature. */
export const RECORD_BYTES_MAX: number =
  3 + (2 + KEY_BYTES_MAX) + PUBLIC_KEY_BYTES + 8 + 8 + (3 + IMMUTABLE_BYTES_MAX) + SIGNATURE_BYTES
/** Life of a value when its writer names none: 48 h. */
export const RECORD_TTL_MS: Millis = 48 * 3_600_000
/** Longest life a writer may ask for, so that nothing occupies replicas for ever: 30 days. */
export const RECORD_TTL_MS_MAX: Millis = 30 * 24 * 3_600_000
/** A tombstone that all replicas hold may be forgotten after this: twice the default life of values. */
export const TOMBSTONE_MS_MIN: Millis = 2 * RECORD_TTL_MS
/** Bytes of the signature that tell two records of one version apart in a digest. */
export const FINGERPRINT_BYTES = 8

/** The signature covers all bytes before it. */
const FORMAT_WHOLE = 1
/** Immutable records: it covers the bytes before the value, which the key among them names by its hash. */
const FORMAT_NAMED = 2
const FLAG_TOMBSTONE = 1
const FLAG_MANIFEST = 2
const SIGNING_DOMAIN = utf8('hearsay record 1\n')
const EMPTY = new Uint8Array(0)
/** Of a record without key and value. */
const RECORD_HEAD_BYTES: number = 3 + 2 + PUBLIC_KEY_BYTES + 8 + 8 + 3 + SIGNATURE_BYTES

/** One record, with its bytes. `author`, `value`, `signature` and `signed` are views of `bytes`. */
export interface DhtRecord {
  /** The whole envelope as sent, stored and signed. */
  readonly bytes: Uint8Array
  /** One character; anything but a {@link Namespace} fails validation. */
  readonly namespace: string
  readonly key: string
  /** Undefined: a tombstone. */
  readonly value: Uint8Array | undefined
  /** Whether the value lists the chunks of a larger one: see manifest.ts. */
  readonly isManifest: boolean
  /** Ed25519 public key, 32 bytes. */
  readonly author: Uint8Array
  /** First part of the version; the author is the second. */
  readonly stamp: Stamp
  /** Unix ms, whole: from then on the record does not count. */
  readonly expiresAt: Millis
  readonly signature: Uint8Array
  /** What the signature covers. */
  readonly signed: Uint8Array
}

/** What an author decides about a record. */
export interface RecordDraft {
  readonly namespace: Namespace
  readonly key: string
  readonly value: Uint8Array | undefined
  /** @default false */
  readonly isManifest?: boolean
  readonly stamp: Stamp
  readonly expiresAt: Millis
}

/** Signs a record as this node. The key and the value must be within their limits. */
export function sealRecord(draft: RecordDraft, signer: Signer): DhtRecord {
  const value = draft.value ?? EMPTY
  const isNamed = draft.namespace === 'h'
  const writer = new Writer(RECORD_HEAD_BYTES + 3 * draft.key.length + value.length)
    .uint8(isNamed ? FORMAT_NAMED : FORMAT_WHOLE)
    .uint8(draft.namespace.charCodeAt(0))
    .uint8(flagsOf(draft))
    .text(draft.key)
    .raw(signer.publicKey)
    .varint(draft.stamp)
    .varint(draft.expiresAt)
  if (!isNamed) writer.bytes(value)
  const signature = signer.sign(concatBytes([SIGNING_DOMAIN, writer.finish()]))
  if (isNamed) writer.bytes(value)
  const bytes = writer.raw(signature).take()
  const sealed = decodeRecord(bytes)
  if (!sealed.ok) throw new RangeError(`Cannot seal record: ${sealed.reason}`)
  return sealed.value
}

function flagsOf({ value, isManifest = false }: RecordDraft): number {
  if (value === undefined) return FLAG_TOMBSTONE
  return isManifest ? FLAG_MANIFEST : 0
}

/** Parses an envelope; says nothing yet about its signature or age, see `validate`. Keeps `bytes`. */
export function decodeRecord(bytes: Uint8Array): Decoded<DhtRecord> {
  if (bytes.length > RECORD_BYTES_MAX) return { ok: false, reason: 'record too long' }
  return decode(bytes, (reader) => readRecord(reader, bytes))
}

function readRecord(reader: Reader, bytes: Uint8Array): DhtRecord {
  const format = reader.uint8()
  const namespace = String.fromCharCode(reader.uint8())
  const isImmutable = namespace === 'h'
  const isNamed = format === FORMAT_NAMED && isImmutable
  if (format !== FORMAT_WHOLE && !isNamed) throw new DecodeError('unknown record format')
  const flags = reader.uint8()
  if (flags > FLAG_MANIFEST) throw new DecodeError('unknown record flags')
  const key = readText(reader, KEY_BYTES_MAX)
  if (key.length === 0) throw new DecodeError('empty record key')
  const author = reader.raw(PUBLIC_KEY_BYTES)
  const stamp = reader.varint()
  const expiresAt = reader.varint()
  const headBytes = reader.offset
  const value = reader.bytes(isImmutable ? IMMUTABLE_BYTES_MAX : VALUE_BYTES_MAX)
  const signedBytes = isNamed ? headBytes : reader.offset
  const signature = reader.raw(SIGNATURE_BYTES)
  reader.end()
  const isTombstone = flags === FLAG_TOMBSTONE
  if (isTombstone && value.length > 0) throw new DecodeError('tombstone with a value')
  return {
    bytes,
    namespace,
    key,
    value: isTombstone ? undefined : value,
    isManifest: flags === FLAG_MANIFEST,
    author,
    stamp,
    expiresAt,
    signature,
    signed: bytes.subarray(0, signedBytes),
  }
}

/** Whether the author signed it. Says nothing of the value of an immutable record: see `proofFault`. */
export function isSignedByAuthor(record: DhtRecord, signer: Signer): boolean {
  const { publicKey, message, signature } = proofOf(record)
  return signer.verify(publicKey, message, signature)
}

/** What the author's signature says. */
export function proofOf({ author, signed, signature }: DhtRecord): {
  readonly publicKey: Uint8Array
  readonly message: Uint8Array
  readonly signature: Uint8Array
} {
  return { publicKey: author, message: concatBytes([SIGNING_DOMAIN, signed]), signature }
}

/** Eight bytes that differ between records of one version: the head of the signature. */
export function fingerprintOf(record: DhtRecord): Uint8Array {
  return record.signature.subarray(0, FINGERPRINT_BYTES)
}

/** The author as people see it. */
export function authorOf(record: DhtRecord): PeerId {
  return peerIdFromPublicKey(record.author)
}

/** The version as text: 14 hex digits of the stamp, `-`, the last 8 characters of the author's peer id. */
export function versionText(stamp: Stamp, author: PeerId): string {
  return `${stamp.toString(16).padStart(14, '0')}-${author.slice(-8)}`
}
