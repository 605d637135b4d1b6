import type { PeerId } from '../base/ids.ts'
import type { InviteRole } from '../invites/capability.ts'
import type { Waiting } from './state-types.ts'

export type { InviteRole }

export interface InviteOptions extends Waiting {
  /** How long whoever has it is admitted, 1 s … 366 days. @default 3,600,000 (1 h) */
  readonly ttlMs?: number
  /** An observer reads state, values and broadcasts, and nobody takes a write of it. @default "member" */
  readonly role?: InviteRole
  /** Whom it is for; others cannot use it, so it is no secret. @default whoever uses it first */
  readonly peerId?: string
}

export interface InviteInfo {
  /** 32 hexadecimal digits, for {@link Invites.revoke}. */
  readonly id: string
  readonly network: string
  readonly role: InviteRole
  /** Absent: for whoever uses it first. */
  readonly peerId?: PeerId
  /** ISO 8601. */
  readonly expiresAt: string
  /** The invite itself, one line; a secret unless it is for one peer. */
  readonly invite: string
}

export interface RevokedInfo {
  /** What was revoked: the id of an invite, or a peer id. */
  readonly id: string
  /** Whether this node knows of an invite with this id, or one that this peer has. */
  readonly isKnown: boolean
  /** ISO 8601: all members keep the revocation until then. */
  readonly until: string
}

export interface ListedInvite {
  readonly id: string
  readonly role: InviteRole
  /** Whom it was made for, or who has used it; absent: nobody yet. */
  readonly peerId?: PeerId
  /** `unused`: as far as this node knows · `valid`: its peer is admitted by it. */
  readonly state: 'unused' | 'valid' | 'revoked'
  /** ISO 8601. */
  readonly issuedAt: string
  /** ISO 8601. */
  readonly expiresAt: string
  /** ISO 8601: when a one-time invite became its peer's. */
  readonly usedAt?: string
}

export interface ListedRevocation {
  /** What was revoked: the id of an invite, or a peer id. */
  readonly id: string
  /** ISO 8601. */
  readonly revokedAt: string
  /** ISO 8601: when it is forgotten. */
  readonly until: string
}

export interface InviteList {
  /** Those that have not expired, oldest first. */
  readonly invites: readonly ListedInvite[]
  readonly revocations: readonly ListedRevocation[]
}

/** Invites of a private network, on nodes that have its key. */
export interface Invites {
  /**
   * Resolves when it is recorded here.
   * @throws {HearsayError} ERR_UNSUPPORTED: no network key · ERR_LIMIT: too many are in use · ERR_INVALID
   */
  create(options?: InviteOptions): Promise<InviteInfo>
  /**
   * Takes an invite back, or everything that a peer was given until now. Resolves when it is durable here; it
   * spreads to all members, who cut the peer off and admit it no more.
   * @param id of an invite, or a peer id
   * @throws {HearsayError} ERR_UNSUPPORTED: no network key, or the peer has it itself · ERR_LIMIT · ERR_INVALID
   */
  revoke(id: string, options?: Waiting): Promise<RevokedInfo>
  /**
   * Who may join: all that this node has issued or knows to be used. What others have issued is known here
   * once it is used; the secrets are nowhere kept.
   * @throws {HearsayError} ERR_UNSUPPORTED: no network key
   */
  list(options?: Waiting): Promise<InviteList>
}

/** By what this node takes part in its network. */
export interface AccessInfo {
  /** open: anybody does · key: it has the network key · invite: it was invited. */
  readonly by: 'open' | 'key' | 'invite'
  readonly role: InviteRole
  /** The id of its invite. */
  readonly id?: string
  /** ISO 8601: from when on it is not admitted any more. */
  readonly expiresAt?: string
  /** Of an invite: `unused` until a node with the network key has taken it. */
  readonly state?: 'valid' | 'unused' | 'expired' | 'revoked' | 'used'
  /**
   * Of an observer: what it wrote as a member, in events of replicated state, and no other member is known to hold.
   * Nobody takes it from here. Absent: none.
   */
  readonly unsent?: number
  /** Why the last peer that did not admit this node said it did not. */
  readonly refused?: string
}
