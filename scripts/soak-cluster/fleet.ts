import { join } from 'node:path'
import { type MemberEvent, memberEvents } from '../../test/e2e/member-events.ts'
import type { Machine, Namespaces } from '../../test/e2e/namespaces.ts'
import { PeerProcess } from '../../test/e2e/peer-process.ts'

const PORT = 4001
/** More at once would only wait for each other. */
const STARTS_AT_ONCE = 3
const LIVE: ReadonlySet<string | undefined> = new Set(['alive', 'degraded'])
/** Processes tell of most things only when asked: they are asked so often. */
const LOOK_MS = 20

/** A machine, the process on it, and what that process shows of others. */
export class FleetNode {
  readonly name: string
  readonly machine: Machine
  readonly #args: readonly string[]
  readonly #directory: string
  #peer: PeerProcess | undefined
  #read = 0
  readonly #states = new Map<string, string>()

  constructor(options: {
    readonly name: string
    readonly machine: Machine
    readonly directory: string
    readonly seed: string
  }) {
    const { name, machine, directory, seed } = options
    this.name = name
    this.machine = machine
    this.#directory = directory
    const own = `/ip4/${machine.address}/tcp/${PORT}`
    const joining = own === seed ? [] : ['--join', seed]
    this.#args = ['--name', name, '--profile', 'lan', '--open', '--listen', own, ...joining]
  }

  get isRunning(): boolean {
    return this.#peer !== undefined
  }

  get pid(): number | undefined {
    return this.#peer?.pid
  }

  async start(): Promise<void> {
    const runtimeDir = join(this.#directory, `run-${this.name}`)
    const args = [...this.#args, '--data-dir', join(this.#directory, this.name)]
    const peer = new PeerProcess({ runtimeDir, args, prefix: this.machine.prefix })
    this.#peer = peer
    this.#read = 0
    this.#states.clear()
    await peer.listen()
  }

  signal(signal: NodeJS.Signals): void {
    this.#peer?.signal(signal)
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const peer = this.#peer
    this.#peer = undefined
    await peer?.end(signal)
  }

  /** What it told since the last time. */
  takeEvents(): readonly MemberEvent[] {
    const lines = this.#peer?.lines ?? []
    const events = memberEvents(lines.slice(this.#read))
    this.#read = lines.length
    for (const { name, state } of events) this.#states.set(name, state)
    return events
  }

  state(of: FleetNode): string | undefined {
    return this.#states.get(of.name)
  }
}

/** Many real nodes, each on a machine of its own. */
export class Fleet {
  readonly network: Namespaces
  readonly nodes: readonly FleetNode[]
  readonly #heard: (observer: FleetNode, event: MemberEvent) => void

  constructor(
    network: Namespaces,
    directory: string,
    heard: (observer: FleetNode, event: MemberEvent) => void,
  ) {
    this.network = network
    this.#heard = heard
    const seed = `/ip4/${network.machines[0]?.address}/tcp/${PORT}`
    this.nodes = network.machines.map(
      (machine, i) => new FleetNode({ name: `n${i}`, machine, directory, seed }),
    )
  }

  async start(nodes: readonly FleetNode[] = this.nodes): Promise<void> {
    const waiting = nodes.values()
    const lead = async (): Promise<void> => {
      for (const node of waiting) await node.start()
    }
    await Promise.all(Array.from({ length: STARTS_AT_ONCE }, lead))
  }

  async end(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.end('SIGKILL')))
  }

  /** Takes in what all have told. */
  listen(): void {
    for (const node of this.nodes) {
      for (const event of node.takeEvents()) this.#heard(node, event)
    }
  }

  /** Listens for so long. */
  async pass(ms: number): Promise<void> {
    await this.until(() => false, ms)
  }

  /** @returns how long it took until it held, undefined when longer than `withinMs` */
  async until(holds: () => boolean, withinMs: number): Promise<number | undefined> {
    const beganAt = performance.now()
    for (;;) {
      this.listen()
      const tookMs = performance.now() - beganAt
      if (holds()) return tookMs
      if (tookMs >= withinMs) return undefined
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
  }

  /** Views in which somebody who runs is not alive: none when all agree. */
  disagreements(): readonly string[] {
    const running = this.nodes.filter(({ isRunning }) => isRunning)
    return running.flatMap((observer) =>
      running
        .filter((subject) => subject !== observer && !LIVE.has(observer.state(subject)))
        .map((subject) => `${observer.name} shows ${subject.name} ${observer.state(subject)}`),
    )
  }

  /** Whether all that run and are not among the subjects show these as failed. */
  areKnownDead(subjects: readonly FleetNode[]): boolean {
    return this.nodes.every(
      (observer) =>
        !observer.isRunning ||
        subjects.includes(observer) ||
        subjects.every((subject) => observer.state(subject) === 'failed'),
    )
  }
}
