import { assert, present } from '../base/assert.ts'
import type { Millis, StoreRow, StoreWrite } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import type { Random } from '../base/random.ts'
import type { Signer } from '../base/signer.ts'
import type { EngineEvent } from '../engine/engine-types.ts'
import type { Ports } from '../engine/ports.ts'
import { simulatedAddress } from './address-book.ts'
import { Disk } from './disk.ts'
import { SignerBook } from './fake-signer.ts'
import type { Host } from './host.ts'
import { Network } from './network.ts'
import { NodeClock } from './node-clock.ts'
import { Process } from './process.ts'
import type { Subject, SubjectFactory } from './subject.ts'
import type { World } from './world.ts'

const FIRST_PORT = 4001
/** A commit with fsync on a good disk. */
const DISK_LATENCY_MS: Millis = 2

/** A machine with a disk and an identity; the process on it comes and goes. */
export interface SimulatedNode {
  readonly index: number
  readonly name: string
  readonly peer: PeerId
  readonly signer: Signer
  readonly host: Host
  readonly disk: Disk
  readonly clock: NodeClock
  /** The running program, when there is one. */
  subject: Subject | undefined
  process: Process | undefined
  /** How often a process was started here. */
  starts: number
  /** Virtual time of the last start and the last end of a process. */
  startedAt: Millis
  endedAt: Millis
}

/** What checks and reports hear of a cluster while it runs. */
export interface ClusterObserver {
  started?(node: SimulatedNode): void
  /** The process is gone, its disk has settled. */
  ended?(node: SimulatedNode): void
  durable?(node: SimulatedNode, writes: readonly StoreWrite[]): void
  event?(node: SimulatedNode, event: EngineEvent): void
  /** A node threw: always a bug. */
  threw?(node: SimulatedNode, failure: unknown): void
}

export interface ClusterOptions {
  readonly world: World
  readonly nodes: number
  readonly subject: SubjectFactory
  /** Changes the ports of a node on their way to the program, to plant faults below it. */
  readonly wrap?: (ports: Ports, node: SimulatedNode, world: World) => Ports
  /** Whose key a node has: two with one key are clones. @default its own */
  readonly keyOf?: (index: number) => number
  readonly network?: string
  readonly replication?: number
  readonly diskLatencyMs?: Millis
  readonly clockSkewMsMax?: Millis
  readonly clockDriftMax?: number
}

/** Nodes, their network and their disks in one world. */
export class Cluster {
  readonly world: World
  readonly network: Network
  readonly nodes: readonly SimulatedNode[]
  readonly #options: ClusterOptions
  readonly #random: Random
  readonly #observers: ClusterObserver[] = []
  readonly #byPeer: Map<PeerId, SimulatedNode> = new Map()

