import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import { jitter, shuffle } from '../base/random.ts'
import type { Dialer } from './dialer.ts'
import type { LinkEnd } from './member.ts'
import type { ProbeOutcome, Prober } from './prober.ts'
import { earlier, ISOLATED_PERIODS, isSlow, type Shared } from './shared.ts'
import { type Entry, isLive } from './table.ts'
import type { Verdicts } from './verdicts.ts'

/** Time for a link to come back before relays are asked about its peer. */
const LOST_GRACE_MS = 1_000
/** Time for a first link to a new member. */
const NEW_GRACE_MS = 2_000
const INTERVAL_MS = 2_000
/** Members of which nobody asked has a link are accused after this many rounds without a dial. */
const VOID_ROUNDS_MAX = 3
/** With nobody to ask, after this many. */
const ALONE_ROUNDS_MAX = 2
const WATCHED_MAX = 1_024
/** One that says that it hears badly waits so many times longer. */
const DEGRADED_FACTOR = 5
/** Larger networks are left to the probes: each accusation must be refuted after the heal. */
const ISOLATED_MEMBERS_MAX = 64
/** Who hears nobody for half as long as that looks for others first: all its links may lead across a cut. */
const LOOKOUT_SHARE = 0.5
/** … and dials so many. */
const LOOKOUT_DIALS_MAX = 16

interface Watched {
  nextAt: Millis
  rounds: number
  failedDials: number
}

/**
 * Detection of members without a link. Overlay peers whose link is missing are asked for through
 * relays until it is back. One further member without a link has its turn every five seconds (SWIM §4.3's
 * round-robin, in the order of a ring), which covers members all of whose observers are bad: an observer
 * that is linked is asked for it, else it is dialled, which takes fewer frames than relays that dial it.
 * A refused dial to a peer that was linked in this life of it says that the process is gone.
 */
export class Watch {
  readonly #shared: Shared
  readonly #prober: Prober
  readonly #dialer: Dialer
  readonly #verdicts: Verdicts
  readonly #self: Entry
  readonly #watched = new Map<PeerId, Watched>()
  /** Epochs in which peers were linked. */
  readonly #linkedEpochs = new Map<PeerId, number>()
  /** Whose turn it was last. */
  #last: Entry | undefined
  #nextTurnAt: Millis
  #isolationNotBefore: Millis = 0
  /** The last sign of life after which others were looked for. */
  #lookedOutAfter: Millis = Number.NEGATIVE_INFINITY

  constructor(options: {
    readonly shared: Shared
    readonly prober: Prober
    readonly dialer: Dialer
    readonly verdicts: Verdicts
    readonly self: Entry
    readonly now: Millis
  }) {
    this.#shared = options.shared
    this.#prober = options.prober
    this.#dialer = options.dialer
    this.#verdicts = options.verdicts
    this.#self = options.self
    this.#nextTurnAt = options.now + this.#turnMs()
  }

