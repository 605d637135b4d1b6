import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fromHex, hex } from '../../src/base/bytes.ts'
import type { ForeignPeer } from './foreign-peer.ts'

const ANSWER_MS_MAX = 15_000

interface Answer {
  readonly address?: string
  readonly peer?: string
  readonly values?: readonly string[]
  readonly peers?: readonly string[]
  readonly count: number
  readonly error?: string
}

/** A foreign peer in a process of its own, which is asked and answers in lines of JSON. */
export class ProcessPeer implements ForeignPeer {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #answers: AsyncIterator<string>
  address = ''
  peer = ''

  static async start(command: string, parameters: readonly string[]): Promise<ProcessPeer> {
    const peer = new ProcessPeer(command, parameters)
    try {
      const { address = '', peer: id = '' } = await peer.#answer()
      peer.address = address
      peer.peer = id
      return peer
    } catch (error) {
      await peer[Symbol.asyncDispose]()
      throw error
    }
  }

  private constructor(command: string, parameters: readonly string[]) {
    this.#child = spawn(command, parameters, { stdio: ['pipe', 'pipe', 'inherit'] })
    // Its end is noticed by who waits for an answer.
    this.#child.on('error', () => {})
    this.#child.stdin.on('error', () => {})
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  async keep(key: Uint8Array, record: Uint8Array): Promise<void> {
    await this.#ask({ do: 'keep', key: hex(key), value: hex(record) })
  }

  async join(address: string): Promise<void> {
    await this.#ask({ do: 'join', address })
  }

  async put(key: Uint8Array, record: Uint8Array): Promise<void> {
    await this.#ask({ do: 'put', key: hex(key), value: hex(record) })
  }

  async get(key: Uint8Array): Promise<readonly Uint8Array[]> {
    const { values = [] } = await this.#ask({ do: 'get', key: hex(key) })
    return values.flatMap((value) => fromHex(value) ?? [])
  }

  async find(peer: string): Promise<readonly string[]> {
    return (await this.#ask({ do: 'find', peer })).peers ?? []
  }

  async providers(cid: Uint8Array): Promise<number> {
    return (await this.#ask({ do: 'providers', key: hex(cid) })).count
  }

  /** It ends with its input, or is killed. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    if (this.#child.pid === undefined) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#child.once('exit', () => resolve())
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 1_000)
    this.#child.stdin.end()
    await promise
    clearTimeout(timer)
  }

  async #ask(request: Readonly<Record<string, string>>): Promise<Answer> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`)
    const answer = await this.#answer()
    if (answer.error !== undefined) throw new Error(answer.error)
    return answer
  }

  async #answer(): Promise<Answer> {
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => late.reject(new Error('No answer')), ANSWER_MS_MAX)
    const next = await Promise.race([this.#answers.next(), late.promise]).finally(() =>
      clearTimeout(timer),
    )
    if (next.done === true) throw new Error('The process ended')
    return JSON.parse(next.value)
  }
}
