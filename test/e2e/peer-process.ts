import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type Client, createClient } from '../../src/http/client.ts'
import { BIN } from './command.ts'

const READY_MS_MAX = 60_000

interface Ready {
  readonly event: 'ready'
  readonly name: string
  readonly api: string
  readonly tokenFile: string
  readonly listen: readonly string[]
}

/** One real `hearsay up` with its NDJSON output. */
export class PeerProcess {
  readonly lines: string[] = []
  readonly errors: string[] = []
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  readonly #ready: Promise<Ready>
  #rest = ''

  /** @param options.prefix a program that runs the node in its own place, such as another network */
  constructor(options: {
    readonly runtimeDir: string
    readonly args: readonly string[]
    readonly prefix?: readonly string[]
  }) {
    const { runtimeDir, args, prefix = [] } = options
    const node = [process.execPath, BIN, 'up', '--json', '--api', '127.0.0.1:0', ...args]
    const [program = process.execPath, ...rest] = [...prefix, ...node]
    const child = spawn(program, rest, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, HEARSAY_RUNTIME_DIR: runtimeDir },
    })
    this.#child = child
    this.#exited = once(child, 'exit')
    const { promise, resolve, reject } = Promise.withResolvers<Ready>()
    this.#ready = promise
    // Whoever kills a process that is still starting does not wait for it.
    promise.catch(() => {})
    const timer = setTimeout(() => reject(new Error(this.#story('is not ready'))), READY_MS_MAX)
    child.stdout?.on('data', (chunk) => this.#take(String(chunk), resolve))
    child.stderr?.on('data', (chunk) => this.errors.push(String(chunk)))
    child.once('exit', () => {
      clearTimeout(timer)
      reject(new Error(this.#story('has ended')))
    })
    promise.then(
      () => clearTimeout(timer),
      () => {},
    )
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** The node's client, once it serves. */
  async client(): Promise<Client> {
    const { api, tokenFile } = await this.#ready
    return createClient({ url: api, token: (await readFile(tokenFile, 'utf8')).trim() })
  }

  /** URL of its HTTP API. */
  async api(): Promise<string> {
    return (await this.#ready).api
  }

  async listen(): Promise<readonly string[]> {
    return (await this.#ready).listen
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Sends a signal and waits for the end. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.#child.kill(signal)
    await this.#exited
    return this.#child.exitCode
  }

  /** Waits until it ends by itself. */
  async ended(): Promise<number | null> {
    await this.#exited
    return this.#child.exitCode
  }

  #take(text: string, ready: (ready: Ready) => void): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      this.lines.push(line)
      if (line.startsWith('{"event":"ready"')) ready(JSON.parse(line))
    }
  }

  #story(what: string): string {
    return `A peer ${what}: ${this.errors.join('')}${this.lines.slice(-3).join('\n')}`
  }
}
