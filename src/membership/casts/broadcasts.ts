import type { Millis } from '../../base/core.ts'
import type { PeerId } from '../../base/ids.ts'
import { earlier } from '../shared.ts'
import { TokenBucket } from '../token-bucket.ts'
import { type Asking, decodeCast, piecesOf, type SignedCast, signCast, verifyCast } from './cast.ts'
import { type CastContext, dropCast, sendCast } from './cast-context.ts'
import type { CastFrame } from './cast-frame.ts'
import {
  BACKLOG_MAX,
  BACKLOG_MS,
  OWN_BURST,
  OWN_BYTES_BURST,
  OWN_BYTES_PER_SECOND,
  OWN_PER_SECOND,
  STORE_AGE_MS,
} from './cast-limits.ts'
import type { CastLink } from './cast-links.ts'
import { CastStore } from './cast-store.ts'
import { Pieces } from './pieces.ts'
import { Repair } from './repair.ts'
import type { Assembly, Sender, WholeCast } from './sender.ts'
import { Senders } from './senders.ts'

/** Told of casts; the payload of a question counts as delivered like any other. */
export interface CastListener {
  /** It is this one's turn among its sender's. */
  delivered(whole: WholeCast, now: Millis): void
  /** The head came, verified, for the first time; it may not be its turn yet. */
  came(sender: Sender, cast: SignedCast, from: Way, now: Millis): void
  /** The same head came over another link. */
  cameAgain(sender: Sender, cast: SignedCast, from: Way): void
}

/** The link over which something came, and how many it had passed before. */
export interface Way {
  readonly peer: PeerId
  readonly hops: number
}

/** What happened to casts since the start. */
export interface CastCounts {
  sent: number
  delivered: number
  duplicates: number
  /** Given up: nobody handed them on in time. */
  missed: number
}

/**
 * Broadcasts: signed by their sender, flooded over all links of the overlay on receipt, delivered once
 * and in the order of their sender. What the order waits for is asked of neighbours (repair.ts) for a
 * bounded time, then given up and counted. Payloads above 1 KiB follow in pieces (pieces.ts).
 *
 * Whoever joins gets what is sent from then on: the first cast of a sender says how many of the ones
 * before are worth asking for, and what is older than this process is not delivered.
 */
export class Broadcasts {
  readonly counts: CastCounts = { sent: 0, delivered: 0, duplicates: 0, missed: 0 }
  readonly store: CastStore = new CastStore()
  readonly senders: Senders
  readonly repair: Repair
  readonly pieces: Pieces
  readonly #context: CastContext
  readonly #listener: CastListener
  readonly #messages: TokenBucket
  readonly #bytes: TokenBucket
  /** When this node sent its own of the last half minute. */
  #sentAt: Millis[] = []

  constructor(context: CastContext, listener: CastListener) {
    this.#context = context
    this.#listener = listener
    this.senders = new Senders(context)
    this.repair = new Repair(context, this.senders)
    this.pieces = new Pieces(context, (assembly, payload, now) => {
      this.#assembled(assembly, payload, now)
    })
    const now = context.startedAt
    this.#messages = new TokenBucket({ perSecond: OWN_PER_SECOND, burst: OWN_BURST, now })
    const burst = OWN_BYTES_BURST
    this.#bytes = new TokenBucket({ perSecond: OWN_BYTES_PER_SECOND, burst, now })
  }

