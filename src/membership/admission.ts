import { equalBytes } from '../base/bytes.ts'
import type { Millis } from '../base/core.ts'
import { type Accusation, ownAccusation, verifyAccusation } from './accusation.ts'
import type { Book } from './book.ts'
import type { Casts } from './casts/casts.ts'
import { compareTimes } from './claims.ts'
import type { Digests } from './digests.ts'
import { recordRumour } from './flood.ts'
import { type Claim, encodeLeftAck } from './frame.ts'
import type { Identity } from './identity.ts'
import type { Link } from './link.ts'
import {
  compareHeads,
  decodeRecord,
  decodeRecordHead,
  type RecordHead,
  type SignedRecord,
  verifyRecord,
} from './record.ts'
import type { Shared } from './shared.ts'
import type { Sync } from './sync.ts'
import { type Entry, isLive } from './table.ts'
import { TokenBucket } from './token-bucket.ts'
import type { Verdicts } from './verdicts.ts'

/** Members in the table (host.md). */
export const MEMBERS_MAX = 10_240
export const NEW_MEMBERS_PER_SECOND = 200
/** A joiner hears of all at once: as many as one link may bring to be verified (link.ts). */
export const NEW_MEMBERS_BURST = 2_000
/** Only the subject raises its incarnation; a leap beyond this is an attempt to exhaust it. */
export const INCARNATION_JUMP_MAX: number = 2 ** 16

/**
 * The border between claims that peers tell and the table: what is old news is dropped before its
 * signature is looked at, what is news must be signed, in bounds, and within the rates.
 */
export class Admission {
  readonly #shared: Shared
  readonly #identity: Identity
  readonly #verdicts: Verdicts
  readonly #digests: Digests
  readonly #book: Book
  readonly #sync: Sync
  readonly #casts: Casts
  readonly #newMembers: TokenBucket

