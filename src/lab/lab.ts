import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createNodeStarter,
  HearsayError,
  type HearsayNode,
  type Traffic,
  type Waiting,
} from '../index.ts'
import { labNames } from './lab-names.ts'
import { LabNode, type MutableTraffic } from './lab-node.ts'
import type { Lab, LabEvent, LabInfo, LabNodeInfo, LabOptions } from './lab-types.ts'
import { Partition } from './partition.ts'
import { Serial } from './serial.ts'
import { Watch } from './watch.ts'

/** Members whose addresses a joining node is told; one would do, two survive the death of one. */
const SEEDS = 2
/**
 * So many nodes join the same two. A listener of Node.js accepts one connection a turn of the event
 * loop, which all nodes of a lab share: fifty that ask one seed would wait for each other in vain.
 */
const JOINERS = 4

/**
 * Starts nodes in parallel and connects them: each joins two that come before it, in any order of readiness.
 * Resolves when all have started; `ready()` waits until they know each other.
 *
 * @example
 * await using lab = await createLab({ nodes: 5 })
 * await lab.ready({ signal: AbortSignal.timeout(10_000) })
 * await lab.partition([['a', 'b'], ['c', 'd', 'e']])
 *
 * @throws {RangeError | HearsayError} whatever a node cannot start with; nothing is left running
 */
export async function createLab(options: LabOptions): Promise<Lab> {
  const startedAt = performance.now()
  const names = labNames(options.nodes, options.names)
  const temporary =
    options.dataDir === undefined ? await mkdtemp(join(tmpdir(), 'hearsay-lab-')) : undefined
  const dataDir = options.dataDir ?? temporary ?? ''
  const lab = new Cluster({ ...options, names, dataDir, temporary, startedAt })
  try {
    await lab.start()
    return lab
  } catch (error) {
    await lab.stop()
    throw error
  }
}

interface ClusterOptions extends LabOptions {
  readonly names: readonly string[]
  readonly dataDir: string
  /** Removed at the end. */
  readonly temporary: string | undefined
  readonly startedAt: number
}

class Cluster implements Lab {
  readonly names: readonly string[]
  readonly startedAt: number
  readonly #temporary: string | undefined
  readonly #nodes: ReadonlyMap<string, LabNode>
  readonly #listeners = new Set<(event: LabEvent) => void>()
  readonly #watch = new Watch()
  /** Faults happen one after the other, as they were asked for. */
  readonly #serial = new Serial()
  #partition: Partition
  #loss = 0
  #latencyMs = 0
  #stopping: Promise<void> | undefined

  constructor(options: ClusterOptions) {
    this.names = options.names
    this.startedAt = options.startedAt
    this.#temporary = options.temporary
    this.#partition = new Partition(options.names, [])
    const create = options.createNode ?? createNodeStarter()
    this.#nodes = new Map(
      options.names.map((name) => {
        const own = { ...options.node, name, dataDir: join(options.dataDir, name), chaos: true }
        const start = (): Promise<HearsayNode> => create(own)
        return [name, new LabNode({ name, start, onEvent: () => this.#watch.wake() })]
      }),
    )
  }

  get nodes(): readonly HearsayNode[] {
    return this.#running().map((one) => one.running())
  }

  node(name: string): HearsayNode {
    return this.#find(name).running()
  }

  running(name: string): HearsayNode | undefined {
    return this.#nodes.get(name)?.node
  }

  async start(): Promise<void> {
    const all = [...this.#nodes.values()]
    const outcomes = await Promise.allSettled(all.map((one) => one.start()))
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    for (const one of all) {
      this.#join(one)
      this.#emit({ at: Date.now(), type: 'started', name: one.name })
    }
  }

  partition(sides: readonly (readonly string[])[]): Promise<void> {
    return this.#serial.run(() => {
      this.#partition = new Partition(this.names, sides)
      for (const one of this.#running()) this.#block(one)
      this.#emit({ at: Date.now(), type: 'partitioned', sides: this.#partition.sides })
    })
  }

  heal(): Promise<void> {
    return this.#serial.run(() => {
      this.#partition = new Partition(this.names, [])
      this.#loss = 0
      this.#latencyMs = 0
      for (const one of this.#running()) one.heal()
      this.#emit({ at: Date.now(), type: 'healed' })
    })
  }

  loss(share: number): Promise<void> {
    return this.#serial.run(() => {
      for (const one of this.#running()) one.running().chaos?.loss(share)
      this.#loss = share
      this.#emit({ at: Date.now(), type: 'loss', share })
    })
  }

