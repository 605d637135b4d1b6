import type { Millis } from '../base/core.ts'
import { pingTimeoutMs } from './ping-schedule.ts'
import type { Shared } from './shared.ts'

/** Links are looked at this often at most. */
const LOOK_MS = 250
/** So many silent links at once are more than a few members that died together. */
const SILENT_LINKS = 3
/** An answer that takes no longer than this is none that is missed. */
const ANSWER_MS_MIN = 500
/** What was said across a cut arrives, and is refuted, for so long after it. */
const ECHO_MS = 5_000

/**
 * Whether a cut runs near this node: three of its overlay links, or most of them, leave pings unanswered, or did
 * until just now. Then others' word is late: what the far side says of the near one was true of the cut, and
 * refutations wait behind retransmissions. What others claim cannot bring it about, only silence on links of our own.
 */
export class NearCut {
  readonly #shared: Shared
  #lookAt: Millis = Number.NEGATIVE_INFINITY
  #seenAt: Millis = Number.NEGATIVE_INFINITY

  constructor(shared: Shared) {
    this.#shared = shared
  }

  isNear(now: Millis): boolean {
    return now - this.#seenAt < ECHO_MS
  }

  /** @returns whether it has just come near */
  look(now: Millis): boolean {
    if (now < this.#lookAt) return false
    this.#lookAt = now + LOOK_MS
    let links = 0
    let silent = 0
    for (const link of this.#shared.links.values()) {
      if (!link.isOverlay) continue
      links += 1
      const patienceMs = Math.max(ANSWER_MS_MIN, pingTimeoutMs(this.#shared, link, now))
      if (link.unansweredAt !== undefined && now - link.unansweredAt > patienceMs) silent += 1
    }
    // With one or two links there is nothing to compare.
    const isMost = links >= SILENT_LINKS && silent * 2 > links
    if (silent < SILENT_LINKS && !isMost) return false
    const wasNear = this.isNear(now)
    this.#seenAt = now
    return !wasNear
  }
}
