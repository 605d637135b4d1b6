/**
 * What has been opened, to be closed in the opposite order, each once. The language's own stack for it is younger
 * than the oldest Node.js that this package runs on, and than many browsers.
 */
export class Closers {
  readonly #closers: (() => unknown)[] = []

  /** @param close may return a promise, which is waited for */
  defer(close: () => unknown): void {
    this.#closers.push(close)
  }

  /** Closes what is open, all of it, whatever fails. @throws the first failure */
  async close(): Promise<void> {
    const failures: unknown[] = []
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
      try {
        await close()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
}
