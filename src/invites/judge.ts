import { equalBytes } from '../base/bytes.ts'
import type { Millis } from '../base/core.ts'
import { SIGNATURE_BYTES, type Signer } from '../base/signer.ts'
import { decodeCapability, isSigned, type SignedCapability } from './capability.ts'
import type { Ledger } from './ledger.ts'

/** Why a peer is not admitted by what it showed; also the words that it is told, at most 64 characters. */
export const REFUSALS = {
  malformed: 'the invite cannot be read',
  forged: 'the invite is not signed for this network key',
  network: 'the invite is for another network',
  peer: 'the invite is for another peer',
  role: 'an invite to observe must be in the ledger of the network',
  unproven: 'the secret of the invite was not proved',
  expired: 'the invite has expired',
  revoked: 'the invite was revoked',
  used: 'the invite was used by another peer',
  unredeemed: 'a one-time invite is first shown to a node with the network key',
  full: 'too many invites are in use',
  failed: 'the invite could not be recorded',
} as const

export type Refusal = keyof typeof REFUSALS

/** What a peer shows of itself. */
export interface Shown {
  readonly capability: Uint8Array
  /** By the secret of a one-time invite, over the statement of the exchange; else empty. */
  readonly signature: Uint8Array
}

export type Verdict =
  | { readonly type: 'admitted'; readonly capability: SignedCapability }
  /** The peer has the secret of an invite that nobody has used: it must become the peer's own first. */
  | { readonly type: 'redeemable'; readonly capability: SignedCapability }
  | { readonly type: 'refused'; readonly refusal: Refusal }

/** What a judge of capabilities stands on. */
export interface Court {
  readonly network: string
  /** Public key of the root. */
  readonly rootKey: Uint8Array
  readonly ledger: Ledger
  readonly signer: Pick<Signer, 'verify'>
  /** Whether this node has the network key, and so can redeem. */
  readonly isHolder: boolean
}

/**
 * Judges what a peer shows.
 * @param peer.publicKey of its peer id, which the transport has authenticated
 * @param peer.statement what the secret of a one-time invite must have signed in this exchange
 */
export function judge(
  court: Court,
  shown: Shown,
  peer: { readonly publicKey: Uint8Array; readonly statement: Uint8Array; readonly now: Millis },
): Verdict {
  const decoded = decodeCapability(shown.capability)
  if (!decoded.ok) return refused('malformed')
  const capability = decoded.value
  const { network, rootKey, ledger, signer, isHolder } = court
  if (capability.network !== network) return refused('network')
  if (!isSigned(signer, rootKey, capability)) return refused('forged')
  const { audience } = capability
  // Who only reads must be known as that to all members: by the ledger, into which this could not be put.
  if (capability.role === 'observer' && audience.type === 'peer') return refused('role')
  const isOfSecret = audience.type === 'secret'
  if (!isOfSecret && !equalBytes(audience.publicKey, peer.publicKey)) return refused('peer')
  if (!isOfSecret && shown.signature.length !== 0) return refused('malformed')
  const objection = standing(ledger, capability, peer)
  if (objection !== undefined) return refused(objection)
  if (!isOfSecret) return { type: 'admitted', capability }
  const isProved =
    shown.signature.length === SIGNATURE_BYTES &&
    signer.verify(audience.publicKey, peer.statement, shown.signature)
  if (!isProved) return refused('unproven')
  // Redeemed by this very peer, which has lost what it was given, or never got it.
  const redeemed = ledger.redemption(capability.id)
  if (redeemed !== undefined) return { type: 'admitted', capability: redeemed }
  return isHolder ? { type: 'redeemable', capability } : refused('unredeemed')
}

/** Why a sound capability does not hold for a peer now; undefined: it does. */
export function standing(
  ledger: Ledger,
  capability: SignedCapability,
  peer: { readonly publicKey: Uint8Array; readonly now: Millis },
): 'expired' | 'revoked' | 'used' | undefined {
  const { expiresAt } = capability
  if (expiresAt !== undefined && expiresAt <= peer.now) return 'expired'
  // A holder has the network key, from which all else follows: that cannot be taken back.
  return expiresAt === undefined ? undefined : ledger.objection(capability, peer.publicKey)
}

function refused(refusal: Refusal): Verdict {
  return { type: 'refused', refusal }
}
