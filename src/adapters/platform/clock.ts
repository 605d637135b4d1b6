import type { Millis } from '../../base/core.ts'
import type { ClockPort } from '../../engine/ports.ts'

/** The three things of a platform that a clock is made of; tests bring their own. */
export interface ClockSource {
  /** Unix milliseconds, whole ones are enough. */
  wallMs(): Millis
  /** Milliseconds since any start, never going back, with fractions. */
  monotonicMs(): Millis
  /** Calls back once after at least about `ms`, at most TIMER_MS_MAX. @returns cancels it */
  after(ms: number, callback: () => void): () => void
}

/** setTimeout takes 31 bits and fires at once above them. */
export const TIMER_MS_MAX: number = 2 ** 31 - 1
/** Wall and monotonic clock may be this far apart before the wall clock is believed to have been set. */
const DRIFT_MS_MAX = 5

/**
 * The platform's clock. `now` follows the wall clock, with the fractions of the monotonic one, so
 * that round trips below a millisecond can be told apart. Its timer keeps the process running.
 */
export function createClock(source: ClockSource = platformSource()): ClockPort {
  let offset = source.wallMs() - source.monotonicMs()
  let generation = 0
  let cancel: (() => void) | undefined
  const now = (): Millis => {
    const precise = source.monotonicMs() + offset
    const wall = source.wallMs()
    if (Math.abs(precise - wall) <= DRIFT_MS_MAX) return precise
    // Set by hand or by NTP, or the machine slept: the monotonic clock does not count sleep.
    offset += wall - precise
    return wall
  }
  const sleep = (at: Millis, wake: () => void): void => {
    const armed = generation
    const waitMs = Math.min(TIMER_MS_MAX, Math.max(0, Math.ceil(at - now())))
    cancel = source.after(waitMs, () => {
      if (armed !== generation) return
      // Timers fire up to a millisecond early, and far deadlines are reached in steps.
      if (now() < at) return sleep(at, wake)
      generation += 1
      cancel = undefined
      wake()
    })
  }
  return {
    now,
    arm(at, wake) {
      generation += 1
      cancel?.()
      cancel = undefined
      if (at !== undefined) sleep(at, wake)
    },
  }
}

function platformSource(): ClockSource {
  return {
    wallMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    after(ms, callback) {
      const timer = setTimeout(callback, ms)
      return () => clearTimeout(timer)
    },
  }
}
