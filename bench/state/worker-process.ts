import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { WorkerReply, WorkerRequest } from './worker.ts'

const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url))
/** A million elements of the largest library, twice. */
const HEAP_MB = 6_144

/** A child process that measures one library. */
export class WorkerProcess {
  readonly library: string
  readonly #child: ChildProcess

  constructor(library: string) {
    this.library = library
    const execArgv = ['--expose-gc', `--max-old-space-size=${HEAP_MB}`]
    this.#child = fork(WORKER, [library], { execArgv })
  }

  /** A process that ends instead of answering is a failure with its code. */
  async ask(request: WorkerRequest): Promise<WorkerReply> {
    const ended = new AbortController()
    const answer = once(this.#child, 'message', { signal: ended.signal })
    const end = once(this.#child, 'exit', { signal: ended.signal })
    this.#child.send(request)
    try {
      const [first, second]: unknown[] = await Promise.race([answer, end])
      if (typeof first === 'object' && first !== null) return first as WorkerReply
      return { type: 'failed', reason: `the process ended: ${String(first ?? second)}` }
    } finally {
      answer.catch(() => {})
      end.catch(() => {})
      ended.abort()
    }
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const end = once(this.#child, 'exit')
    this.#child.disconnect()
    await end
  }
}
