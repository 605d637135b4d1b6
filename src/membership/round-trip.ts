import type { Millis } from '../base/core.ts'

/** Smoothed round trip and timeout, as RFC 6298 §2 with its own clamps. */
export class RoundTrip {
  #smoothed: Millis | undefined
  #variation: Millis = 0

  /** Undefined before the first sample. */
  get smoothedMs(): Millis | undefined {
    return this.#smoothed
  }

  sample(elapsedMs: Millis): void {
    if (this.#smoothed === undefined) {
      this.#smoothed = elapsedMs
      this.#variation = elapsedMs / 2
      return
    }
    this.#variation += (Math.abs(this.#smoothed - elapsedMs) - this.#variation) / 4
    this.#smoothed += (elapsedMs - this.#smoothed) / 8
  }

  /** SRTT + 4·RTTVAR between the bounds. */
  timeoutMs(bounds: {
    readonly min: Millis
    readonly max: Millis
    readonly start: Millis
  }): Millis {
    if (this.#smoothed === undefined) return bounds.start
    return Math.min(bounds.max, Math.max(bounds.min, this.#smoothed + 4 * this.#variation))
  }
}
