import { assert, present } from '../base/assert.ts'
import { type Core, type Millis, Outbox, type StoreRow } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import { Book } from './book.ts'
import { CAST_FRAME_FIRST } from './casts/cast-frame.ts'
import type { Casts } from './casts/casts.ts'
import { standingAccusations } from './claims.ts'
import { Departure } from './departure.ts'
import { accusationRumour, Flood, recordRumour } from './flood.ts'
import { decodeFrame, type Frame } from './frame.ts'
import { Health } from './health.ts'
import { Lateness, TIMER_MS } from './lateness.ts'
import { createLink, type Link } from './link.ts'
import { LinkQualities } from './link-quality.ts'
import type { LinkEnd, Member, MembershipInput, MembershipOutput } from './member.ts'
import { checkOptions, checkTags, type MembershipOptions, resolveTunables } from './options.ts'
import { assembleParts, lateFor, nextDeadlineOf, type Parts, workOf } from './parts.ts'
import { RecordCache } from './record-cache.ts'
import { earlier, memberOn, type Shared } from './shared.ts'
import { type Entry, isLive, Table } from './table.ts'

export type {
  LinkEnd,
  Member,
  MemberChange,
  MembershipInput,
  MembershipOutput,
} from './member.ts'
export type { MembershipOptions } from './options.ts'

/** The accused hears of an accusation at most this often outside of pings. */
const TELL_ACCUSED_MS = 200
/** A link that lived shorter is not redialled at once: the other end may not want it. */
const SHORT_LINK_MS = 1_000

/**
 * Who is in the network and alive: SWIM (Das et al., DSN 2002) over the open links of an overlay, with
 * Lifeguard's suspicion (arXiv 1707.00788) and flooding instead of ticks. A pure core: link events and
 * frames go in, frames, wishes and facts come out.
 *
 * A member tells a signed record of itself; only it raises (epoch, incarnation). Others may accuse
 * exactly that life of it, signed too. All that is known of a member is a small CRDT (claims.ts); new
 * claims are flooded at once, and comparisons of view hashes repair what got lost (sync.ts).
 *
 * Members are linked with at most eight others (rings.ts); dialer.ts decides who is dialled when.
 * prober.ts watches links: every frame is a heartbeat, an idle link carries pings, relays are asked
 * before anybody is accused. watch.ts asks relays for members without a link. verdicts.ts turns
 * accusations into `suspect` and, when nobody refutes in time, `failed`; identity.ts refutes.
 *
 * A deadline that this node meets late by more than the stall limit voids what it was waiting for:
 * a node that did not run accuses nobody.
 */
export class Membership implements Core<MembershipInput, MembershipOutput> {
  readonly #shared: Shared
  readonly #book: Book
  readonly #qualities = new LinkQualities()
  #parts: Parts | undefined
  #departure: Departure | undefined
  #deadline: Millis | undefined
  #isScheduleStale = false

