import { execFile, type PromiseWithChild } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)
const PREFIX = `hearsay-${process.pid.toString(36)}`
/** Two base chains: what goes from one to another of a pair in the set, and a share of everything, vanishes. */
const FAULTS = `table bridge faults {
  set cut { type ipv4_addr . ipv4_addr; }
  chain cuts { type filter hook forward priority 0; ip saddr . ip daddr @cut drop; }
  chain loss { type filter hook forward priority 1; }
}`
let networks = 0

/** A machine of a {@link Namespaces} network: a network stack of its own with one address. */
export interface Machine {
  readonly address: string
  /** Runs what follows on this machine. */
  readonly prefix: readonly string[]
}

/**
 * Machines on one switch, made of network namespaces, veth pairs and a bridge, all inside namespaces whose
 * names nobody else has: removing those removes everything. Faults are rules of nftables in the switch: each
 * begins and ends in one transaction for all. A rule on every machine would come and go over many seconds
 * while these are busy with the fault, and be another one: paths that are open one way only.
 */
export class Namespaces {
  readonly machines: readonly Machine[]
  readonly #hub: string
  readonly #names: readonly string[]
  /** Started before it is needed: where everybody is busy with a fault a start may take seconds. */
  #ruler: PromiseWithChild<unknown> | undefined

  private constructor(id: number, size: number) {
    this.#hub = `${PREFIX}-${id}-hub`
    this.#names = Array.from({ length: size }, (_, i) => `${PREFIX}-${id}-${i}`)
    this.machines = this.#names.map((name, i) => ({
      address: `10.77.${id}.${i + 1}`,
      prefix: ['ip', 'netns', 'exec', name],
    }))
  }

  static async create(size: number): Promise<Namespaces> {
    networks += 1
    const network = new Namespaces(networks, size)
    try {
      await network.#build()
    } catch (error) {
      await network[Symbol.asyncDispose]()
      throw error
    }
    return network
  }

  /** What is missing for it here; undefined when nothing is. */
  static async missing(): Promise<string | undefined> {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'not root on Linux'
    try {
      const network = await Namespaces.create(1)
      await network.lose(network.machines, 20)
      await network[Symbol.asyncDispose]()
    } catch (error) {
      return String(error).split('\n')[0]
    }
    return undefined
  }

  /** Machines hear nothing any more of these. */
  async deafen(machines: readonly Machine[], to: readonly Machine[]): Promise<void> {
    await this.#rule(cutting(to, machines))
  }

  /** Neither side hears the other any more. */
  async part(side: readonly Machine[], other: readonly Machine[]): Promise<void> {
    await this.#rule(`${cutting(side, other)}\n${cutting(other, side)}`)
  }

  /** A share of what is sent to these machines vanishes. */
  async lose(machines: readonly Machine[], percent: number): Promise<void> {
    const to = machines.map(({ address }) => address).join(', ')
    await this.#rule(
      `add rule bridge faults loss ip daddr { ${to} } numgen random mod 100 < ${percent} drop`,
    )
  }

  /** All faults are over. */
  async mend(): Promise<void> {
    await this.#rule('flush set bridge faults cut\nflush chain bridge faults loss')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ruler?.child.stdin?.end()
    await this.#ruler?.catch(() => {})
    this.#ruler = undefined
    const names = [...this.#names, this.#hub]
    await Promise.allSettled(names.map((name) => run('ip', ['netns', 'del', name])))
  }

  async #build(): Promise<void> {
    const hub = ['-n', this.#hub, 'link']
    await run('ip', ['netns', 'add', this.#hub])
    await run('ip', [...hub, 'add', 'switch', 'type', 'bridge'])
    await run('ip', [...hub, 'set', 'switch', 'up'])
    await this.#rule(FAULTS)
    for (const [i, name] of this.#names.entries()) {
      const port = `port${i}`
      await run('ip', ['netns', 'add', name])
      const peer = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', name]
      await run('ip', [...hub, 'add', port, ...peer])
      await run('ip', [...hub, 'set', port, 'master', 'switch', 'up'])
      const address = `${this.machines[i]?.address}/24`
      await run('ip', ['-n', name, 'address', 'add', address, 'dev', 'eth0'])
      await run('ip', ['-n', name, 'link', 'set', 'lo', 'up'])
      await run('ip', ['-n', name, 'link', 'set', 'eth0', 'up'])
    }
  }

  /** One transaction of nftables. */
  async #rule(commands: string): Promise<void> {
    const ruler = this.#ruler ?? this.#startRuler()
    this.#ruler = this.#startRuler()
    ruler.child.stdin?.end(commands)
    await ruler
  }

  #startRuler(): PromiseWithChild<unknown> {
    const ruler = run('ip', ['netns', 'exec', this.#hub, 'nft', '-f', '-'])
    // Whoever needs it hears of a failure; nobody may.
    ruler.catch(() => {})
    return ruler
  }
}

function cutting(from: readonly Machine[], to: readonly Machine[]): string {
  const pairs = from.flatMap((a) => to.map((b) => `${a.address} . ${b.address}`))
  return `add element bridge faults cut { ${pairs.join(', ')} }`
}
