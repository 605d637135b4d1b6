import { hex } from '../base/bytes.ts'
import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import { peerIdFromPublicKey } from '../base/peer-id.ts'
import type { SignedCapability } from '../invites/capability.ts'
import type { Ledger } from '../invites/ledger.ts'
import type { InviteList, ListedInvite, ListedRevocation } from './invite-types.ts'

/** Whatever a node knows of invites. */
export interface KnownInvites {
  /** What it has issued itself. */
  readonly issued: Iterable<SignedCapability>
  /** What peers were admitted for; undefined: the network key. */
  readonly met: ReadonlyMap<PeerId, SignedCapability | undefined>
  readonly ledger: Pick<Ledger, 'entries' | 'objection'>
}

/** The invites that are alive, oldest first, and all revocations. */
export function listInvites({ issued, met, ledger }: KnownInvites, now: Millis): InviteList {
  const known = new Map<string, SignedCapability>()
  for (const capability of issued) known.set(hex(capability.id), capability)
  for (const capability of met.values()) {
    if (capability !== undefined) known.set(hex(capability.id), capability)
  }
  const revocations: ListedRevocation[] = []
  // Last: of one that two peers have used the ledger says whose it is.
  for (const entry of ledger.entries()) {
    if (entry.type === 'redemption') known.set(hex(entry.capability.id), entry.capability)
    else {
      const { subject, revokedAt, until } = entry.revocation
      const id =
        subject.type === 'invite' ? hex(subject.id) : peerIdFromPublicKey(subject.publicKey)
      revocations.push({ id, revokedAt: isoOf(revokedAt), until: isoOf(until) })
    }
  }
  const alive = [...known.values()].filter(({ expiresAt = 0 }) => expiresAt > now)
  alive.sort((a, b) => a.issuedAt - b.issuedAt || (hex(a.id) < hex(b.id) ? -1 : 1))
  return { invites: alive.map((each) => listed(each, ledger, met)), revocations }
}

function listed(
  capability: SignedCapability,
  ledger: KnownInvites['ledger'],
  met: KnownInvites['met'],
): ListedInvite {
  const { id, role, audience, issuedAt, expiresAt = 0 } = capability
  const { type, publicKey } = audience
  const peerId = type === 'secret' ? undefined : peerIdFromPublicKey(publicKey)
  const isUsed = type === 'redeemed' || (peerId !== undefined && met.has(peerId))
  const isRevoked = ledger.objection(capability, publicKey) === 'revoked'
  return {
    id: hex(id),
    role: role === 'observer' ? 'observer' : 'member',
    ...(peerId === undefined ? {} : { peerId }),
    state: isRevoked ? 'revoked' : isUsed ? 'valid' : 'unused',
    issuedAt: isoOf(issuedAt),
    expiresAt: isoOf(expiresAt),
    ...(audience.type === 'redeemed' ? { usedAt: isoOf(audience.redeemedAt) } : {}),
  }
}

function isoOf(at: Millis): string {
  return new Date(at).toISOString()
}
