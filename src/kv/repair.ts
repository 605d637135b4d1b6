/**
 * Anti-entropy: values survive the coming and going of members.
 *
 * Two members that share replicas compare sums of what both should hold (range-index.ts), a few bytes
 * about every 30 s while they agree, and find and bring what differs where they do not
 * (repair-session.ts). When the members change, each record goes to its new replicas at once, from the
 * first of its other holders; the others compare a while later and bring what that one did not have.
 *
 * What a writer left here in the place of a replica that it could not reach is offered to the replicas
 * with the next round. What we are no replica of any more is offered when the members have not changed
 * for two rounds, and pruned when every replica holds it.
 *
 * Digest-driven reconciliation after Demers et al., Epidemic Algorithms, PODC 1987 (§1.3).
 */
import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import { jitter } from '../base/random.ts'
import type { KvContext } from './kv-context.ts'
import { Pruning } from './pruning.ts'
import type { Held } from './record-store.ts'
import { type Comparison, RepairSession } from './repair-session.ts'
import type { Ring, RingMember } from './ring.ts'
import { Alarm } from './timers.ts'

/** Entries placed in one slice, ≈ 1 ms. */
const SLICE = 256
/** Pause between slices. */
const SLICE_GAP_MS: Millis = 5
/** Spread of the period, so that nodes do not work in step. */
const PERIOD_JITTER = 0.3
const DELAY_JITTER = 0.5
/** A peer that kept refusing is left alone for so many periods. */
const REFUSED_PERIODS = 20

/** One round under way. */
interface Walk {
  readonly entries: Iterator<Held>
  /** The view at its start. */
  readonly ring: Ring
  /** Only replicas that are new since this view; undefined: all. */
  readonly since: Ring | undefined
}

export class Repair {
  readonly #context: KvContext
  readonly #pruning: Pruning
  readonly #sessions = new Map<PeerId, RepairSession>()
  readonly #periodic: Alarm = new Alarm((now) => this.#periodDue(now))
  readonly #changed: Alarm = new Alarm((now) => this.#changeDue(now))
  readonly #later: Alarm = new Alarm((now) => this.#laterDue(now))
  readonly #slice: Alarm = new Alarm((now) => this.#walkOn(now))
  /** Peers to compare with after the first holders have brought what they have. */
  readonly #comparedLater = new Set<PeerId>()
  /** When a peer last compared with us, or we with it. */
  readonly #comparedAt = new Map<PeerId, Millis>()
  readonly #refusedUntil = new Map<PeerId, Millis>()
  #walk: Walk | undefined
  /** The view for which the last round was finished, and the one before the last change. */
  #settled: Ring
  #before: Ring
  /** A change came during a round. */
  #isStale = false
  #isPumping = false

  constructor(context: KvContext) {
    this.#context = context
    this.#settled = context.ring()
    this.#before = this.#settled
    this.#pruning = new Pruning(context)
  }

  start(now: Millis): void {
    this.#armPeriod(now)
  }

  /** While false, sums are those of two views at once. */
  get isSettled(): boolean {
    return this.#walk === undefined && this.#changed.at === undefined
  }

