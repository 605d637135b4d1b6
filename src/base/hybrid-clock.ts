import type { Millis } from './core.ts'

/** A hybrid logical stamp: 41 bits of milliseconds since 2024 and 12 bits of counter, in one double. */
export type Stamp = number

const EPOCH_MS = Date.UTC(2024, 0, 1)
const COUNTER_SPAN = 4096
const STAMP_MAX = 2 ** 53 - 1
/** A remote stamp further ahead of our wall clock than this is not adopted. */
const DRIFT_MS_MAX = 60_000

/** The first stamp of a wall-clock instant. */
export function stampAt(wallMs: Millis): Stamp {
  return Math.max(0, Math.min(STAMP_MAX, Math.floor(wallMs - EPOCH_MS) * COUNTER_SPAN))
}

/** The wall-clock part of a stamp, in Unix milliseconds. */
export function stampMillis(stamp: Stamp): Millis {
  return Math.floor(stamp / COUNTER_SPAN) + EPOCH_MS
}

/** Hybrid logical clock (Kulkarni et al., OPODIS 2014): monotone, close to wall time, moved by stamps seen. */
export class HybridClock {
  #last: Stamp

  constructor(last: Stamp = 0) {
    this.#last = last
  }

  get last(): Stamp {
    return this.#last
  }

  /** A stamp above all issued and adopted before. */
  next(wallMs: Millis): Stamp {
    this.#last = Math.min(STAMP_MAX, Math.max(this.#last + 1, stampAt(wallMs)))
    return this.#last
  }

  /** Adopts a remote stamp. False when it is more than `driftMsMax` (60 s) ahead of `wallMs`: not adopted. */
  observe(stamp: Stamp, wallMs: Millis, driftMsMax: Millis = DRIFT_MS_MAX): boolean {
    if (stamp > stampAt(wallMs + driftMsMax)) return false
    if (stamp > this.#last) this.#last = stamp
    return true
  }
}
