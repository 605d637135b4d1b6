import { connect, createServer, type Socket } from 'node:net'

/** Relays of one network: what goes through them arrives later, and in the order in which it was sent. */
export class Relays {
  readonly #delayMs: number
  readonly #closers: (() => void)[] = []
  readonly #stalled = new Set<number>()

  constructor(delayMs: number) {
    this.#delayMs = delayMs
  }

  /**
   * Opens a port that stands before another. The delay is pipelined: each piece waits for its own time,
   * not for the pieces before it to be delivered.
   * @param owner whose port it is
   * @param target called for each connection, since the port may not be known yet
   */
  async open(owner: number, target: () => number): Promise<number> {
    const sockets = new Set<Socket>()
    const server = createServer((near) => {
      const far = connect(target(), '127.0.0.1')
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(from)
        from.setNoDelay(true)
        from.on('data', (bytes) => this.#later(owner, () => to.write(bytes)))
        from.on('close', () => this.#later(owner, () => to.destroy()))
        from.on('error', () => to.destroy())
      }
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    this.#closers.push(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    const address = server.address()
    if (typeof address !== 'object' || address === null) throw new Error('No port')
    return address.port
  }

  /** Bytes from and to these owners vanish from here on. */
  stall(owners: readonly number[]): void {
    for (const owner of owners) this.#stalled.add(owner)
  }

  close(): void {
    for (const close of this.#closers) close()
  }

  #later(owner: number, act: () => void): void {
    if (this.#stalled.has(owner)) return
    if (this.#delayMs === 0) act()
    else setTimeout(() => !this.#stalled.has(owner) && act(), this.#delayMs)
  }
}