  /** Hands one of our own to the overlay. Undefined when this node sends too much. */
  send(
    content: {
      readonly name: string
      readonly payload: Uint8Array
      readonly asking: Asking | undefined
    },
    now: Millis,
  ): SignedCast | undefined {
    const { signer, network, links } = this.#context
    if (!this.#messages.take(now) || !this.#bytes.take(now, content.payload.length)) {
      return undefined
    }
    const sender = this.#self(now)
    const sequence = sender.highest + 1
    this.#sentAt = this.#sentAt.filter((at) => now - at < BACKLOG_MS).slice(-BACKLOG_MAX)
    const backlog = Math.min(this.#sentAt.length, sequence - 1)
    this.#sentAt.push(now)
    const cast = signCast(signer, network, { ...content, epoch: sender.epoch, sequence, backlog })
    const { payload } = content
    const pieces = piecesOf(payload)
    const whole = { sender, cast, payload: payload.slice(), pieces, at: now, ageMs: 0 }
    this.counts.sent += 1
    for (const { peerId } of links.flooded()) this.#forward(peerId, cast, { ageMs: 0, hops: 0 })
    this.pieces.push(whole)
    this.#keep(whole, now)
    return cast
  }

  heard(from: CastLink, frame: CastFrame & { readonly type: 'cast' }, now: Millis): void {
    const decoded = from.heads.take(now) ? decodeCast(frame.cast) : undefined
    if (decoded?.ok !== true) {
      this.#drop(decoded === undefined ? 'cast-link-rate' : 'cast-malformed')
      return
    }
    const cast = decoded.value
    const sender = this.senders.of(cast.sender, now)
    if (sender === undefined) {
      // An echo of our own, or of somebody whose record is still on its way: repair brings it again.
      if (this.#context.memberOf(cast.sender) === undefined) this.#drop('cast-sender-unknown')
      return
    }
    const { ageMs } = frame
    if (!this.#isNews(from, sender, cast, frame.hops)) return
    if (!this.#isAllowed(from, sender, { cast, ageMs }, now)) return
    if (cast.epoch > sender.epoch) sender.renew(cast.epoch)
    this.#accept(sender, cast, { ...frame, from: from.peerId }, now)
  }

  work(now: Millis): void {
    if (!this.senders.isIdle) {
      for (const sender of this.senders.active(now)) {
        const endsAt = sender.gapEndsAt(now)
        if (endsAt !== undefined && endsAt <= now) this.#skip(sender, now)
      }
    }
    this.store.expire(now)
    this.pieces.work(now)
    this.repair.work(now)
  }

  nextDeadline(now: Millis): Millis | undefined {
    let earliest = earlier(this.pieces.nextDeadline(), this.repair.nextDeadline(now))
    earliest = earlier(earliest, this.store.expiresAt)
    if (this.senders.isIdle) return earliest
    for (const sender of this.senders.active(now)) {
      earliest = earlier(earliest, sender.gapEndsAt(now))
    }
    return earliest
  }

  /** This node as a sender, in the boot that it tells the others. */
  #self(now: Millis): Sender {
    const { signer } = this.#context
    const member = this.#context.self()
    const sender =
      this.senders.known(signer.publicKey) ?? this.senders.add(member, signer.publicKey, now)
    if (sender.epoch !== member.epoch) sender.renew(member.epoch)
    sender.next ??= 1
    return sender
  }

  /** False for what an earlier life sent and for what is here already. */
  #isNews(from: CastLink, sender: Sender, cast: SignedCast, hops: number): boolean {
    if (cast.epoch < sender.epoch) {
      this.#drop('cast-of-earlier-life')
      return false
    }
    if (cast.epoch > sender.epoch || !sender.has(cast.sequence)) return true
    this.counts.duplicates += 1
    const assembly = sender.assembling.get(cast.sequence)
    if (assembly === undefined) sender.heldBy(from.peerId, cast.sequence)
    else if (!assembly.sources.includes(from.peerId)) assembly.sources.push(from.peerId)
    this.#listener.cameAgain(sender, cast, { peer: from.peerId, hops })
    return false
  }

  #isAllowed(
    from: CastLink,
    sender: Sender,
    { cast, ageMs }: { readonly cast: SignedCast; readonly ageMs: Millis },
    now: Millis,
  ): boolean {
    const { signer, network } = this.#context
    if (ageMs > STORE_AGE_MS) this.#drop('cast-stale')
    else if (sender.isMuted(now)) this.#drop('cast-sender-muted')
    else if (!from.verifications.take(now)) this.#drop('cast-verification-rate')
    else if (!verifyCast(signer, network, cast)) {
      this.#drop('cast-signature')
      from.forged(now)
    } else if (!sender.admits(cast.bytes.length + cast.size, now)) this.#drop('cast-sender-rate')
    else return true
    return false
  }

  #accept(
    sender: Sender,
    cast: SignedCast,
    way: Omit<CastFrame & { readonly type: 'cast' }, 'type' | 'cast'> & { readonly from: PeerId },
    now: Millis,
  ): void {
    const { from, ageMs, hops } = way
    sender.begin(cast)
    sender.activeAt = now
    this.senders.touch(sender)
    const holder = sender.holders.get(from)
    if (holder !== undefined) holder.unanswered = 0
    if (sender.has(cast.sequence)) return
    const isWhole = cast.inline !== undefined
    if (!isWhole && !this.pieces.begin(sender, cast, { from, ageMs, now })) return
    if (!way.isRepair) {
      for (const { peerId } of this.#context.links.flooded(from)) {
        this.#forward(peerId, cast, { ageMs, hops: hops + 1 })
      }
    }
    this.#listener.came(sender, cast, { peer: from, hops }, now)
    if (cast.inline !== undefined) {
      sender.heldBy(from, cast.sequence)
      this.#keep({ sender, cast, payload: cast.inline, pieces: [], at: now, ageMs }, now)
    }
    this.repair.expect(sender, now)
  }

  #assembled(assembly: Assembly, payload: Uint8Array, now: Millis): void {
    const { sender, cast, startedAt } = assembly
    const ageMs = assembly.ageMs + now - startedAt
    sender.activeAt = now
    this.#keep({ sender, cast, payload, pieces: piecesOf(payload), at: now, ageMs }, now)
  }

  /** It is whole: kept for neighbours, told to them, delivered when it is its turn. */
  #keep(whole: WholeCast, now: Millis): void {
    const { sender, cast } = whole
    this.store.add(whole, now)
    sender.activeAt = now
    sender.highest = Math.max(sender.highest, cast.sequence)
    sender.staged.set(cast.sequence, whole)
    this.repair.tell(sender, now)
    this.#release(sender, now)
  }

  #release(sender: Sender, now: Millis): void {
    for (const whole of sender.release()) {
      // What was sent before this process began is not for it; the order goes on behind it.
      if (whole.ageMs > whole.at - this.#context.startedAt) continue
      this.counts.delivered += 1
      this.#listener.delivered(whole, now)
    }
  }

  #skip(sender: Sender, now: Millis): void {
    this.counts.missed += sender.skip()
    this.#drop('cast-missed')
    this.#release(sender, now)
  }

  #forward(
    peer: PeerId,
    { bytes }: SignedCast,
    way: { readonly ageMs: Millis; readonly hops: number },
  ): void {
    sendCast(this.#context, peer, { type: 'cast', isRepair: false, ...way, cast: bytes })
  }

  #drop(reason: string): void {
    dropCast(this.#context, reason)
  }
}