  latency(ms: number): Promise<void> {
    return this.#serial.run(() => {
      for (const one of this.#running()) one.running().chaos?.latency(ms)
      this.#latencyMs = ms
      this.#emit({ at: Date.now(), type: 'latency', ms })
    })
  }

  kill(name: string): Promise<void> {
    return this.#serial.run(() => this.#kill(this.#find(name)))
  }

  restart(name: string): Promise<void> {
    return this.#serial.run(async () => {
      if (this.#stopping !== undefined)
        throw new HearsayError('ERR_STOPPED', 'Cannot restart: the lab has stopped')
      const one = this.#find(name)
      await this.#kill(one)
      await one.start()
      this.#block(one)
      one.running().chaos?.loss(this.#loss)
      one.running().chaos?.latency(this.#latencyMs)
      this.#join(one)
      this.#emit({ at: Date.now(), type: 'restarted', name })
    })
  }

  pause(name: string): Promise<void> {
    return this.#serial.run(() => {
      this.#find(name).setPaused(true)
      this.#emit({ at: Date.now(), type: 'paused', name })
    })
  }

  resume(name: string): Promise<void> {
    return this.#serial.run(() => {
      this.#find(name).setPaused(false)
      this.#emit({ at: Date.now(), type: 'resumed', name })
    })
  }

  ready(options: Waiting = {}): Promise<void> {
    return this.until(() => this.#isWhole(), options)
  }

  until(condition: () => boolean, options: Waiting = {}): Promise<void> {
    return this.#watch.until(condition, options)
  }

  digests(group?: string): ReadonlyMap<string, string> {
    return new Map(this.#running().map((one) => [one.name, one.running().digest(group)]))
  }

  traffic(): Traffic {
    const total: MutableTraffic = { sent: {}, received: {} }
    for (const one of this.#nodes.values()) one.addTrafficTo(total)
    return total
  }

  info(): LabInfo {
    return {
      nodes: [...this.#nodes.values()].flatMap((one) => this.#infoOf(one) ?? []),
      sides: this.#partition.sides,
      loss: this.#loss,
      latencyMs: this.#latencyMs,
      digests: new Set(this.digests().values()).size,
    }
  }

  subscribe(listener: (event: LabEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#serial.run(async () => {
      await Promise.allSettled([...this.#nodes.values()].map((one) => one.stop()))
      if (this.#temporary !== undefined) {
        await rm(this.#temporary, { recursive: true, force: true })
      }
      this.#emit({ at: Date.now(), type: 'stopped' })
    })
    return this.#stopping
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #find(name: string): LabNode {
    const found = this.#nodes.get(name)
    if (found !== undefined) return found
    const hint = `There are ${this.names.join(', ')}`
    throw new HearsayError('ERR_NOT_FOUND', `Cannot find a node: ${name.slice(0, 200)}`, { hint })
  }

  #running(): readonly LabNode[] {
    return [...this.#nodes.values()].filter((one) => one.node !== undefined)
  }

  async #kill(one: LabNode): Promise<void> {
    if (one.node === undefined) return
    await one.kill()
    this.#emit({ at: Date.now(), type: 'killed', name: one.name })
  }

  /** Cuts a node off from everybody on other sides, dead ones included: they may come back. */
  #block(one: LabNode): void {
    const others = [...this.#nodes.values()].filter((other) => {
      return this.#partition.isCut(one.name, other.name)
    })
    one.running().chaos?.block(others.flatMap((other) => other.peerId ?? []))
  }

  /** Those on its own side first: the others do not answer now. */
  #join(one: LabNode): void {
    const others = this.#running().filter((other) => other !== one)
    const near = others.filter((other) => !this.#partition.isCut(one.name, other.name))
    const from = Math.floor(this.#running().indexOf(one) / JOINERS)
    const seeds = [
      ...near.slice(from, from + SEEDS),
      ...others.filter((other) => !near.includes(other)).slice(0, SEEDS),
    ]
    const addresses = seeds.flatMap((seed) => seed.running().status().listen)
    if (addresses.length > 0) one.running().join(addresses)
  }

  #isWhole(): boolean {
    const { nodes } = this
    const names = new Set(nodes.map((node) => node.name))
    const seesAll = (node: HearsayNode): boolean => {
      const alive = node.members.list().filter((member) => member.state === 'alive')
      return alive.length === names.size && alive.every((member) => names.has(member.name))
    }
    // Asked many times while nodes start: the costly comparison of all views comes last.
    return nodes.every(seesAll) && new Set(nodes.map((node) => node.members.viewHash)).size <= 1
  }

  #infoOf(one: LabNode): LabNodeInfo | undefined {
    const { name, peerId, state, node } = one
    if (peerId === undefined) return undefined
    const side = this.#partition.sideOf(name)
    const members =
      node?.members.list().map((member) => ({ name: member.name, state: member.state })) ?? []
    const links = node?.members.links() ?? []
    return {
      ...{ name, peerId, state, members },
      ...(side === undefined ? {} : { side }),
      digest: node?.digest() ?? '',
      viewHash: node?.members.viewHash ?? '',
      alive: members.filter((member) => member.state === 'alive').length,
      links,
      heard: node === undefined ? [] : links.map((peer) => node.members.heard(peer)),
    }
  }

  #emit(event: LabEvent): void {
    this.#watch.wake()
    for (const listener of this.#listeners) listener(event)
  }
}
