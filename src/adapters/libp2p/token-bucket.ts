import type { Millis } from '../../base/core.ts'

/** Allows `perSecond` on average and `burst` at once. Time comes in, in milliseconds of any epoch. */
export class TokenBucket {
  readonly #perSecond: number
  readonly #burst: number
  #tokens: number
  #filledAt: Millis | undefined

  constructor(perSecond: number, burst: number = perSecond) {
    this.#perSecond = perSecond
    this.#burst = burst
    this.#tokens = burst
  }

  /** Takes one token; false when there is none. */
  take(now: Millis): boolean {
    const elapsedMs = Math.max(0, now - (this.#filledAt ?? now))
    this.#filledAt = now
    this.#tokens = Math.min(this.#burst, this.#tokens + (elapsedMs * this.#perSecond) / 1000)
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}
