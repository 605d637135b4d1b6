import { type Decoded, DecodeError, decode, Writer } from '../base/codec.ts'
import type { Millis } from '../base/core.ts'
import { PUBLIC_KEY_BYTES } from '../base/ids.ts'
import { SIGNATURE_BYTES, type Signer } from '../base/signer.ts'
import { INSTANT_MAX, INVITE_ID_BYTES, INVITE_TTL_MS_MAX, readNetwork } from './capability.ts'
import { isSignedByRoot, signedByRoot } from './root-signed.ts'

/** Signed by the root key: an invite, or all that a peer was given until then, holds no more. */
export interface Revocation {
  readonly network: string
  /** `invite`: an id. `peer`: a public key, and every capability of it issued until `revokedAt`. */
  readonly subject:
    | { readonly type: 'invite'; readonly id: Uint8Array }
    | { readonly type: 'peer'; readonly publicKey: Uint8Array }
  readonly revokedAt: Millis
  /** From when on nothing that it revokes could be alive anyway: then it is forgotten. */
  readonly until: Millis
}

export interface SignedRevocation extends Revocation {
  readonly bytes: Uint8Array
}

const VERSION = 1
const DOMAIN = 'hearsay-revocation-1'
export const REVOCATION_BYTES_MAX = 192

export function signRevocation(root: Signer, revocation: Revocation): SignedRevocation {
  return { ...revocation, bytes: signedByRoot(root, DOMAIN, bodyOf(revocation)) }
}

export function decodeRevocation(bytes: Uint8Array): Decoded<SignedRevocation> {
  if (bytes.length > REVOCATION_BYTES_MAX) return { ok: false, reason: 'revocation too long' }
  return decode(bytes, (reader) => {
    if (reader.uint8() !== VERSION) throw new DecodeError('unknown version of a revocation')
    const network = readNetwork(reader)
    const kind = reader.uint8()
    if (kind > 1) throw new DecodeError('unknown subject of a revocation')
    const subject =
      kind === 0
        ? ({ type: 'invite', id: reader.raw(INVITE_ID_BYTES).slice() } as const)
        : ({ type: 'peer', publicKey: reader.raw(PUBLIC_KEY_BYTES).slice() } as const)
    const revokedAt = reader.varint(INSTANT_MAX)
    const until = reader.varint()
    if (until - revokedAt > INVITE_TTL_MS_MAX) throw new DecodeError('revocation out of bounds')
    reader.raw(SIGNATURE_BYTES)
    reader.end()
    return { network, subject, revokedAt, until, bytes: bytes.slice() }
  })
}

export function isRevocationSigned(
  signer: Pick<Signer, 'verify'>,
  rootKey: Uint8Array,
  { bytes }: SignedRevocation,
): boolean {
  return isSignedByRoot(signer, rootKey, { domain: DOMAIN, bytes })
}

function bodyOf({ network, subject, revokedAt, until }: Revocation): Uint8Array {
  return new Writer(REVOCATION_BYTES_MAX)
    .uint8(VERSION)
    .text(network)
    .uint8(subject.type === 'invite' ? 0 : 1)
    .raw(subject.type === 'invite' ? subject.id : subject.publicKey)
    .varint(revokedAt)
    .varint(until)
    .finish()
}
