import { compareBytes, hex } from '../base/bytes.ts'
import type { Millis } from '../base/core.ts'
import { sha256 } from '../base/hash.ts'
import type { SignedCapability } from './capability.ts'
import type { SignedRevocation } from './revocation.ts'

/** What all members should know of invites: both kinds are signed by the root key. */
export type LedgerEntry =
  | { readonly type: 'redemption'; readonly capability: SignedCapability }
  | { readonly type: 'revocation'; readonly revocation: SignedRevocation }

/** Entries that a holder of the network key adds to. */
export const LEDGER_ENTRIES_MAX = 4_096
/** Entries taken from others: two sides of a partition may each have filled theirs. */
export const LEDGER_TAKEN_MAX: number = 2 * LEDGER_ENTRIES_MAX
export const LEDGER_HASH_BYTES = 8

export type LedgerChange =
  | 'new'
  /** Known, or older than what is known of the same subject. */
  | 'old'
  /** Nothing it is about is alive any more. */
  | 'over'
  | 'full'

/**
 * Revocations and redemptions that may still matter: a set whose merge is commutative and idempotent. Of one
 * subject the revocation that lasts longest stays; of one invite the earliest redemption: an invite redeemed
 * on both sides of a partition belongs to the first, and the other peer is refused from then on.
 *
 * Entries come verified. Each leaves when what it is about has expired.
 */
export class Ledger {
  readonly #entries = new Map<string, LedgerEntry>()
  #hash: Uint8Array | undefined

  get size(): number {
    return this.#entries.size
  }

  /** @param max entries beyond which nothing is added */
  add(entry: LedgerEntry, now: Millis, max: number = LEDGER_TAKEN_MAX): LedgerChange {
    if (endOf(entry) <= now) return 'over'
    const key = ledgerKey(entry)
    const known = this.#entries.get(key)
    if (known !== undefined && compareEntries(entry, known) <= 0) return 'old'
    if (known === undefined && this.#entries.size >= max) return 'full'
    this.#entries.set(key, entry)
    this.#hash = undefined
    return 'new'
  }

  /** Whether it holds this very entry. */
  holds(entry: LedgerEntry): boolean {
    const known = this.#entries.get(ledgerKey(entry))
    return known !== undefined && compareBytes(bytesOfEntry(known), bytesOfEntry(entry)) === 0
  }

  /** What an invite was redeemed to. */
  redemption(id: Uint8Array): SignedCapability | undefined {
    const entry = this.#entries.get(`redeemed!${hex(id)}`)
    return entry?.type === 'redemption' ? entry.capability : undefined
  }

  /** What a peer redeemed. */
  redemptionsOf(publicKey: Uint8Array): readonly SignedCapability[] {
    const found: SignedCapability[] = []
    for (const entry of this.#entries.values()) {
      const isOurs =
        entry.type === 'redemption' &&
        compareBytes(entry.capability.audience.publicKey, publicKey) === 0
      if (isOurs) found.push(entry.capability)
    }
    return found
  }

  /**
   * Public keys, by their hex, of peers whose latest invite lets them read only. A revoked one stays one until the
   * invite would have expired: what it said before is no more worth then.
   */
  observers(): ReadonlyMap<string, Uint8Array> {
    const latest = new Map<string, SignedCapability>()
    for (const entry of this.#entries.values()) {
      if (entry.type !== 'redemption') continue
      const peer = hex(entry.capability.audience.publicKey)
      const known = latest.get(peer)
      if (known === undefined || isLater(entry.capability, known))
        latest.set(peer, entry.capability)
    }
    const observers = [...latest].filter(([, { role }]) => role === 'observer')
    return new Map(observers.map(([peer, { audience }]) => [peer, audience.publicKey]))
  }

  /** Why a capability does not hold for a peer, as far as the ledger knows. */
  objection(
    { id, issuedAt, audience }: SignedCapability,
    publicKey: Uint8Array,
  ): 'revoked' | 'used' | undefined {
    if (this.#entries.has(`invite!${hex(id)}`)) return 'revoked'
    const ofPeer = this.#entries.get(`peer!${hex(publicKey)}`)
    if (ofPeer?.type === 'revocation' && ofPeer.revocation.revokedAt >= issuedAt) return 'revoked'
    if (audience.type === 'peer') return undefined
    const redeemed = this.redemption(id)
    const isOther =
      redeemed !== undefined && compareBytes(redeemed.audience.publicKey, publicKey) !== 0
    return isOther ? 'used' : undefined
  }

  entries(): readonly LedgerEntry[] {
    return [...this.#entries.values()]
  }

  /** The same for the same entries, in any order: exclusive or of the first bytes of their SHA-256. */
  hash(): Uint8Array {
    if (this.#hash === undefined) {
      this.#hash = new Uint8Array(LEDGER_HASH_BYTES)
      for (const entry of this.#entries.values()) {
        const each = sha256(bytesOfEntry(entry))
        for (let i = 0; i < LEDGER_HASH_BYTES; i++) {
          this.#hash[i] = (this.#hash[i] ?? 0) ^ (each[i] ?? 0)
        }
      }
    }
    return this.#hash
  }

  /** Forgets what is over. @returns keys of the entries that left */
  purge(now: Millis): readonly string[] {
    const over: string[] = []
    for (const [key, entry] of this.#entries) if (endOf(entry) <= now) over.push(key)
    for (const key of over) this.#entries.delete(key)
    if (over.length > 0) this.#hash = undefined
    return over
  }
}

/** One entry a subject; printable ASCII. */
export function ledgerKey(entry: LedgerEntry): string {
  if (entry.type === 'redemption') return `redeemed!${hex(entry.capability.id)}`
  const { subject } = entry.revocation
  return subject.type === 'invite' ? `invite!${hex(subject.id)}` : `peer!${hex(subject.publicKey)}`
}

export function bytesOfEntry(entry: LedgerEntry): Uint8Array {
  return entry.type === 'redemption' ? entry.capability.bytes : entry.revocation.bytes
}

function endOf(entry: LedgerEntry): Millis {
  return entry.type === 'redemption' ? (entry.capability.expiresAt ?? 0) : entry.revocation.until
}

/** Of two that one peer has redeemed; a total order, so that all members choose the same one. */
function isLater(a: SignedCapability, b: SignedCapability): boolean {
  const order = redeemedAtOf(a) - redeemedAtOf(b)
  return order === 0 ? compareBytes(a.bytes, b.bytes) > 0 : order > 0
}

function redeemedAtOf({ audience }: SignedCapability): Millis {
  return audience.type === 'redeemed' ? audience.redeemedAt : 0
}

/** Above zero when `a` stays: a total order of the entries of one subject. */
function compareEntries(a: LedgerEntry, b: LedgerEntry): number {
  const order = strength(a) - strength(b)
  return order !== 0 ? order : compareBytes(bytesOfEntry(a), bytesOfEntry(b))
}

function strength(entry: LedgerEntry): number {
  if (entry.type === 'redemption') return -redeemedAtOf(entry.capability)
  // Of a peer the later one covers more; of an invite it only lasts longer.
  const { subject, revokedAt, until } = entry.revocation
  return subject.type === 'peer' ? revokedAt : until
}