  /** @throws {TypeError} @throws {RangeError} on options outside their limits */
  constructor(options: MembershipOptions) {
    checkOptions(options)
    const tunables = resolveTunables(options.tunables)
    const outbox = new Outbox<MembershipOutput>()
    const links = new Map<PeerId, Link>()
    const records = options.records ?? new RecordCache(options.network)
    this.#shared = {
      options,
      tunables,
      outbox,
      table: new Table(records),
      records,
      links,
      flood: new Flood({ links, outbox, tunables }),
      health: new Health(),
      lateness: new Lateness(),
      pulse: { heardAt: 0, lateAt: Number.NEGATIVE_INFINITY },
    }
    this.#book = new Book(outbox)
  }

  /** Takes one stored row whose key starts with `member!`; all of them come before start(). */
  load(row: StoreRow): void {
    assert(this.#parts === undefined, 'rows are loaded before the start')
    this.#book.load(row)
  }

  /** Begins a boot: its epoch is above every stored one and not below the Unix time in seconds. */
  start(now: Millis): void {
    assert(this.#parts === undefined, 'membership starts once')
    this.#shared.pulse.heardAt = now
    const epoch = Math.max(this.#book.epoch + 1, Math.floor(now / 1_000), 1)
    this.#parts = assembleParts({ shared: this.#shared, book: this.#book, epoch, now })
    this.#work(this.#parts, now)
  }

  /** This node's own entry, for others to {@link adopt}. */
  introduce(): Entry {
    return present(this.#parts, 'membership was started').identity.entry
  }

  /**
   * Takes members as if their tables had been exchanged: without signatures, rates, floods or events. Only for
   * nodes of one process that trust each other: simulations of large networks begin with full views by it.
   */
  adopt(members: readonly Entry[], now: Millis): void {
    const parts = present(this.#parts, 'membership was started')
    const { table } = this.#shared
    table.reserve(members.length)
    for (const { peerId, claims, digest } of members) {
      if (table.of(peerId) !== undefined) continue
      const entry = table.add(claims.record, now)
      if (digest !== undefined) table.setDigest(entry, { ...digest, isDirect: false })
    }
    this.#work(parts, now)
  }

  handle(input: MembershipInput, now: Millis): void {
    const parts = present(this.#parts, 'membership was started')
    if (this.#departure?.isOver === true || parts.identity.hasGivenWay) return
    if (input.type === 'heard') {
      // The hot path: frames of other protocols only move deadlines away.
      const link = this.#shared.links.get(input.peer)
      if (link === undefined) return
      link.usedAt = now
      this.#heard(parts, link, now)
      return
    }
    this.#noticeStall(parts, now)
    this.#apply(parts, input, now)
    this.#work(parts, now)
  }

  poll(): MembershipOutput | undefined {
    return this.#shared.outbox.shift()
  }

  nextDeadline(): Millis | undefined {
    return this.#deadline
  }

  /** This node's own row. */
  get self(): Member {
    return this.#shared.table.row(present(this.#parts, 'membership was started').identity.entry)
  }

  /** Everybody known, this node included, ordered by peer id text; the same array until a change. */
  members(): readonly Member[] {
    return this.#shared.table.rows()
  }

  /** One of {@link members}. */
  member(peerId: PeerId): Member | undefined {
    const entry = this.#shared.table.of(peerId)
    return entry === undefined ? undefined : this.#shared.table.row(entry)
  }

  /** 8 bytes over (peer id, epoch, incarnation, state) of all members; equal views, equal hashes. */
  viewHash(): Uint8Array {
    return this.#shared.table.viewHash()
  }

  /** What became of broadcasts since the start. */
  get castCounts(): Casts['counts'] {
    return present(this.#parts, 'membership was started').casts.counts
  }

  #apply(parts: Parts, input: Exclude<MembershipInput, { type: 'heard' }>, now: Millis): void {
    const { identity, digests, dialer, watch, seeds } = parts
    const self = identity.entry
    switch (input.type) {
      case 'tick':
        return
      case 'link-up':
        this.#linkUp(parts, input, now)
        return
      case 'link-down':
        this.#linkDown(parts, input.peer, input.end, now)
        return
      case 'dial-failed':
        dialer.failed(input.peer, now)
        watch.dialFailed(input.peer, input.end, now)
        return
      case 'join-failed':
        seeds.failed(input.address, now)
        return
      case 'frame':
        this.#frame(parts, input.peer, input.bytes, now)
        return
      case 'addresses':
        identity.setAddresses(input.addresses, now)
        return
      case 'observers':
        this.#shared.table.setObservers(input.peers)
        return
      case 'tags':
        checkTags(input.tags)
        identity.setTags(input.tags, now)
        return
      case 'join':
        seeds.add(input.addresses, now)
        return
      case 'digest':
        digests.set(input.digest, self, now)
        return
      case 'leave':
        if (this.#departure !== undefined) return
        identity.leave(now)
        this.#departure = new Departure(this.#shared, self, now)
        return
      default:
        parts.casts.input(input, now)
    }
  }

  #linkUp(parts: Parts, input: Extract<MembershipInput, { type: 'link-up' }>, now: Millis): void {
    const { table, links, flood, outbox } = this.#shared
    const { identity, overlay, dialer, watch, relay, seeds, prober, sync } = parts
    const { peer, direction, remoteAddress } = input
    if (peer === identity.entry.peerId) return
    const before = links.get(peer)
    const link = before ?? createLink({ peerId: peer, now, direction, remoteAddress })
    link.direction = direction
    link.remoteAddress = remoteAddress
    if (before === undefined) link.quality = this.#qualities.of(peer)
    links.set(peer, link)
    const entry = table.of(peer)
    link.isOverlay = entry !== undefined && overlay.wanted.has(entry)
    if (link.isOverlay) outbox.push({ type: 'protect', peer, isProtected: true })
    const isForProbe = dialer.linked(peer, direction === 'outbound' ? remoteAddress : undefined)
    link.isForProbe = isForProbe && !link.isOverlay && input.via === undefined
    watch.linkUp(peer)
    parts.casts.linkUp(link, now)
    if (input.via !== undefined) seeds.joined(input.via, peer, now)
    relay.heard(peer)
    flood.tell(link, recordRumour(identity.entry), now)
    prober.ping(link, 'extra', now)
    if (direction === 'outbound' || entry?.state === 'failed') sync.compare(link, now)
    sync.soon(now)
  }

  #linkDown(parts: Parts, peer: PeerId, end: LinkEnd, now: Millis): void {
    const { links, table } = this.#shared
    const link = links.get(peer)
    if (link === undefined) return
    links.delete(peer)
    if (links.size === 0) parts.seeds.alone(now)
    this.#qualities.keep(peer, link.quality)
    parts.casts.linkDown(peer)
    this.#isScheduleStale = true
    const entry = table.of(peer)
    if (entry === undefined) return
    table.setRoundTrip(entry, undefined)
    const self = parts.identity.entry
    // Who is no carrier wants the links with its neighbours; they look whether it is still there.
    const isNear = !table.isCarrier(entry) && table.neighbours(entry).includes(self)
    const isWanted = isLive(entry) && (isNear || parts.overlay.wanted.has(entry))
    parts.dialer.lost(peer, isWanted, now)
    // A short or rejected link waits like a failed dial; a broken one is redialled at once.
    if (end === 'rejected' || now - link.upAt < SHORT_LINK_MS) parts.dialer.failed(peer, now)
    parts.watch.linkDown(peer, { isWanted, end, now })
  }

  #frame(parts: Parts, peer: PeerId, bytes: Uint8Array, now: Millis): void {
    const link = this.#shared.links.get(peer)
    if (link === undefined) {
      this.#drop('frame-without-link')
      return
    }
    if ((bytes[0] ?? 0) >= CAST_FRAME_FIRST) {
      this.#heard(parts, link, now)
      parts.casts.frame(peer, bytes, now)
      return
    }
    const frame = decodeFrame(bytes)
    if (!frame.ok) {
      this.#drop('frame-malformed')
      return
    }
    parts.prober.heard(link, now)
    parts.relay.heard(peer)
    this.#dispatch(parts, link, frame.value, now)
    this.#tellAccused(parts, link, now)
  }

  #dispatch(parts: Parts, link: Link, frame: Frame, now: Millis): void {
    const { identity, prober, relay, sync, admission, dialer, digests } = parts
    switch (frame.type) {
      case 'ping':
      case 'ack': {
        if (frame.type === 'ping' && !this.#mayRequest(link, now)) return
        link.isFloodWanted = frame.isFloodWanted
        admission.hear(link, frame.claims, now)
        const entry = memberOn(this.#shared, link)
        if (entry !== undefined) digests.heardFrom(link, entry, frame.digest, now)
        // Answered after its claims were heard, so that a refutation rides in the answer.
        if (frame.type === 'ping') prober.answer(link, frame.sequence, now)
        else prober.acked(link, frame.sequence, now)
        return
      }
      case 'claims':
        admission.hear(link, frame.claims, now)
        return
      case 'ping-request': {
        if (!this.#mayRequest(link, now)) return
        const dial = (peerId: PeerId): boolean => dialer.once(peerId, now)
        relay.requested(link, frame, { dial, self: identity.entry.peerId, now })
        return
      }
      case 'relay-verdict':
        prober.relayed(frame.sequence, frame.verdict, now)
        return
      case 'view':
        if (this.#mayRequest(link, now)) sync.viewed(link, frame)
        return
      case 'buckets':
        if (this.#mayRequest(link, now)) sync.bucketsSeen(link, frame, now)
        return
      case 'branches':
        if (this.#mayRequest(link, now)) sync.branchesSeen(link, frame.branches)
        return
      case 'leaves':
        if (this.#mayRequest(link, now)) sync.leavesSeen(link, frame, now)
        return
      case 'left-ack':
        this.#departure?.acked(link.peerId, frame)
    }
  }

  #mayRequest(link: Link, now: Millis): boolean {
    if (link.requests.take(now)) return true
    this.#drop('request-rate')
    return false
  }

  #heard(parts: Parts, link: Link, now: Millis): void {
    parts.prober.heard(link, now)
    parts.relay.heard(link.peerId)
    this.#tellAccused(parts, link, now)
  }

  /** A peer we hear but hold for suspect or failed must know, or it cannot refute. */
  #tellAccused(parts: Parts, link: Link, now: Millis): void {
    const entry = memberOn(this.#shared, link)
    if (entry === undefined || (entry.state !== 'suspect' && entry.state !== 'failed')) return
    if (now - link.toldAt < TELL_ACCUSED_MS) return
    link.toldAt = now
    const [accusation] = standingAccusations(entry.claims)
    if (accusation !== undefined) {
      this.#shared.flood.tell(link, accusationRumour(entry, accusation), now)
      this.#deadline = earlier(this.#deadline, link.flushAt)
    }
    // A failed peer that speaks again is the end of a partition: both sides have much to tell.
    if (entry.state === 'failed') parts.sync.compare(link, now)
  }

  #noticeStall(parts: Parts, now: Millis): void {
    const lateMs = this.#deadline === undefined ? 0 : now - this.#deadline
    if (lateMs > TIMER_MS) lateFor(parts, { lateMs, shared: this.#shared, now })
    if (lateMs <= this.#shared.tunables.stallMs) return
    this.#shared.health.worse()
    this.#shared.pulse.heardAt = now
    parts.prober.stalled(now)
    parts.relay.stalled()
    parts.watch.stalled(now)
    parts.condition.stalled(now)
    parts.verdicts.stalled(lateMs, now)
  }

  #work(parts: Parts, now: Millis): void {
    if (this.#departure === undefined) {
      workOf(parts, { isScheduleStale: this.#isScheduleStale, now })
      this.#isScheduleStale = false
    }
    parts.casts.work(now)
    this.#shared.flood.work(now)
    this.#departure?.work(now)
    this.#book.work(now)
    parts.verdicts.emit()
    const next = parts.identity.hasGivenWay ? undefined : this.#earliest(parts, now)
    // What one part made due for an earlier one waits a moment: never a stall, never a spin.
    this.#deadline = next === undefined || next > now ? next : now + 1
  }

  #earliest(parts: Parts, now: Millis): Millis | undefined {
    const kept = earlier(this.#book.nextDeadline(), parts.casts.nextDeadline(now))
    const next = earlier(this.#shared.flood.nextDeadline(), kept)
    if (this.#departure !== undefined) return earlier(next, this.#departure.nextDeadline())
    return earlier(next, nextDeadlineOf(parts, now))
  }

  #drop(reason: string): void {
    this.#shared.outbox.push({ type: 'dropped', reason })
  }
}
