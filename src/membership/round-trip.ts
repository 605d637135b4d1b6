import type { Millis } from '../base/core.ts'

/** So many samples of a fresh link count for nothing beside a better one. */
const SAMPLES_FRESH = 3

/**
 * Smoothed round trip and timeout, as RFC 6298 §2 with its own clamps. What a fresh link carries first waits
 * behind the start of a process or its handshakes; with a sample every few seconds it would take a minute to
 * forget that, and so long a silence would be found late.
 */
export class RoundTrip {
  #samples = 0
  #smoothed: Millis | undefined
  #variation: Millis = 0

  /** Undefined before the first sample. */
  get smoothedMs(): Millis | undefined {
    return this.#smoothed
  }

  sample(elapsedMs: Millis): void {
    this.#samples += 1
    const isBetter = this.#smoothed === undefined || elapsedMs < this.#smoothed
    if (this.#smoothed === undefined || (isBetter && this.#samples <= SAMPLES_FRESH)) {
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
