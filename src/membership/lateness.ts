import type { Millis } from '../base/core.ts'

/** Timers are never exact; a busy event loop is later than this. */
export const TIMER_MS = 20
/** Half of it is forgotten in so long. */
const HALF_LIFE_MS = 2_000
/** Later than this is a stall, which voids what it waited for, or no reason to wait for ever. */
const LATENESS_MS_MAX = 500

/**
 * How late this node has been of late: the worst of it, fading. Where many nodes share a machine that has too
 * much to do all are late alike, and one that answers late is no more dead than this one. So whoever waits for
 * an answer waits so much longer for each way that it takes (Lifeguard's local health knows misses alone, and
 * learns of an overload by what it has already done wrong).
 */
export class Lateness {
  #worstMs: Millis = 0
  #at: Millis = 0

  /** A timer came so much later than it should have. */
  note(lateMs: Millis, now: Millis): void {
    const before = this.ms(now)
    this.#worstMs = Math.max(before, Math.min(lateMs, LATENESS_MS_MAX))
    this.#at = now
  }

  ms(now: Millis): Millis {
    const fadedMs = this.#worstMs * 0.5 ** ((now - this.#at) / HALF_LIFE_MS)
    return fadedMs < TIMER_MS ? 0 : fadedMs
  }
}
