import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import { randomInteger, shuffle } from '../base/random.ts'
import { standingAccusations } from './claims.ts'
import type { Digests } from './digests.ts'
import { accusationRumour } from './flood.ts'
import { encodePingRequest, encodeProbeHeader, type RelayVerdict, withClaims } from './frame.ts'
import type { Link } from './link.ts'
import { pingDueAt, pingTimeoutMs, type Turn, takeTurn } from './ping-schedule.ts'
import { hearsAnybody, memberOn, type Shared } from './shared.ts'
import { type Entry, isLive } from './table.ts'
import type { Verdicts } from './verdicts.ts'

/** After a stall only links are pinged again that were not pinged for so long. */
const ASK_AGAIN_MS = 3_000
/** Relay requests of our own in flight. */
const PROBES_MAX = 256
/** A link on which nothing came for so long has a gap: a sound one carries a ping each period. */
const GAP_PERIODS = 2
/** With this few links up a node asks for floods on every link. */
const FEW_LINKS = 3
/** What one ping counts in the quality of its link. */
const QUALITY_SHARE = 0.3
/** Links made for a probe are closed when nobody used them for so long. */
const PROBE_LINK_MS = 3_000
/** Accusations that ride with a ping to the accused. */
const CHARGES = 2

/** What relays are asked waits so often until somebody comes round to it, twice as often as a ping. */
const LATE_WAYS = 6

/** One member asked for through relays. */
interface Probe {
  readonly target: PeerId
  readonly reason: ProbeReason
  deadline: Millis
  readonly relays: number
  silent: number
  unlinked: number
}

/** `link`: its link fell silent. `unlinked`: there should be a link and is none, or it is its turn. */
export type ProbeReason = 'link' | 'unlinked'

/** What relays made of a member; `void` when none of them had a link to it or answered. */
export type ProbeOutcome = 'alive' | 'silent' | 'void'

/**
 * Detection over links (SWIM §3.1, §4.1). Every frame of a peer is a heartbeat; every link carries a
 * ping each period, and the two ends take turns (ping-schedule.ts). A ping without any answer
 * within the adaptive timeout is a miss: up to three relays are asked at once, and when none of them
 * reaches the peer either it is accused.
 * Pings to an accused peer carry the accusation, so that it refutes in its answer.
 */
export class Prober {
  readonly #shared: Shared
  readonly #verdicts: Verdicts
  readonly #digests: Digests
  readonly #self: Entry
  readonly #probes = new Map<number, Probe>()
  readonly #concluded: (entry: Entry, outcome: ProbeOutcome, now: Millis) => void
  #sequence: number
  /** Nothing is due before, unless what it was worked out from is another now. */
  #nextAt: Millis = Number.NEGATIVE_INFINITY
  readonly #basis = { stateVersion: -1, scale: 0, links: 0 }
  /** What was due first is not any more: waking up for nothing is most of what an idle node costs. */
  #isPlanStale = false

  /** @param options.concluded told the outcome of probes with reason `unlinked` */
  constructor(options: {
    readonly shared: Shared
    readonly verdicts: Verdicts
    readonly digests: Digests
    readonly self: Entry
    readonly concluded: (entry: Entry, outcome: ProbeOutcome, now: Millis) => void
  }) {
    this.#shared = options.shared
    this.#verdicts = options.verdicts
    this.#digests = options.digests
    this.#self = options.self
    this.#concluded = options.concluded
    this.#sequence = options.shared.options.random.uint32()
  }

