import type { Millis } from '../../base/core.ts'
import type { PeerId } from '../../base/ids.ts'
import { TokenBucket } from '../token-bucket.ts'
import type { SignedCast } from './cast.ts'
import {
  GAP_MS,
  MUTE_MS,
  REFUSED_MAX,
  SENDER_BURST,
  SENDER_BYTES_BURST,
  SENDER_BYTES_PER_SECOND,
  SENDER_PER_SECOND,
  STAGED_MAX,
  STORE_CASTS_MAX,
} from './cast-limits.ts'

/** A cast with its whole payload. */
export interface WholeCast {
  readonly sender: Sender
  readonly cast: SignedCast
  readonly payload: Uint8Array
  /** Empty when the payload rides in the head. */
  readonly pieces: readonly Uint8Array[]
  readonly at: Millis
  /** Its age then. */
  readonly ageMs: Millis
}

/** A payload that comes in pieces. */
export interface Assembly {
  readonly sender: Sender
  readonly cast: SignedCast
  readonly ageMs: Millis
  readonly startedAt: Millis
  readonly pieces: (Uint8Array | undefined)[]
  missing: number
  progressAt: Millis
  wantAt: Millis
  /** Links that told its head: they have the pieces, or will. */
  readonly sources: PeerId[]
  asked: number
}

/** A neighbour that says what it holds of a sender. */
export interface Holder {
  highest: number
  unanswered: number
}

/**
 * One member as a sender of casts: what has been delivered of it, what waits for an earlier one, what
 * neighbours hold. A later boot of the member begins anew.
 */
export class Sender {
  readonly peerId: PeerId
  readonly publicKey: Uint8Array
  epoch: number
  /** The next to be delivered; undefined until the first one came. */
  next: number | undefined
  readonly staged: Map<number, WholeCast> = new Map()
  readonly held: Map<number, WholeCast> = new Map()
  readonly assembling: Map<number, Assembly> = new Map()
  readonly holders: Map<PeerId, Holder> = new Map()
  activeAt: Millis
  wantAt: Millis | undefined
  /** Since when the next one has been missing while later ones wait. */
  gapSince: Millis | undefined
  /** The highest one held here, to tell neighbours. */
  highest = 0
  readonly #messages: TokenBucket
  readonly #bytes: TokenBucket
  #refused = 0
  #mutedUntil: Millis = Number.NEGATIVE_INFINITY

  constructor(
    member: { readonly peerId: PeerId; readonly epoch: number },
    key: Uint8Array,
    now: Millis,
  ) {
    this.peerId = member.peerId
    this.publicKey = key.slice()
    this.epoch = member.epoch
    this.activeAt = now
    this.#messages = new TokenBucket({ perSecond: SENDER_PER_SECOND, burst: SENDER_BURST, now })
    const burst = SENDER_BYTES_BURST
    this.#bytes = new TokenBucket({ perSecond: SENDER_BYTES_PER_SECOND, burst, now })
  }

  isMuted(now: Millis): boolean {
    return now < this.#mutedUntil
  }

  /** Whether its rate allows for one more of this size. One that is refused often is muted. */
  admits(size: number, now: Millis): boolean {
    if (this.#messages.take(now) && this.#bytes.take(now, size)) return true
    this.#refused += 1
    if (this.#refused >= REFUSED_MAX) {
      this.#refused = 0
      this.#mutedUntil = now + MUTE_MS
      this.holders.clear()
    }
    return false
  }

  /** The member has started anew. */
  renew(epoch: number): void {
    this.epoch = epoch
    this.next = undefined
    this.highest = 0
    this.staged.clear()
    this.held.clear()
    this.assembling.clear()
    this.holders.clear()
    this.wantAt = undefined
    this.gapSince = undefined
  }

  /** Delivered, given up, waiting or on its way. */
  has(sequence: number): boolean {
    if (this.next !== undefined && sequence < this.next) return true
    return this.staged.has(sequence) || this.assembling.has(sequence)
  }

  /** The first one heard says where to begin. */
  begin({ sequence, backlog }: SignedCast): void {
    this.next ??= Math.max(1, sequence - Math.min(backlog, STORE_CASTS_MAX))
  }

  /** Those that may be delivered now, in order. */
  release(): WholeCast[] {
    const released: WholeCast[] = []
    if (this.next === undefined) return released
    for (let whole = this.staged.get(this.next); whole !== undefined; ) {
      released.push(whole)
      this.staged.delete(this.next)
      this.next += 1
      whole = this.staged.get(this.next)
    }
    if (released.length > 0 || this.staged.size === 0) this.gapSince = undefined
    return released
  }

  /** When what is missing is given up; undefined while nothing waits for it. */
  gapEndsAt(now: Millis): Millis | undefined {
    if (this.staged.size === 0 || this.next === undefined) return undefined
    if (this.staged.size > STAGED_MAX) return now
    this.gapSince ??= now
    const progressAt = this.assembling.get(this.next)?.progressAt ?? this.gapSince
    return Math.max(this.gapSince, progressAt) + GAP_MS
  }

  /** Gives up what is missing before the first one that waits. @returns how many that are */
  skip(): number {
    const first = Math.min(...this.staged.keys())
    if (this.next === undefined || first === Number.POSITIVE_INFINITY) return 0
    const missed = first - this.next
    for (const sequence of this.assembling.keys()) {
      if (sequence < first) this.assembling.delete(sequence)
    }
    this.next = first
    this.gapSince = undefined
    return missed
  }

  /** A neighbour holds it, and those before it that it still has. */
  heldBy(peer: PeerId, sequence: number): void {
    const holder = this.holders.get(peer)
    if (holder === undefined) this.holders.set(peer, { highest: sequence, unanswered: 0 })
    else holder.highest = Math.max(holder.highest, sequence)
  }
}
