import { soon } from '../adapters/common/timers.ts'

/**
 * The event loop is let go after this long: with one row more, which may hold ten thousand events, whoever
 * else uses this thread waits some ten milliseconds at most.
 */
const TURN_MS = 4

/** Cuts long work into turns of the event loop. */
export class Turns {
  #since = performance.now()

  /** Whether the turn has lasted long enough. */
  get isOver(): boolean {
    return performance.now() - this.#since >= TURN_MS
  }

  /** Lets everybody else have theirs. */
  async next(): Promise<void> {
    await new Promise<void>((resolve) => soon(resolve))
    this.#since = performance.now()
  }
}
