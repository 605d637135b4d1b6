import type { PeerId } from '../../base/ids.ts'
import type { SignedCapability } from '../../invites/capability.ts'
import type { Refusal, Shown, Verdict } from '../../invites/judge.ts'

/**
 * What the host asks of whoever keeps the capabilities of a private network: this node's own, what was revoked
 * and what was redeemed. Peer ids are those that noise has authenticated.
 */
export interface InvitePort {
  /** Whether this node has the network key; else it was invited. */
  readonly isHolder: boolean
  /** What proves this node to a peer. @param statement what a one-time secret has to sign in this exchange */
  show(statement: Uint8Array): Shown
  judge(peer: PeerId, shown: Shown, statement: Uint8Array): Verdict
  /** Makes a one-time invite the peer's own; `done` is called when that is durable, or with why it cannot be. */
  redeem(peer: PeerId, capability: SignedCapability, done: (verdict: Verdict) => void): void
  /** A peer made our one-time invite our own. */
  granted(capability: Uint8Array): void
  /** @param capability undefined: the peer has the network key */
  admitted(peer: PeerId, capability: SignedCapability | undefined): void
  /** A peer says that it does not admit this node, or no more. It need not be true. */
  refused(peer: PeerId, reason: string): void
  /** Why a peer's capability holds no more. */
  standing(peer: PeerId, capability: SignedCapability): Refusal | undefined
  readonly ledger: LedgerPort
}

/** Signed entries that every member should hold: bytes alone, here nothing is read of them. */
export interface LedgerPort {
  /** Undefined: it is empty. */
  hash(): Uint8Array | undefined
  entries(): readonly Uint8Array[]
  /** An entry that a peer told; `forged`: no member of this network would have passed it on. */
  learn(entry: Uint8Array): 'new' | 'old' | 'full' | 'forged'
  /** Entries that came or were made here, after they were added. Called once. */
  listen(changed: (entries: readonly Uint8Array[]) => void): void
}
