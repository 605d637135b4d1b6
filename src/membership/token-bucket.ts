import type { Millis } from '../base/core.ts'

/** Token bucket: `perSecond` on average, `burst` at once. */
export class TokenBucket {
  readonly #perSecond: number
  readonly #burst: number
  #tokens: number
  #at: Millis

  constructor(options: {
    readonly perSecond: number
    readonly burst: number
    readonly now: Millis
  }) {
    this.#perSecond = options.perSecond
    this.#burst = options.burst
    this.#tokens = options.burst
    this.#at = options.now
  }

  /** Takes one token or so many, or returns false. */
  take(now: Millis, tokens = 1): boolean {
    const elapsed = Math.max(0, now - this.#at)
    this.#tokens = Math.min(this.#burst, this.#tokens + (elapsed * this.#perSecond) / 1_000)
    this.#at = Math.max(now, this.#at)
    if (this.#tokens < tokens) return false
    this.#tokens -= tokens
    return true
  }

  /** The instant from which a token is there. */
  readyAt(now: Millis): Millis {
    const elapsed = Math.max(0, now - this.#at)
    const tokens = Math.min(this.#burst, this.#tokens + (elapsed * this.#perSecond) / 1_000)
    // Whole milliseconds on top: a rounding error must not make a deadline that never comes.
    return tokens >= 1 ? now : now + Math.ceil(((1 - tokens) * 1_000) / this.#perSecond) + 1
  }
}
