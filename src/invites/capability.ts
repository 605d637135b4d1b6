/**
 * Capabilities of private networks: who may be admitted without the network key, as what, until when.
 *
 * A capability is signed by the network's root key (root-key.ts). Its audience is a peer, or the public half
 * of a secret that the invited carry: whoever proves to have the secret gets, once, a capability of its own
 * (`redeemed`) from a holder of the network key. Peers are authenticated by noise, so that a capability for a
 * peer needs no further proof and is no secret.
 */
import { type Decoded, DecodeError, decode, type Reader, readText, Writer } from '../base/codec.ts'
import type { Millis } from '../base/core.ts'
import { PUBLIC_KEY_BYTES } from '../base/ids.ts'
import { SIGNATURE_BYTES, type Signer } from '../base/signer.ts'
import { isSignedByRoot, signedByRoot } from './root-signed.ts'

/** `member` takes part in everything; `observer` only reads: see PROTOCOL.md, Observers. */
export type InviteRole = 'member' | 'observer'

export type Audience =
  /** A peer, by the public key of its peer id. */
  | { readonly type: 'peer'; readonly publicKey: Uint8Array }
  /** Whoever has the secret of this public key. */
  | { readonly type: 'secret'; readonly publicKey: Uint8Array }
  /** The peer that has proved to have the secret, and when. */
  | { readonly type: 'redeemed'; readonly publicKey: Uint8Array; readonly redeemedAt: Millis }

export interface Capability {
  readonly network: string
  /** 16 random bytes: of one invite, before and after it was redeemed. */
  readonly id: Uint8Array
  /** `holder`: of a peer that has the network key, signed by itself. */
  readonly role: InviteRole | 'holder'
  readonly audience: Audience
  readonly issuedAt: Millis
  /** Undefined: never, of holders alone. */
  readonly expiresAt: Millis | undefined
}

/** A capability with the bytes that are signed, shown and kept. */
export interface SignedCapability extends Capability {
  readonly bytes: Uint8Array
}

export const INVITE_ID_BYTES = 16
export const CAPABILITY_BYTES_MAX = 256
/** Revocations are kept as long as an invite can live: longer ones would let the set grow for years. */
export const INVITE_TTL_MS_MAX: Millis = 366 * 24 * 60 * 60 * 1000
const NETWORK_BYTES_MAX = 64
/** The year 255,000: every instant up to a year after it can be shown as a date. */
export const INSTANT_MAX: Millis = 8_000_000_000_000_000
const VERSION = 1
const DOMAIN = 'hearsay-capability-1'
const ROLES = ['member', 'observer', 'holder'] as const
const AUDIENCES = ['peer', 'secret', 'redeemed'] as const

/** @param root the signer of the root key */
export function signCapability(root: Signer, capability: Capability): SignedCapability {
  return { ...capability, bytes: signedByRoot(root, DOMAIN, bodyOf(capability)) }
}

export function decodeCapability(bytes: Uint8Array): Decoded<SignedCapability> {
  if (bytes.length > CAPABILITY_BYTES_MAX) return { ok: false, reason: 'capability too long' }
  return decode(bytes, (reader) => {
    const capability = readBody(reader)
    reader.raw(SIGNATURE_BYTES)
    reader.end()
    return { ...capability, bytes: bytes.slice() }
  })
}

/** Whether the root key signed it. @param rootKey 32 bytes */
export function isSigned(
  signer: Pick<Signer, 'verify'>,
  rootKey: Uint8Array,
  { bytes }: SignedCapability,
): boolean {
  return isSignedByRoot(signer, rootKey, { domain: DOMAIN, bytes })
}

function bodyOf({ network, id, role, audience, issuedAt, expiresAt }: Capability): Uint8Array {
  const writer = new Writer(CAPABILITY_BYTES_MAX)
    .uint8(VERSION)
    .text(network)
    .raw(id)
    .uint8(ROLES.indexOf(role))
    .uint8(AUDIENCES.indexOf(audience.type))
    .raw(audience.publicKey)
  if (audience.type === 'redeemed') writer.varint(audience.redeemedAt)
  return writer
    .varint(issuedAt)
    .varint(expiresAt ?? 0)
    .finish()
}

function readBody(reader: Reader): Capability {
  if (reader.uint8() !== VERSION) throw new DecodeError('unknown version of a capability')
  const network = readNetwork(reader)
  const id = reader.raw(INVITE_ID_BYTES).slice()
  const role = ROLES[reader.uint8()]
  if (role === undefined) throw new DecodeError('unknown role')
  const audience = readAudience(reader)
  const issuedAt = reader.varint(INSTANT_MAX)
  const expiry = reader.varint()
  if (role === 'holder') {
    if (expiry !== 0 || audience.type !== 'peer')
      throw new DecodeError('odd capability of a holder')
    return { network, id, role, audience, issuedAt, expiresAt: undefined }
  }
  if (expiry <= issuedAt || expiry - issuedAt > INVITE_TTL_MS_MAX) {
    throw new DecodeError('life of a capability out of bounds')
  }
  return { network, id, role, audience, issuedAt, expiresAt: expiry }
}

/** The name of a network: people are shown it, so it holds nothing but what names may hold. */
export function readNetwork(reader: Reader): string {
  const network = readText(reader, NETWORK_BYTES_MAX)
  if (!/^[a-z0-9._-]+$/.test(network)) throw new DecodeError('no name of a network')
  return network
}

function readAudience(reader: Reader): Audience {
  const type = AUDIENCES[reader.uint8()]
  if (type === undefined) throw new DecodeError('unknown audience')
  const publicKey = reader.raw(PUBLIC_KEY_BYTES).slice()
  return type === 'redeemed'
    ? { type, publicKey, redeemedAt: reader.varint(INSTANT_MAX) }
    : { type, publicKey }
}
