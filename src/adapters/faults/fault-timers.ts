import type { Millis } from '../../base/core.ts'
import { unref } from '../common/timers.ts'

/** Time as fault injection needs it. */
export interface FaultTimers {
  now(): Millis
  /** Calls back once after `ms`. @returns cancels it */
  after(ms: number, callback: () => void): () => void
}

/** The platform's timers. They do not keep the process running: the node does. */
export function platformTimers(): FaultTimers {
  return {
    now: () => performance.now(),
    after(ms, callback) {
      const timer = setTimeout(callback, ms)
      unref(timer)
      return () => clearTimeout(timer)
    },
  }
}