  constructor(options: {
    readonly shared: Shared
    readonly identity: Identity
    readonly verdicts: Verdicts
    readonly digests: Digests
    readonly book: Book
    readonly sync: Sync
    readonly casts: Casts
    readonly now: Millis
  }) {
    this.#shared = options.shared
    this.#identity = options.identity
    this.#verdicts = options.verdicts
    this.#digests = options.digests
    this.#book = options.book
    this.#sync = options.sync
    this.#casts = options.casts
    this.#newMembers = new TokenBucket({
      perSecond: NEW_MEMBERS_PER_SECOND,
      burst: NEW_MEMBERS_BURST,
      now: options.now,
    })
  }

  hear(link: Link, claims: readonly Claim[], now: Millis): void {
    for (const claim of claims) {
      if (claim.type === 'record') this.#hearRecord(link, claim.bytes, now)
      else if (claim.type === 'accusation') this.#hearAccusation(link, claim.accusation, now)
      else if (claim.type === 'cast') this.#casts.hinted(link.peerId, claim.cast, now)
      else {
        const subject = this.#shared.table.find(claim.digest.subject)
        const self = this.#identity.entry
        if (subject !== undefined) {
          this.#digests.heardOf(subject, claim.digest, { from: link, self, now })
        }
      }
    }
  }

  #hearRecord(link: Link, bytes: Uint8Array, now: Millis): void {
    const head = decodeRecordHead(bytes)
    if (!head.ok) {
      this.#drop('record-malformed')
      return
    }
    const known = this.#shared.table.find(head.value.publicKey)
    if (head.value.status === 'left' && known?.peerId === link.peerId)
      this.#ackLeft(link, head.value)
    if (known !== undefined && !this.#isNews(link, known, head.value, bytes, now)) return
    if (known === undefined && !this.#hasRoom(now)) return
    const record = this.#verified(link, head.value, bytes, now)
    if (record === undefined) return
    if (known === this.#identity.entry) {
      this.#identity.met(record, now)
      return
    }
    const entry = this.#verdicts.applyRecord(record, {
      from: link.peerId,
      evidence: `${record.status === 'left' ? 'said goodbye' : 'own record'}, told by ${this.#nameOf(link)}`,
      now,
    })
    if (entry !== undefined) this.#book.note(entry, now)
  }

  /** False for what the table already knows or exceeds; tells the peer what it is behind of. */
  #isNews(link: Link, known: Entry, head: RecordHead, bytes: Uint8Array, now: Millis): boolean {
    const { record } = known.claims
    if (equalBytes(record.bytes, bytes)) return false
    const order = compareHeads(head, record)
    if (order < 0) {
      // Whoever repeats an earlier life of ours has not heard of this one.
      const isOwnPast = known === this.#identity.entry && head.epoch < record.epoch
      if (isOwnPast) this.#shared.flood.tell(link, recordRumour(known), now)
      return false
    }
    const isLeap =
      head.epoch === record.epoch && head.incarnation > record.incarnation + INCARNATION_JUMP_MAX
    if (isLeap) this.#drop('incarnation-jump')
    return !isLeap
  }

  #hasRoom(now: Millis): boolean {
    const { table } = this.#shared
    if (!this.#newMembers.take(now)) {
      this.#drop('new-members-rate')
      this.#sync.soon(now)
      return false
    }
    if (table.size < MEMBERS_MAX) return true
    let oldest: Entry | undefined
    for (const entry of table.entries()) {
      const isGone = !isLive(entry) && entry !== this.#identity.entry
      if (isGone && (oldest === undefined || entry.since < oldest.since)) oldest = entry
    }
    if (oldest === undefined) this.#drop('members-full')
    else table.remove(oldest)
    return oldest !== undefined
  }

  #verified(
    link: Link,
    head: RecordHead,
    bytes: Uint8Array,
    now: Millis,
  ): SignedRecord | undefined {
    const { options, records } = this.#shared
    // Verified by another node of this process, if at all: that saves the work, not the allowance.
    const shared = records.find(head, bytes)
    if (shared !== undefined) return this.#mayVerify(link, now) ? shared : undefined
    const record = decodeRecord(bytes)
    if (!record.ok) this.#drop('record-malformed')
    else if (this.#mayVerify(link, now)) {
      if (verifyRecord(options.signer, options.network, record.value)) return record.value
      this.#drop('record-signature')
    }
    return undefined
  }

  #hearAccusation(link: Link, accusation: Accusation, now: Millis): void {
    const { table, flood, options } = this.#shared
    const subject = table.find(accusation.subject)
    const accuser = table.find(accusation.accuser)
    if (subject === undefined) {
      this.#drop('accusation-subject')
      return
    }
    if (accuser === undefined) {
      this.#drop('accusation-accuser')
      return
    }
    if (this.#verdicts.accusers.isMuted(accuser.peerId, now)) {
      this.#drop('accusation-muted')
      return
    }
    const { record } = subject.claims
    if (compareTimes(accusation, record) < 0 || record.status === 'left') {
      flood.tell(link, recordRumour(subject), now)
      if (subject === this.#identity.entry) this.#hearLate(link, accusation, now)
      return
    }
    const isLeap =
      accusation.epoch === record.epoch &&
      accusation.incarnation > record.incarnation + INCARNATION_JUMP_MAX
    if (isLeap) {
      this.#drop('incarnation-jump')
      return
    }
    const excess = this.#verdicts.excess(subject, accusation)
    if (excess === 'accusation-excess') this.#drop(excess)
    if (excess !== undefined || !this.#mayVerify(link, now)) return
    if (!verifyAccusation(options.signer, options.network, accusation)) {
      this.#drop('accusation-signature')
      return
    }
    if (subject === this.#identity.entry) {
      this.#identity.accused(accusation, now)
      return
    }
    const by = accuser.claims.record.name
    this.#verdicts.applyAccusation(subject, ownAccusation(accusation), {
      from: link.peerId,
      evidence: `${accusation.kind} according to ${by}, told by ${this.#nameOf(link)}`,
      now,
    })
  }

  /** Others that accused us when we had refuted already: how many there are says how we are heard. */
  #hearLate(link: Link, accusation: Accusation, now: Millis): void {
    const { signer, network } = this.#shared.options
    if (!this.#identity.isLatest(accusation) || !this.#mayVerify(link, now)) return
    if (verifyAccusation(signer, network, accusation)) this.#identity.noteAccuser(accusation, now)
  }

  /** Answered each time: the acknowledgement before may have been lost. */
  #ackLeft(link: Link, head: RecordHead): void {
    const bytes = encodeLeftAck(head.epoch, head.incarnation)
    this.#shared.outbox.push({ type: 'send', peer: link.peerId, lane: 'control', bytes })
  }

  #mayVerify(link: Link, now: Millis): boolean {
    if (link.verifications.take(now)) return true
    this.#drop('verification-rate')
    this.#sync.soon(now)
    return false
  }

  #nameOf(link: Link): string {
    return this.#shared.table.of(link.peerId)?.claims.record.name ?? link.peerId
  }

  #drop(reason: string): void {
    this.#shared.outbox.push({ type: 'dropped', reason })
  }
}
