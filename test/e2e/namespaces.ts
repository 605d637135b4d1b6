import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)
const PREFIX = `hearsay-${process.pid.toString(36)}`
/** Two base chains: what comes from hosts in the set, and a share of everything, vanishes before it is read. */
const FAULTS = `table inet faults {
  set cut { type ipv4_addr; }
  chain input { type filter hook input priority 0; ip saddr @cut drop; }
  chain loss { type filter hook input priority 1; }
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
 * names nobody else has: removing those removes everything. Faults are rules of nftables in a machine.
 */
export class Namespaces {
  readonly machines: readonly Machine[]
  readonly #hub: string
  readonly #names: readonly string[]

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
    const addresses = to.map(({ address }) => address).join(', ')
    await this.#all(machines, ['add', 'element', 'inet', 'faults', 'cut', `{ ${addresses} }`])
  }

  async lose(machines: readonly Machine[], percent: number): Promise<void> {
    const rule = ['iifname', 'eth0', 'numgen', 'random', 'mod', '100', '<', `${percent}`, 'drop']
    await this.#all(machines, ['add', 'rule', 'inet', 'faults', 'loss', ...rule])
  }

  async mend(): Promise<void> {
    await this.#all(this.machines, ['flush', 'set', 'inet', 'faults', 'cut'])
    await this.#all(this.machines, ['flush', 'chain', 'inet', 'faults', 'loss'])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const names = [...this.#names, this.#hub]
    await Promise.allSettled(names.map((name) => run('ip', ['netns', 'del', name])))
  }

  async #build(): Promise<void> {
    const hub = ['-n', this.#hub, 'link']
    await run('ip', ['netns', 'add', this.#hub])
    await run('ip', [...hub, 'add', 'switch', 'type', 'bridge'])
    await run('ip', [...hub, 'set', 'switch', 'up'])
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
      await run('ip', ['netns', 'exec', name, 'nft', FAULTS])
    }
  }

  async #all(machines: readonly Machine[], command: readonly string[]): Promise<void> {
    await Promise.all(
      machines.map(({ prefix: [program = '', ...rest] }) =>
        run(program, [...rest, 'nft', ...command]),
      ),
    )
  }
}