  /** Pings now: in turn, or `extra`, as a relay and a fresh link begin. */
  ping(link: Link, turn: Exclude<Turn, 'answer'>, now: Millis): void {
    const sequence = this.#nextSequence()
    // Somebody else's request does not postpone the verdict on an earlier ping.
    const deadline =
      (link.isAwaiting ? link.ping?.deadline : undefined) ??
      now + pingTimeoutMs(this.#shared, link, now)
    link.ping = { sequence, sentAt: now, deadline }
    link.isAwaiting = true
    link.lastPingAt = now
    this.#nextAt = Math.min(this.#nextAt, deadline)
    link.unansweredAt ??= now
    takeTurn(this.#shared, link, turn, now)
    this.#sendProbe(link, 'ping', sequence)
  }

  /** Answers a ping. */
  answer(link: Link, sequence: number, now: Millis): void {
    this.#moves(pingDueAt(this.#shared, link))
    takeTurn(this.#shared, link, 'answer', now)
    this.#sendProbe(link, 'ack', sequence)
  }

  /** Something came from a linked peer. */
  heard(link: Link, now: Millis): void {
    if (now - link.lastHeardAt > GAP_PERIODS * this.#shared.tunables.probePeriodMs) {
      link.steadySince = now
    }
    link.lastHeardAt = now
    this.#shared.pulse.heardAt = now
    if (link.isAwaiting) {
      this.#shared.health.better()
      link.quality += (1 - link.quality) * QUALITY_SHARE
    }
    link.unansweredAt = undefined
    if (!link.isAwaiting) return
    link.isAwaiting = false
    this.#moves(link.ping?.deadline)
    this.#nextAt = Math.min(this.#nextAt, pingDueAt(this.#shared, link))
  }

  acked(link: Link, sequence: number, now: Millis): void {
    if (link.ping?.sequence !== sequence) return
    link.roundTrip.sample(now - link.ping.sentAt)
    this.#moves(pingDueAt(this.#shared, link))
    link.turnAt = now
    link.ping = undefined
    const entry = memberOn(this.#shared, link)
    if (entry !== undefined) this.#shared.table.setRoundTrip(entry, link.roundTrip.smoothedMs)
  }

  relayed(sequence: number, verdict: RelayVerdict, now: Millis): void {
    const probe = this.#probes.get(sequence)
    if (probe === undefined) return
    if (verdict === 'alive') {
      this.#conclude(sequence, 'alive', now)
      return
    }
    if (verdict === 'silent') probe.silent += 1
    else probe.unlinked += 1
    if (probe.silent + probe.unlinked < probe.relays) return
    this.#conclude(sequence, probe.silent > 0 ? 'silent' : 'void', now)
  }

  /** Asks relays for a member. At once `void` when there is nobody to ask. */
  ask(entry: Entry, reason: ProbeReason, now: Millis): void {
    this.#ask(entry, reason, this.#chooseRelays(entry), now)
  }

  /** Asks one linked observer for a member without a link. False when there is none. */
  askObserver(entry: Entry, now: Millis): boolean {
    const { table, links, options } = this.#shared
    const linked = table.neighbours(entry).filter(({ state, peerId }) => {
      return state === 'alive' && links.has(peerId)
    })
    const observer = linked[randomInteger(options.random, linked.length)]
    if (observer === undefined) return false
    this.#ask(entry, 'unlinked', [observer], now)
    return true
  }

  #ask(entry: Entry, reason: ProbeReason, relays: readonly Entry[], now: Millis): void {
    const { tunables, health, lateness } = this.#shared
    const link = this.#shared.links.get(entry.peerId)
    const timeoutMs = link === undefined ? 0 : 2 * pingTimeoutMs(this.#shared, link, now)
    const promptMs = Math.min(
      tunables.pingTimeoutMaxMs,
      Math.max(tunables.indirectBudgetMs * health.scale, timeoutMs),
    )
    const budgetMs = promptMs + LATE_WAYS * lateness.ms(now)
    const sequence = this.#nextSequence()
    const deadline = now + budgetMs
    this.#nextAt = Math.min(this.#nextAt, deadline)
    this.#probes.set(sequence, {
      target: entry.peerId,
      reason,
      deadline,
      relays: relays.length,
      silent: 0,
      unlinked: 0,
    })
    if (relays.length === 0) {
      this.#conclude(sequence, 'void', now)
      return
    }
    const bytes = encodePingRequest({
      sequence,
      target: entry.publicKey,
      budgetMs: Math.floor(budgetMs),
    })
    for (const relay of relays) {
      this.#shared.outbox.push({ type: 'send', peer: relay.peerId, lane: 'probe', bytes })
    }
  }

  /** What came while we were late may still wait to be read: nobody else's time runs meanwhile. */
  late(lateMs: Millis): void {
    for (const link of this.#shared.links.values()) {
      if (link.isAwaiting && link.ping !== undefined) {
        link.ping = { ...link.ping, deadline: link.ping.deadline + lateMs }
      }
    }
    for (const probe of this.#probes.values()) probe.deadline += lateMs
  }

  /**
   * Outstanding pings and probes of a time in which we did not run prove nothing: ask again. Not
   * whom we asked lately, or asking all would be what makes a busy process stall again.
   */
  stalled(now: Millis): void {
    const { probePeriodMs } = this.#shared.tunables
    this.replan()
    this.#probes.clear()
    for (const link of this.#shared.links.values()) {
      if (memberOn(this.#shared, link)?.state === 'left') continue
      if (now - link.lastPingAt >= ASK_AGAIN_MS) {
        link.isAwaiting = false
        link.unansweredAt = undefined
        if (pingDueAt(this.#shared, link) > now) continue
        this.ping(link, 'extra', now)
      }
      if (link.ping === undefined) continue
      const deadline =
        Math.max(link.ping.deadline, now + pingTimeoutMs(this.#shared, link, now)) + probePeriodMs
      link.ping = { ...link.ping, deadline }
    }
  }

  /** Links changed their place in the overlay: when each is pinged is worked out anew. */
  replan(): void {
    this.#nextAt = Number.NEGATIVE_INFINITY
  }

  work(now: Millis): void {
    if (!this.#isDue(now)) return
    for (const link of this.#shared.links.values()) {
      this.#closeDead(link, now)
      this.#closeUnused(link, now)
      if (this.#isMissed(link, now)) this.#missed(link, now)
      else if (pingDueAt(this.#shared, link) <= now) {
        const isSuspect = memberOn(this.#shared, link)?.state === 'suspect'
        this.ping(link, isSuspect ? 'extra' : 'ping', now)
      }
    }
    for (const [sequence, probe] of this.#probes) {
      if (probe.deadline > now) continue
      this.#shared.health.worse()
      this.#conclude(sequence, probe.silent > 0 ? 'silent' : 'void', now)
    }
    this.#plan()
  }

  nextDeadline(): Millis | undefined {
    if (this.#isPlanStale) this.#plan()
    return this.#nextAt === Number.POSITIVE_INFINITY ? undefined : this.#nextAt
  }

  /** Something that was due at `at` is not due then any more. */
  #moves(at: Millis | undefined): void {
    if (at !== undefined && at <= this.#nextAt) this.#isPlanStale = true
  }

  /** Frames only move deadlines away: a look at all links for each of them would be most of the work. */
  #isDue(now: Millis): boolean {
    const { table, health, links } = this.#shared
    const { stateVersion, scale, links: count } = this.#basis
    if (stateVersion !== table.stateVersion || scale !== health.scale) return true
    return count !== links.size || this.#nextAt <= now
  }

  #plan(): void {
    const { table, health, links } = this.#shared
    let nextAt = Number.POSITIVE_INFINITY
    for (const link of links.values()) {
      const awaited = link.isAwaiting ? link.ping?.deadline : undefined
      nextAt = Math.min(nextAt, awaited ?? pingDueAt(this.#shared, link))
    }
    for (const { deadline } of this.#probes.values()) nextAt = Math.min(nextAt, deadline)
    this.#nextAt = nextAt
    this.#isPlanStale = false
    this.#basis.stateVersion = table.stateVersion
    this.#basis.scale = health.scale
    this.#basis.links = links.size
  }

  #nextSequence(): number {
    this.#sequence = (this.#sequence + 1) >>> 0
    return this.#sequence
  }

  /**
   * After a cut TCP waits twice as long before each retransmission: a link that was dead for half a
   * minute may stay dead for half a minute more once the path is back. A fresh link has no such past.
   */
  #closeDead(link: Link, now: Millis): void {
    if (link.unansweredAt === undefined) return
    if (now - link.unansweredAt < this.#shared.tunables.linkSilenceMs) return
    link.unansweredAt = undefined
    this.#shared.outbox.push({ type: 'close', peer: link.peerId })
  }

  #closeUnused(link: Link, now: Millis): void {
    if (!link.isForProbe || now - Math.max(link.upAt, link.usedAt) < PROBE_LINK_MS) return
    link.isForProbe = false
    if (link.isOverlay || memberOn(this.#shared, link)?.state === 'suspect') return
    this.#shared.outbox.push({ type: 'close', peer: link.peerId })
  }

  #isMissed(link: Link, now: Millis): boolean {
    return link.isAwaiting && link.ping !== undefined && link.ping.deadline <= now
  }

  #missed(link: Link, now: Millis): void {
    link.isAwaiting = false
    link.quality -= link.quality * QUALITY_SHARE
    const entry = memberOn(this.#shared, link)
    if (entry?.state === 'alive') {
      // The probe starts its own clock: no ping until it ends.
      link.lastPingAt = now
      if (!this.#isAsked(entry.peerId)) this.ask(entry, 'link', now)
    } else if (entry?.state === 'suspect') {
      this.#verdicts.accuse(entry, 'suspect', 'no answer to pings', now)
    }
  }

  #isAsked(peerId: PeerId): boolean {
    for (const probe of this.#probes.values()) {
      if (probe.target === peerId && probe.reason === 'link') return true
    }
    return this.#probes.size >= PROBES_MAX
  }

  #conclude(sequence: number, outcome: ProbeOutcome, now: Millis): void {
    const probe = this.#probes.get(sequence)
    this.#moves(probe?.deadline)
    this.#probes.delete(sequence)
    const entry = probe === undefined ? undefined : this.#shared.table.of(probe.target)
    if (probe === undefined || entry === undefined || !isLive(entry)) return
    if (probe.reason === 'unlinked') {
      this.#concluded(entry, outcome, now)
      return
    }
    const link = this.#shared.links.get(entry.peerId)
    const isHeard = link !== undefined && link.lastHeardAt >= link.lastPingAt
    if (outcome === 'alive' || isHeard || link === undefined) return
    // Relays that say nothing at all, while others are heard: it is our own link that is bad.
    const isUnheard = outcome === 'void' && probe.relays > 0 && hearsAnybody(this.#shared, now)
    if (isUnheard && probe.unlinked === 0) return
    const via = probe.relays === 0 ? '' : `, nor to ${probe.relays} relays`
    this.#verdicts.accuse(entry, 'suspect', `no answer to a ping${via}`, now)
  }

  /** Random living linked members, first those that should be linked with the target. */
  #chooseRelays(target: Entry): Entry[] {
    const { table, links, tunables, options } = this.#shared
    const candidates: Entry[] = []
    for (const link of links.values()) {
      const entry = memberOn(this.#shared, link)
      if (entry?.state === 'alive' && entry !== target) candidates.push(entry)
    }
    shuffle(options.random, candidates)
    if (candidates.length <= tunables.relays) return candidates
    const neighbours = new Set(table.neighbours(target))
    candidates.sort((a, b) => Number(neighbours.has(b)) - Number(neighbours.has(a)))
    return candidates.slice(0, tunables.relays)
  }

  /** Encoded accusations that the accused should answer: one is enough, two survive a forged one. */
  #chargesAgainst(entry: Entry): Uint8Array[] {
    const standing = standingAccusations(entry.claims).slice(0, CHARGES)
    return standing.map((accusation) => accusationRumour(entry, accusation).bytes)
  }

  #sendProbe(link: Link, type: 'ping' | 'ack', sequence: number): void {
    const { outbox, flood, links } = this.#shared
    const header = encodeProbeHeader({
      type,
      sequence,
      isFloodWanted: link.isOverlay || links.size <= FEW_LINKS,
      digest: this.#digests.told(this.#self),
    })
    const entry = memberOn(this.#shared, link)
    const first = entry === undefined ? [] : this.#chargesAgainst(entry)
    const bytes = withClaims(header, flood.take(link, header.length, first))
    outbox.push({ type: 'send', peer: link.peerId, lane: 'probe', bytes })
  }
}