  /** Other peers are members now. */
  viewChanged(now: Millis): void {
    this.#pruning.viewChanged()
    const ring = this.#context.ring()
    for (const peer of [...this.#sessions.keys()]) if (!ring.member(peer)) this.#end(peer)
    for (const peer of [...this.#comparedAt.keys()])
      if (!ring.member(peer)) this.#comparedAt.delete(peer)
    if (this.#walk !== undefined) this.#isStale = true
    else if (this.#changed.at === undefined) this.#armChange(now)
  }

  /** A suspect is well again: it may lack what was written meanwhile, and what was left for it elsewhere. */
  returned(peer: PeerId, now: Millis): void {
    // Without a record in common there is nothing that we could bring; what we lack it brings itself.
    if (this.#context.index.count(peer) > 0) this.#compareLater([peer], now)
    for (const entry of this.#context.store.entries()) {
      if (entry.sharedWith.length > 0) continue
      this.#offerMissing(
        entry,
        this.#replicas(entry).filter(({ peerId }) => peerId === peer),
      )
    }
  }

  /** A peer compared with us and found no difference. */
  compared(peer: PeerId, now: Millis): void {
    this.#comparedAt.set(peer, now)
  }

  /** Records that a peer turned out to lack. */
  owe(peer: PeerId, entries: readonly Held[], now: Millis): void {
    if (entries.length === 0) return
    const session = this.#session(peer)
    for (const entry of entries) {
      if (this.#isFirst(entry, peer)) session.owe(entry.name)
      else session.offer(entry.name)
    }
    this.#pump(now)
  }

  #armPeriod(now: Millis): void {
    const { random, timers, tunables } = this.#context
    timers.set(this.#periodic, now + jitter(random, tunables.repairPeriodMs, PERIOD_JITTER))
  }

  #armChange(now: Millis): void {
    const { random, timers, tunables } = this.#context
    timers.set(this.#changed, now + jitter(random, tunables.repairDelayMs, DELAY_JITTER))
  }

  #periodDue(now: Millis): void {
    this.#armPeriod(now)
    if (this.#walk !== undefined) return
    this.#pruning.roundBegins()
    const { index, tunables } = this.#context
    const recent = now - tunables.repairPeriodMs / 2
    for (const { peerId, isSuspect } of this.#context.ring().members()) {
      if (isSuspect || index.count(peerId) === 0) continue
      if ((this.#comparedAt.get(peerId) ?? 0) < recent) this.#compare(peerId, 'whole', now)
    }
    this.#begin(undefined, now)
  }

  #changeDue(now: Millis): void {
    if (this.#walk === undefined) this.#begin(this.#settled, now)
    else this.#isStale = true
  }

  #compareLater(peers: Iterable<PeerId>, now: Millis): void {
    for (const peer of peers) this.#comparedLater.add(peer)
    if (this.#comparedLater.size === 0 || this.#later.at !== undefined) return
    const { random, timers, tunables } = this.#context
    timers.set(this.#later, now + jitter(random, tunables.repairLaterMs, DELAY_JITTER))
  }

  #laterDue(now: Millis): void {
    const peers = [...this.#comparedLater]
    this.#comparedLater.clear()
    for (const peer of peers) this.#compare(peer, 'whole', now)
    this.#pump(now)
  }

  #compare(peer: PeerId, comparison: Comparison, now: Millis): void {
    const isRefusing = (this.#refusedUntil.get(peer) ?? 0) > now
    if (isRefusing || this.#context.ring().member(peer) === undefined) return
    this.#comparedAt.set(peer, now)
    // Without room we only bring what others lack: a whole comparison would make them bring it here.
    this.#session(peer).compare(this.#context.store.isFull ? 'own' : comparison)
  }

  #begin(since: Ring | undefined, now: Millis): void {
    const { store, ring } = this.#context
    if (since !== undefined) this.#before = since
    this.#walk = { entries: store.entries(), ring: ring(), since }
    this.#walkOn(now)
  }

  #walkOn(now: Millis): void {
    const walk = this.#walk
    if (walk === undefined) return
    for (let i = 0; i < SLICE; i++) {
      const next = walk.entries.next()
      if (next.done === true) {
        this.#finish(walk, now)
        return
      }
      this.#place(next.value, walk, now)
    }
    this.#context.timers.set(this.#slice, now + SLICE_GAP_MS)
    this.#pump(now)
  }

  #finish(walk: Walk, now: Millis): void {
    this.#walk = undefined
    this.#settled = walk.ring
    if (this.#isStale) this.#armChange(now)
    this.#isStale = false
    this.#compareLater([], now)
    this.#pump(now)
  }

  #replicas({ id }: Held): readonly RingMember[] {
    return this.#context.ring().closest(id, this.#context.replication)
  }

  #place(entry: Held, { since, ring }: Walk, now: Millis): void {
    const { index, replication, signer, store } = this.#context
    const replicas = this.#replicas(entry)
    const others = replicas.filter(({ peerId }) => peerId !== signer.peerId)
    const isOurs = others.length < replicas.length
    index.refresh(entry, isOurs ? others.map(({ peerId }) => peerId) : [])
    store.noteRange(entry, isOurs)
    if (since === undefined) {
      if (!isOurs && (entry.isHint || this.#pruning.isDue)) {
        entry.isHint = false
        this.#offerMissing(entry, replicas)
      }
      return
    }
    const before = since.closest(entry.id, replication).map(({ peerId }) => peerId)
    const gained = others.filter(({ peerId }) => !before.includes(peerId))
    if (gained.length === 0) return
    for (const { peerId } of isOurs ? gained : []) {
      if (this.#isFirst(entry, peerId)) this.#compare(peerId, 'own', now)
      this.#comparedLater.add(peerId)
    }
    const survivors = before.filter((peer) => ring.member(peer) !== undefined)
    if (!isOurs && survivors[0] === signer.peerId) this.#offerMissing(entry, gained)
  }

  /** Asks healthy replicas whether they hold an entry that we are no replica of. */
  #offerMissing(entry: Held, replicas: readonly RingMember[]): void {
    for (const { peerId, isSuspect } of replicas) {
      if (!isSuspect) this.#session(peerId).offer(entry.name)
    }
  }

  /**
   * Whether we are the first healthy one of those who should hold an entry already, `peer` not counted:
   * of its replicas before the last change of members, unless none of them is left.
   */
  #isFirst(entry: Held, peer: PeerId): boolean {
    const { replication, signer } = this.#context
    const isHealthy = ({ peerId }: RingMember): boolean => {
      return peerId !== peer && this.#context.ring().member(peerId)?.isSuspect === false
    }
    const first =
      this.#before.closest(entry.id, replication).find(isHealthy) ??
      this.#replicas(entry).find(isHealthy)
    return first?.peerId === signer.peerId
  }

  #session(peer: PeerId): RepairSession {
    const known = this.#sessions.get(peer)
    if (known !== undefined) return known
    const session = new RepairSession(this.#context, {
      peer,
      isFirst: (entry) => this.#isFirst(entry, peer),
      confirmed: (name) => this.#pruning.confirmed(name, peer),
      ended: (outcome, now) => {
        this.#end(peer)
        if (outcome === 'refused') {
          const pauseMs = REFUSED_PERIODS * this.#context.tunables.repairPeriodMs
          this.#refusedUntil.set(peer, now + pauseMs)
        }
        if (!this.#isPumping) this.#pump(now)
      },
    })
    this.#sessions.set(peer, session)
    return session
  }

  #end(peer: PeerId): void {
    this.#sessions.get(peer)?.close()
    this.#sessions.delete(peer)
  }

  /** Starts waiting sessions, oldest first, as many as may run. */
  #pump(now: Millis): void {
    this.#isPumping = true
    let running = 0
    for (const session of [...this.#sessions.values()]) {
      if (running >= this.#context.tunables.sessionsMax) break
      if (session.start(now)) running += 1
    }
    this.#isPumping = false
  }
}
