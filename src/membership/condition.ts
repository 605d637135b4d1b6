import type { Millis } from '../base/core.ts'
import type { Identity } from './identity.ts'
import type { Shared } from './shared.ts'

/** How often links are looked at. */
const PERIOD_MS = 1_000
/** A link of which fewer late pings are answered in time is bad: both directions at 40 % loss. */
const BAD_QUALITY = 0.35
/** Lifeguard's score from which this node distrusts itself as much as it would its worst links. */
const BAD_SCORE = 6
/** Most links are bad for so long before it is said: a partition is over as verdicts by then. */
const BAD_FOR_MS = 2_500
/** So many linked members that accuse us within … are more than two liars, … */
const ACCUSERS = 3
/** … and this time. */
const ACCUSED_MS = 30_000
/** Links are well for so long, and nobody accuses, before it is taken back. */
const WELL_FOR_MS = ACCUSED_MS
/** Accusations that come so long after a stall are due to it. */
const STALL_ECHO_MS = 5_000

/**
 * Whether this node is fit to observe others. One that most of its neighbours hear badly, or that hears most of
 * them badly, says so in its record: others show it `degraded`, do not count its word on others among those of
 * observers, and give it longer to refute (Lifeguard §III: what slow members say of others is the commonest
 * false positive). Only its own record says so, so nobody can be degraded by others; fewer than three of them
 * cannot make it say so either.
 */
export class Condition {
  readonly #shared: Shared
  readonly #identity: Identity
  #nextAt: Millis
  #badSince: Millis | undefined
  #wellSince: Millis
  #stalledAt: Millis = Number.NEGATIVE_INFINITY
  #isDegraded = false

  constructor(shared: Shared, identity: Identity, now: Millis) {
    this.#shared = shared
    this.#identity = identity
    this.#nextAt = now + PERIOD_MS
    this.#wellSince = now
  }

  work(now: Millis): void {
    if (now - this.#stalledAt < STALL_ECHO_MS) this.#identity.forgetAccusers()
    const accusers = this.#identity.accusersSince(now - ACCUSED_MS)
    if (accusers >= ACCUSERS && !this.#isDegraded) this.#say(true, now)
    if (this.#nextAt > now) return
    this.#nextAt = now + PERIOD_MS
    if (!this.#isMostlyBad()) this.#badSince = undefined
    else {
      this.#badSince ??= now
      this.#wellSince = now
      if (now - this.#badSince >= BAD_FOR_MS && !this.#isDegraded) this.#say(true, now)
    }
    const isWell = accusers === 0 && now - this.#wellSince >= WELL_FOR_MS
    if (this.#isDegraded && isWell) this.#say(false, now)
  }

  /** Time in which we did not run says nothing of links. */
  stalled(now: Millis): void {
    this.#stalledAt = now
    this.#badSince = undefined
  }

  /** While all is well it is enough to look when something else is due. */
  nextDeadline(): Millis | undefined {
    const isWatched = this.#isDegraded || this.#badSince !== undefined
    return isWatched ? this.#nextAt : undefined
  }

  #say(isDegraded: boolean, now: Millis): void {
    this.#isDegraded = isDegraded
    this.#wellSince = now
    this.#identity.setDegraded(isDegraded, now)
  }

  /** One link tells nothing: its other end may be the bad one. */
  #isMostlyBad(): boolean {
    let links = 0
    let bad = 0
    for (const { isOverlay, quality } of this.#shared.links.values()) {
      if (!isOverlay) continue
      links += 1
      if (quality < BAD_QUALITY) bad += 1
    }
    return links > 1 && (bad * 2 > links || this.#shared.health.score >= BAD_SCORE)
  }
}