  constructor(options: ClusterOptions) {
    this.#options = options
    this.world = options.world
    this.network = new Network(options.world)
    this.#random = options.world.random('cluster')
    const book = new SignerBook()
    this.nodes = Array.from({ length: options.nodes }, (_, index) => this.#create(index, book))
  }

  observe(observer: ClusterObserver): void {
    this.#observers.push(observer)
  }

  node(index: number): SimulatedNode {
    return present(this.nodes[index], `node ${index}`)
  }

  nodeOf(peer: PeerId): SimulatedNode | undefined {
    return this.#byPeer.get(peer)
  }

  get running(): readonly SimulatedNode[] {
    return this.nodes.filter((node) => node.subject !== undefined)
  }

  /** Starts a process from what the disk holds. @param seeds join addresses */
  start(node: SimulatedNode, seeds: readonly string[] = []): void {
    assert(node.subject === undefined, `node ${node.index} runs`)
    const { world } = this
    node.starts += 1
    node.startedAt = world.now
    const process = new Process(
      world,
      world.random('process', node.index, node.starts),
      (failure) => {
        for (const observer of this.#observers) observer.threw?.(node, failure)
      },
    )
    node.process = process
    const plain: Ports = {
      clock: node.clock.port(process),
      links: this.network.boot(node.host, process),
      disk: node.disk.port(process),
      random: world.random('node', node.index, node.starts),
      signer: node.signer,
    }
    const ports = this.#options.wrap?.(plain, node, this.world) ?? plain
    process.post('input', () => {
      const subject = this.#options.subject({
        ports,
        network: node.host.network,
        name: node.name,
        replication: this.#options.replication ?? 5,
        observe: (event) => {
          for (const observer of this.#observers) observer.event?.(node, event)
        },
      })
      for (const row of node.disk.rows()) subject.load(row)
      node.subject = subject
      subject.start()
      if (seeds.length > 0) subject.join(seeds)
    })
    world.trace.text('start').number(world.now).number(node.index)
    if (node.subject === undefined) {
      // It threw while it started, and the observers know.
      process.kill()
      node.process = undefined
      this.network.halt(node.host, 'refusing')
      return
    }
    for (const observer of this.#observers) observer.started?.(node)
  }

  /** Starts every node that is down, each with the address of the first as its seed. */
  startAll(): void {
    for (const node of this.nodes) {
      if (node.subject === undefined) this.start(node, this.seedsOf(node))
    }
  }

  seedsOf(node: SimulatedNode): readonly string[] {
    return node.index === 0 ? [] : [this.node(0).host.address]
  }

  /** As kill -9 does: the kernel closes sockets, the disk keeps a prefix of what was under way. */
  crash(node: SimulatedNode): void {
    this.#end(node, 'refusing')
  }

  /** As a power cut does: nobody hears anything, not even a refusal, until {@link revive}. */
  powerOff(node: SimulatedNode): void {
    this.#end(node, 'silent')
  }

  /** Gives a node that is down an empty disk, or an older one. */
  replaceDisk(node: SimulatedNode, rows: readonly StoreRow[]): void {
    assert(node.subject === undefined, `node ${node.index} runs`)
    node.disk.replace(rows)
  }

  /** Starts a crashed or powered-off node again, from its own disk. */
  restart(node: SimulatedNode, seeds: readonly string[] = this.seedsOf(node)): void {
    this.network.revive(node.host)
    this.start(node, seeds)
  }

  /** Takes back every fault that can be taken back, and starts what is down. */
  heal(): void {
    this.network.heal()
    for (const node of this.nodes) {
      this.network.setInboundLoss(node.host, 0)
      node.disk.slow(0, 0)
      node.process?.resume()
      if (node.subject === undefined) this.restart(node)
    }
  }

  #create(index: number, book: SignerBook): SimulatedNode {
    const { world } = this
    const skewMax = this.#options.clockSkewMsMax ?? 0
    const driftMax = this.#options.clockDriftMax ?? 0
    const spread = (): number => 2 * this.#random.next() - 1
    const signer = book.create(world.random('key', this.#options.keyOf?.(index) ?? index))
    const host = this.network.addHost({
      peer: signer.peerId,
      address: simulatedAddress(FIRST_PORT + index),
      network: this.#options.network ?? 'sim',
    })
    const node: SimulatedNode = {
      index,
      name: `n${index}`,
      peer: signer.peerId,
      signer,
      host,
      disk: new Disk(world, {
        random: world.random('disk', index),
        latencyMs: this.#options.diskLatencyMs ?? DISK_LATENCY_MS,
        durable: (writes) => {
          for (const observer of this.#observers) observer.durable?.(node, writes)
        },
      }),
      clock: new NodeClock(world, {
        skewMs: Math.round(skewMax * spread()),
        drift: driftMax * spread(),
      }),
      subject: undefined,
      process: undefined,
      starts: 0,
      startedAt: 0,
      endedAt: 0,
    }
    if (!this.#byPeer.has(node.peer)) this.#byPeer.set(node.peer, node)
    return node
  }

  #end(node: SimulatedNode, state: 'refusing' | 'silent'): void {
    assert(node.subject !== undefined, `node ${node.index} is down`)
    const { subject } = node
    node.process?.kill()
    node.process = undefined
    node.subject = undefined
    node.endedAt = this.world.now
    this.network.halt(node.host, state)
    node.disk.crash()
    subject.halt()
    this.world.trace.text(state).number(this.world.now).number(node.index)
    for (const observer of this.#observers) observer.ended?.(node)
  }
}