  /** The overlay wants these links. */
  reconcile(wanted: ReadonlySet<Entry>, now: Millis): void {
    for (const entry of wanted) {
      if (!this.#shared.links.has(entry.peerId)) this.#add(entry.peerId, now + NEW_GRACE_MS)
    }
  }

  linkUp(peerId: PeerId): void {
    this.#watched.delete(peerId)
  }

  linkDown(
    peerId: PeerId,
    {
      isWanted,
      end,
      now,
    }: { readonly isWanted: boolean; readonly end: LinkEnd; readonly now: Millis },
  ): void {
    const entry = this.#shared.table.of(peerId)
    if (entry === undefined) return
    // Nobody who knows what we know will link with it: without this it would linger as a silent one does.
    if (end === 'rejected' && isLive(entry)) {
      this.#verdicts.accuse(entry, 'refused', 'not admitted any more', now)
      return
    }
    this.#linkedEpochs.delete(peerId)
    if (this.#linkedEpochs.size >= WATCHED_MAX) {
      for (const oldest of this.#linkedEpochs.keys()) {
        this.#linkedEpochs.delete(oldest)
        break
      }
    }
    this.#linkedEpochs.set(peerId, entry.claims.record.epoch)
    if (isWanted) this.#add(peerId, now + LOST_GRACE_MS)
  }

  dialFailed(peerId: PeerId, end: LinkEnd, now: Millis): void {
    const entry = this.#shared.table.of(peerId)
    if (entry === undefined || !isLive(entry) || this.#shared.links.has(peerId)) return
    const wasLinked = this.#linkedEpochs.get(peerId) === entry.claims.record.epoch
    if (end === 'refused' && wasLinked) {
      this.#verdicts.accuse(entry, 'refused', 'link lost and connection refused', now)
      return
    }
    const watched = this.#watched.get(peerId)
    if (watched !== undefined) watched.failedDials += 1
  }

  /** What relays said of a member without a link. */
  concluded(entry: Entry, outcome: ProbeOutcome, now: Millis): void {
    if (this.#shared.links.has(entry.peerId)) return
    const watched = this.#watched.get(entry.peerId)
    if (outcome === 'alive') {
      if (watched !== undefined) watched.rounds = 0
      return
    }
    // Who is late itself has not had its links either, and has not read the answers yet.
    if (isSlow(this.#shared.pulse, now)) return
    if (outcome === 'silent' && watched !== undefined) {
      this.#verdicts.accuse(entry, 'suspect', 'no link, and no answer to relays', now)
      return
    }
    if (watched === undefined) {
      // One relay is not enough to accuse by: ask more of them. One without a link says nothing.
      if (outcome === 'silent') this.#add(entry.peerId, now)
      else this.#dial(entry, now)
      return
    }
    watched.rounds += 1
    const isAlone = this.#shared.table.liveCount <= 2
    const roundsMax = isAlone ? ALONE_ROUNDS_MAX : VOID_ROUNDS_MAX
    // Who gives no address has to come by itself: no dial of ours can fail.
    const wasTried =
      isAlone || watched.failedDials > 0 || entry.claims.record.addresses.length === 0
    if (watched.rounds < roundsMax || !wasTried) return
    this.#verdicts.accuse(entry, 'suspect', 'no link to it anywhere', now)
  }

  stalled(now: Millis): void {
    for (const watched of this.#watched.values()) {
      watched.nextAt = Math.max(watched.nextAt, now + LOST_GRACE_MS)
    }
  }

  work(now: Millis): void {
    for (const [peerId, watched] of this.#watched) {
      const entry = this.#shared.table.of(peerId)
      if (entry === undefined || !isLive(entry) || this.#shared.links.has(peerId)) {
        this.#watched.delete(peerId)
      } else if (watched.nextAt <= now) {
        watched.nextAt = now + jitter(this.#shared.options.random, INTERVAL_MS, 0.2)
        if (!isSlow(this.#shared.pulse, now)) this.#prober.ask(entry, 'unlinked', now)
      }
    }
    this.#lookOut(now)
    this.#noticeIsolation(now)
    if (this.#nextTurnAt > now) return
    this.#nextTurnAt = now + this.#turnMs()
    const entry = this.#nextUnlinked()
    if (entry !== undefined && !this.#prober.askObserver(entry, now)) this.#dial(entry, now)
  }

  nextDeadline(): Millis | undefined {
    const silentAt = earlier(this.#lookoutAt(), this.#isolatedAt())
    let earliest: Millis | undefined = earlier(this.#nextTurnAt, silentAt)
    for (const { nextAt } of this.#watched.values()) earliest = earlier(earliest, nextAt)
    return earliest
  }

  /** Silence everywhere: what no probe of ours can reach is accused without one. */
  #noticeIsolation(now: Millis): void {
    const at = this.#isolatedAt()
    if (at === undefined || at > now) return
    this.#isolationNotBefore = now + this.#shared.tunables.probePeriodMs
    for (const entry of this.#shared.table.entries()) {
      if (entry === this.#self || entry.state !== 'alive') continue
      this.#verdicts.accuse(entry, 'suspect', 'nothing is heard from anybody', now)
    }
  }

  /** Members that nothing was heard of because there is no link may be on our side. */
  #lookOut(now: Millis): void {
    const at = this.#lookoutAt()
    if (at === undefined || at > now) return
    const { table, links, options, pulse } = this.#shared
    this.#lookedOutAfter = pulse.heardAt
    const unlinked = [...table.entries()].filter(
      (entry) => entry.state === 'alive' && entry !== this.#self && !links.has(entry.peerId),
    )
    for (const { peerId } of shuffle(options.random, unlinked).slice(0, LOOKOUT_DIALS_MAX)) {
      this.#dialer.once(peerId, now)
    }
  }

  #lookoutAt(): Millis | undefined {
    const { table, pulse, tunables } = this.#shared
    if (pulse.heardAt <= this.#lookedOutAfter || table.count('alive') < 2) return undefined
    return pulse.heardAt + LOOKOUT_SHARE * ISOLATED_PERIODS * tunables.probePeriodMs
  }

  #isolatedAt(): Millis | undefined {
    const { table, pulse, tunables } = this.#shared
    const others = table.count('alive') - 1
    if (others < 1 || others >= ISOLATED_MEMBERS_MAX) return undefined
    // Who hears badly waits: what it has not heard may have been said.
    const isDegraded = this.#self.claims.record.status === 'degraded'
    const periods = ISOLATED_PERIODS * (isDegraded ? DEGRADED_FACTOR : 1)
    const at = pulse.heardAt + periods * tunables.probePeriodMs
    return Math.max(at, this.#isolationNotBefore)
  }

  #turnMs(): Millis {
    const { options, tunables, health } = this.#shared
    return jitter(options.random, tunables.unlinkedProbeMs, 0.2) * health.scale
  }

  /** Tries a link of our own, and looks again. */
  #dial(entry: Entry, now: Millis): void {
    this.#dialer.once(entry.peerId, now)
    this.#add(entry.peerId, now + INTERVAL_MS)
  }

  #add(peerId: PeerId, nextAt: Millis): void {
    if (this.#watched.has(peerId) || this.#watched.size >= WATCHED_MAX) return
    this.#watched.set(peerId, { nextAt, rounds: 0, failedDials: 0 })
  }

  /** The next in the order of a ring, from a place of this node's own: every few seconds somebody asks for each. */
  #nextUnlinked(): Entry | undefined {
    const { table, links, options } = this.#shared
    if (this.#last?.isRemoved !== false) this.#last = table.livingAt(options.random.uint32())
    for (let seen = 0; seen < table.liveCount && this.#last !== undefined; seen++) {
      this.#last = table.livingAfter(this.#last)
      const entry = this.#last
      if (entry?.state !== 'alive' || entry === this.#self) continue
      if (!links.has(entry.peerId)) return entry
    }
    return undefined
  }
}
