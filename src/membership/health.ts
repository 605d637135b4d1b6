/** Lifeguard's ceiling of the local health score. */
const SCORE_MAX = 7

/**
 * Local health (Lifeguard, arXiv 1707.00788, §IV-A): how much this node distrusts itself. Missed
 * probes without a relay's word, own refutations and stalls raise it, good probes lower it; probe
 * period and timeouts are scaled by it, so that a slow node accuses others later.
 */
export class Health {
  #score = 0

  get score(): number {
    return this.#score
  }

  /** 1 … 8. */
  get scale(): number {
    return 1 + this.#score
  }

  better(): void {
    this.#score = Math.max(0, this.#score - 1)
  }

  worse(): void {
    this.#score = Math.min(SCORE_MAX, this.#score + 1)
  }
}
