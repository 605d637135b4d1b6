import type { Waiting } from '../index.ts'

/** Events come in bursts: conditions are asked once per this. */
const SETTLE_MS = 2
/** And this often even without an event, since not everything that a condition may ask about is told. */
const RECHECK_MS = 100

/** Waits on conditions over many nodes; whoever sees something happen calls `wake`. */
export class Watch {
  readonly #checks = new Set<() => void>()
  #timer: NodeJS.Timeout | undefined

  wake(): void {
    if (this.#checks.size === 0) return
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      for (const check of [...this.#checks]) check()
    }, SETTLE_MS)
  }

  /** Resolves when `condition` holds; rejects with what it throws, or with `signal.reason`. */
  async until(condition: () => boolean, { signal }: Waiting = {}): Promise<void> {
    signal?.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const check = (): void => {
      try {
        if (condition()) resolve()
      } catch (error) {
        reject(error)
      }
    }
    const onAbort = (): void => reject(signal?.reason)
    const recheck = setInterval(check, RECHECK_MS)
    this.#checks.add(check)
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      check()
      await promise
    } finally {
      clearInterval(recheck)
      this.#checks.delete(check)
      signal?.removeEventListener('abort', onAbort)
    }
  }
}
