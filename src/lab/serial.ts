/** Runs tasks one after the other, in the order in which they were given. */
export class Serial {
  #last: Promise<unknown> = Promise.resolve()

  run<T>(task: () => T | Promise<T>): Promise<T> {
    const result = this.#last.then(task)
    // A failure belongs to its caller; the next task runs all the same.
    this.#last = result.catch(() => undefined)
    return result
  }
}
