import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../../bin/hearsay.js', import.meta.url))
const SERF_EVENT = /EventMember(Join|Failed|Leave): (\S+)/
const SERF_STATES: Readonly<Record<string, string>> = {
  Join: 'alive',
  Failed: 'failed',
  Leave: 'left',
}
/** The kernel counts processor time in hundredths of a second. */
const TICK_MS = 10
/** Agents tell by lines that are read as they come: so often somebody looks, far below what is measured. */
const LOOK_MS = 5

/** What starts an agent of a kind, and what its lines say. */
export interface Kind {
  readonly name: 'hearsay' | 'serf'
  /** What a line has in it when others can join. */
  readonly ready: string
  readonly command: (index: number, directory: string) => readonly string[]
  readonly parse: (line: string) => { readonly name: string; readonly state: string } | undefined
}

/** With the settings that users get: no profile, no tuned times. */
export const HEARSAY: Kind = {
  name: 'hearsay',
  ready: '{"event":"ready"',
  command: (index, directory) => [
    ...[process.execPath, BIN, 'up', '--json', '--api', '127.0.0.1:0', '--name', `n${index}`],
    ...[
      '--data-dir',
      join(directory, `n${index}`),
      '--listen',
      `/ip4/127.0.0.1/tcp/${4100 + index}`,
    ],
    ...(index === 0 ? [] : ['--join', '/ip4/127.0.0.1/tcp/4100']),
  ],
  parse: (line) => {
    if (!line.startsWith('{"event":"member-')) return undefined
    const { event, name, state } = JSON.parse(line)
    return { name, state: event === 'member-joined' ? 'alive' : state }
  },
}

/** With its default profile, lan; it leaves on SIGINT. */
export const SERF: Kind = {
  name: 'serf',
  ready: 'Serf agent running',
  command: (index) => [
    ...['serf', 'agent', `-node=n${index}`, `-bind=127.0.0.1:${7100 + index}`],
    ...[`-rpc-addr=127.0.0.1:${7300 + index}`, '-log-level=info'],
    ...(index === 0 ? [] : ['-join=127.0.0.1:7100']),
  ],
  parse: (line) => {
    const [, event = '', name = ''] = SERF_EVENT.exec(line) ?? []
    const state = SERF_STATES[event]
    return state === undefined ? undefined : { name, state }
  },
}

class Agent {
  readonly name: string
  isReady = false
  #child: ChildProcess
  #exited: Promise<unknown>
  /** What it shows of each other, and since when. */
  readonly views: Map<string, { readonly state: string; readonly at: number }> = new Map()

  constructor(name: string, kind: Kind, command: readonly string[], runtimeDir: string) {
    this.name = name
    const [program = '', ...args] = command
    this.#child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, HEARSAY_RUNTIME_DIR: runtimeDir },
    })
    this.#exited = once(this.#child, 'exit')
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream === null) continue
      createInterface({ input: stream }).on('line', (line) => {
        this.isReady ||= line.includes(kind.ready)
        const told = kind.parse(line)
        if (told !== undefined) this.views.set(told.name, { ...told, at: performance.now() })
      })
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async end(): Promise<void> {
    this.#child.kill('SIGCONT')
    this.#child.kill('SIGKILL')
    await this.#exited
  }

  async ended(): Promise<void> {
    await this.#exited
  }

  /** Processor time so far. */
  get cpuMs(): number {
    const fields = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ')
    return (Number(fields?.[11]) + Number(fields?.[12])) * TICK_MS
  }
}

/** Agents of one kind, all in one network namespace of their own, so that their bytes can be counted. */
export class Agents {
  readonly kind: Kind
  readonly count: number
  readonly #prefix: readonly string[]
  readonly #directory: string
  readonly #agents: Agent[] = []

  constructor(options: {
    readonly kind: Kind
    readonly count: number
    readonly namespace: string
    readonly directory: string
  }) {
    this.kind = options.kind
    this.count = options.count
    this.#prefix = ['ip', 'netns', 'exec', options.namespace]
    this.#directory = options.directory
  }

  async start(): Promise<void> {
    for (let i = 0; i < this.count; i++) {
      this.#start(i)
      // One after the other: starting is not what is measured.
      await this.#until(() => this.#agent(i).isReady)
      await this.#until(() => i === 0 || this.#show([this.#agent(0)], `n${i}`, 'alive'))
    }
    await this.settled()
  }

  /** Waits until all show all alive. */
  async settled(): Promise<void> {
    await this.#until(() =>
      this.#agents.every(({ name }) => this.#show(this.#others(name), name, 'alive')),
    )
  }

  /** Does something to one of them. @returns how long it took until all others knew it, in ms */
  async measure(index: number, signal: NodeJS.Signals, state: string): Promise<number> {
    const { name } = this.#agent(index)
    const others = this.#others(name)
    const beganAt = performance.now()
    this.#agent(index).signal(signal)
    await this.#until(() => this.#show(others, name, state))
    return Math.max(...others.map(({ views }) => views.get(name)?.at ?? 0)) - beganAt
  }

  resume(index: number): void {
    this.#agent(index).signal('SIGCONT')
  }

  async restart(index: number): Promise<void> {
    await this.#agent(index).ended()
    this.#start(index)
  }

  get cpuMs(): number {
    return this.#agents.reduce((sum, { cpuMs }) => sum + cpuMs, 0)
  }

  async end(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.end()))
  }

  #start(index: number): void {
    const { kind } = this
    const command = [...this.#prefix, ...kind.command(index, this.#directory)]
    const runtimeDir = join(this.#directory, 'run')
    this.#agents[index] = new Agent(`n${index}`, kind, command, runtimeDir)
  }

  #agent(index: number): Agent {
    const agent = this.#agents[index]
    if (agent === undefined) throw new RangeError(`There is no agent ${index}`)
    return agent
  }

  #others(name: string): readonly Agent[] {
    return this.#agents.filter((agent) => agent.name !== name)
  }

  #show(agents: readonly Agent[], name: string, state: string): boolean {
    return agents.every(({ views }) => views.get(name)?.state === state)
  }

  #doubts(): string {
    const shown = this.#agents.flatMap(({ name, views }) =>
      this.#agents
        .filter((other) => other.name !== name && views.get(other.name)?.state !== 'alive')
        .map((other) => `${name} shows ${other.name} ${views.get(other.name)?.state}`),
    )
    return shown.slice(0, 5).join(', ')
  }

  async #until(holds: () => boolean, withinMs = 60_000): Promise<void> {
    const deadline = performance.now() + withinMs
    while (!holds()) {
      if (performance.now() > deadline)
        throw new Error(`${this.kind.name} does not get there: ${this.#doubts()}`)
      // Serf's agents have no other way to tell than lines; a look costs nothing beside what is measured.
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
  }
}
