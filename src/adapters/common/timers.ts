/** Turns and timers of an event loop, as Node.js and browsers both have them. */

/** Runs once whatever is waiting already has had its turn: sockets, timers, other such calls. */
export const soon: (run: () => void) => void =
  typeof setImmediate === 'function' ? (run) => void setImmediate(run) : createSoon()

/** Lets the process end although the timer is armed. Pages end by themselves. @returns the same timer */
export function unref<Timer>(timer: Timer): Timer {
  if (isUnrefable(timer)) timer.unref()
  return timer
}

/**
 * Resolves after so many milliseconds, if the process still runs: work in the background rests between its steps, so
 * that whoever else uses this thread has theirs. Nobody waits for it.
 */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => unref(setTimeout(resolve, ms)))
}

/**
 * By messages to ourselves: browsers make a timer that a timer armed wait 4 ms, and in a hidden page a
 * second or a minute.
 */
export function createSoon(): (run: () => void) => void {
  const waiting: (() => void)[] = []
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = () => waiting.shift()?.()
  return (run) => {
    waiting.push(run)
    port2.postMessage(0)
  }
}

function isUnrefable(timer: unknown): timer is { unref(): unknown } {
  return typeof timer === 'object' && timer !== null && 'unref' in timer
}
