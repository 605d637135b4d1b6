import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A child process that runs one node and answers questions. */
export class PeerProcess {
  readonly #child: ChildProcess

  /** @param script beside this file @param parameters its arguments */
  constructor(script: string, parameters: readonly string[]) {
    this.#child = fork(fileURLToPath(new URL(script, import.meta.url)), parameters)
  }

  send(message: Readonly<Record<string, unknown>>): void {
    this.#child.send(message)
  }

  /** The next message of a type; an end of the process instead of it is an error. */
  async expect(type: string): Promise<Readonly<Record<string, unknown>>> {
    const done = new AbortController()
    const end = once(this.#child, 'exit', { signal: done.signal }).then(([code]) => {
      throw new Error(`a node's process ended with ${String(code)} before it said ${type}`)
    })
    const answer = new Promise<Readonly<Record<string, unknown>>>((resolve) => {
      const listen = (message: unknown): void => {
        if (typeof message !== 'object' || message === null) return
        const fields = message as Record<string, unknown>
        if (fields.type === type) resolve(fields)
      }
      this.#child.on('message', listen)
      done.signal.addEventListener('abort', () => this.#child.off('message', listen))
    })
    try {
      return await Promise.race([answer, end])
    } finally {
      end.catch(() => {})
      done.abort()
    }
  }

  /** SIGKILL: nothing is flushed, nobody is told. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const end = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await end
  }
}

/** Milliseconds of the machine's monotonic clock: comparable between processes. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
