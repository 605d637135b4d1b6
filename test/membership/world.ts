import { hex } from '../../src/base/bytes.ts'
import type { Millis, StoreWrite } from '../../src/base/core.ts'
import { Heap } from '../../src/base/heap.ts'
import type { PeerId } from '../../src/base/ids.ts'
import { type Random, seededRandom } from '../../src/base/random.ts'
import {
  type LinkEnd,
  type Member,
  Membership,
  type MembershipInput,
  type MembershipOutput,
} from '../../src/membership/membership.ts'
import { TestSigner } from './signer.ts'

const START = Date.UTC(2026, 0, 1)
const DIAL_TIMEOUT_MS = 5_000

interface Task {
  readonly at: Millis
  readonly sequence: number
  readonly run: () => void
}

export interface WorldOptions {
  readonly seed?: number
  /** One way, uniform in this range. */
  readonly latencyMs?: readonly [number, number]
  /** Share of frames that vanish. */
  readonly loss?: number
  /** Share of frames that come twice. */
  readonly duplicates?: number
  /** Cut links end with `timeout` after this; never when absent. */
  readonly cutLinksCloseMs?: number
}

/** Two processes and a wire; two processes may have one id. */
interface TestLink {
  readonly ends: readonly [TestNode, TestNode]
}

function otherEnd(link: TestLink, node: TestNode): TestNode {
  return link.ends[0] === node ? link.ends[1] : link.ends[0]
}

/** One node of the world: a core, its store and its links. */
export class TestNode {
  readonly index: number
  readonly signer: TestSigner
  readonly address: string
  readonly store: Map<string, Uint8Array> = new Map()
  readonly links: Map<PeerId, TestLink> = new Map()
  readonly dialing: Set<PeerId> = new Set()
  readonly outputs: { at: Millis; output: MembershipOutput }[] = []
  core: Membership
  isUp = false
  /** Frames and ticks are not handled while paused; they pile up. */
  pausedUntil: Millis = 0
  /** Share of frames to this node that vanish. */
  inboundLoss = 0
  life = 0
  armed = 0
  framesOut = 0
  bytesOut = 0

  constructor(index: number, core: Membership, signer: TestSigner) {
    this.index = index
    this.core = core
    this.signer = signer
    this.address = `/ip4/10.0.0.${index + 1}/tcp/4001`
  }

  get id(): PeerId {
    return this.signer.peerId
  }

  stateOf(other: TestNode): Member['state'] | 'unknown' {
    return this.core.members().find(({ peerId }) => peerId === other.id)?.state ?? 'unknown'
  }

  get view(): string {
    return hex(this.core.viewHash())
  }

  drops(): Record<string, number> {
    const counts: Record<string, number> = {}
    for (const { output } of this.outputs) {
      if (output.type === 'dropped') counts[output.reason] = (counts[output.reason] ?? 0) + 1
    }
    return counts
  }

  /** States that this node saw a member enter, in order. */
  history(other: TestNode): string[] {
    const states: string[] = []
    for (const { output } of this.outputs) {
      if (output.type !== 'member' || output.change.member.peerId !== other.id) continue
      states.push(output.change.member.state)
    }
    return states
  }
}

/** Cores connected in virtual time: links are ordered unless loss or duplicates are on. */
export class World {
  now: Millis = START
  readonly nodes: TestNode[] = []
  readonly random: Random
  loss: number
  readonly #options: WorldOptions
  readonly #tasks = new Heap<Task>(
    (a, b) => a.at < b.at || (a.at === b.at && a.sequence < b.sequence),
  )
  #sequence = 0
  #sides: readonly (readonly TestNode[])[] = []

  constructor(options: WorldOptions = {}) {
    this.#options = options
    this.random = seededRandom(options.seed ?? 1)
    this.loss = options.loss ?? 0
  }

  /** Adds a node and starts it. */
  add(options: { readonly join?: readonly TestNode[]; readonly start?: boolean } = {}): TestNode {
    const index = this.nodes.length
    const signer = new TestSigner((this.#options.seed ?? 1) * 1_000 + index)
    const node = new TestNode(index, this.#core(signer, index), signer)
    this.nodes.push(node)
    if (options.start !== false) this.start(node, options.join ?? [])
    return node
  }

  /** A second process with the key of another, at its own address; not started. */
  clone(node: TestNode): TestNode {
    const index = this.nodes.length
    const clone = new TestNode(index, this.#core(node.signer, index + 500), node.signer)
    this.nodes.push(clone)
    return clone
  }

  /** A network of `count` nodes that all joined the first one, settled. */
  static settled(count: number, options: WorldOptions = {}, settleMs = 3_000): World {
    const world = new World(options)
    const first = world.add()
    for (let i = 1; i < count; i++) world.add({ join: [first] })
    world.run(settleMs)
    return world
  }

  start(node: TestNode, join: readonly TestNode[] = []): void {
    node.isUp = true
    node.life += 1
    for (const [key, value] of node.store) node.core.load({ key, value })
    node.core.start(this.now)
    this.#drain(node)
    this.feed(node, { type: 'addresses', addresses: [node.address] })
    if (join.length > 0) this.feed(node, { type: 'join', addresses: join.map((to) => to.address) })
  }

  /** kill -9: every link is reset, dials are refused. */
  kill(node: TestNode): void {
    node.isUp = false
    for (const peer of [...node.links.keys()]) this.#end(node, peer, 'reset')
  }

  /** Nothing of it is heard any more, nothing reaches it, links stay. */
  silence(node: TestNode): void {
    this.partition(
      [node],
      this.nodes.filter((other) => other !== node),
    )
  }

  restart(node: TestNode, join: readonly TestNode[] = []): void {
    if (node.isUp) this.kill(node)
    node.core = this.#core(node.signer, node.index + 1_000 * (node.life + 1))
    this.start(node, join)
  }

  partition(...sides: (readonly TestNode[])[]): void {
    this.#sides = sides
    const closeMs = this.#options.cutLinksCloseMs
    if (closeMs === undefined) return
    this.#after(closeMs, () => {
      for (const node of this.nodes) {
        for (const [peer, link] of [...node.links]) {
          if (this.#isCut(node, otherEnd(link, node))) this.#end(node, peer, 'timeout')
        }
      }
    })
  }

  heal(): void {
    this.#sides = []
  }

  feed(node: TestNode, input: MembershipInput): void {
    if (!node.isUp) return
    if (node.pausedUntil > this.now) {
      const { life } = node
      this.#at(node.pausedUntil, () => node.life === life && this.feed(node, input))
      return
    }
    node.core.handle(input, this.now)
    this.#drain(node)
  }

  run(ms: Millis): void {
    this.#runTo(this.now + ms)
  }

  /** Runs until the condition holds; returns the time it took, or throws after `limitMs`. */
  until(condition: () => boolean, limitMs: Millis, stepMs: Millis = 10): Millis {
    const begin = this.now
    while (!condition()) {
      if (this.now - begin >= limitMs) throw new Error(`not within ${limitMs} ms`)
      this.#runTo(this.now + stepMs)
    }
    return this.now - begin
  }

  get up(): TestNode[] {
    return this.nodes.filter(({ isUp }) => isUp)
  }

  /** All running nodes see all running nodes alive, and hold the same view. */
  isAgreed(): boolean {
    const { up } = this
    const view = up[0]?.view
    return up.every(
      (node) => node.view === view && up.every((other) => node.stateOf(other) === 'alive'),
    )
  }

  #core(signer: TestSigner, salt: number): Membership {
    return new Membership({
      signer,
      random: seededRandom([this.#options.seed ?? 1, salt]),
      network: 'test',
      name: `node-${salt % 1_000}`,
      protocol: { min: 1, max: 1 },
      dialLoopback: false,
    })
  }

  #runTo(end: Millis): void {
    for (let task = this.#tasks.peek(); task !== undefined && task.at <= end; ) {
      this.#tasks.pop()
      this.now = Math.max(this.now, task.at)
      task.run()
      task = this.#tasks.peek()
    }
    this.now = end
  }

  #at(at: Millis, run: () => void): void {
    this.#sequence += 1
    this.#tasks.push({ at, sequence: this.#sequence, run })
  }

  #after(ms: Millis, run: () => void): void {
    this.#at(this.now + ms, run)
  }

  #latency(): Millis {
    const [min, max] = this.#options.latencyMs ?? [1, 5]
    return min + (max - min) * this.random.next()
  }

  #drain(node: TestNode): void {
    for (let output = node.core.poll(); output !== undefined; output = node.core.poll()) {
      if (output.type !== 'send') node.outputs.push({ at: this.now, output })
      this.#perform(node, output)
    }
    const deadline = node.core.nextDeadline()
    node.armed += 1
    const { armed, life } = node
    if (deadline === undefined) return
    this.#at(Math.max(this.now, deadline), () => {
      if (node.armed === armed && node.life === life) this.feed(node, { type: 'tick' })
    })
  }

  #perform(node: TestNode, output: MembershipOutput): void {
    if (output.type === 'send') this.#send(node, output.peer, output.bytes)
    else if (output.type === 'persist') this.#store(node, output.writes)
    else if (output.type === 'link-wanted') this.#dial(node, output.peer, output.addresses)
    else if (output.type === 'join-wanted') this.#join(node, output.address)
    else if (output.type === 'gave-way') this.#after(0, () => this.kill(node))
  }

  #store(node: TestNode, writes: readonly StoreWrite[]): void {
    for (const { key, value } of writes) {
      if (value === undefined) node.store.delete(key)
      else node.store.set(key, value)
    }
  }

  #send(node: TestNode, peer: PeerId, bytes: Uint8Array): void {
    const link = node.links.get(peer)
    node.framesOut += 1
    node.bytesOut += bytes.length
    if (link === undefined) return
    const other = otherEnd(link, node)
    const times = this.random.next() < (this.#options.duplicates ?? 0) ? 2 : 1
    for (let i = 0; i < times; i++) {
      if (this.random.next() < this.loss || this.random.next() < other.inboundLoss) continue
      this.#after(this.#latency(), () => {
        if (other.links.get(node.id) !== link || this.#isCut(node, other)) return
        this.feed(other, { type: 'frame', peer: node.id, bytes })
      })
    }
  }

  #dial(node: TestNode, peer: PeerId, addresses: readonly string[]): void {
    if (node.links.has(peer) || node.dialing.has(peer)) return
    node.dialing.add(peer)
    const target = this.nodes.find(({ address }) => addresses.includes(address))
    const { life } = node
    const fail = (end: LinkEnd): void => {
      if (node.life !== life) return
      node.dialing.delete(peer)
      this.feed(node, { type: 'dial-failed', peer, end })
    }
    this.#connect(node, target, { life, fail, isExpected: (other) => other.id === peer })
  }

  #join(node: TestNode, address: string): void {
    const target = this.nodes.find((other) => other.address === address)
    const { life } = node
    const fail = (): void => this.feed(node, { type: 'join-failed', address })
    this.#connect(node, target, { life, fail, isExpected: () => true, via: address })
  }

  #connect(
    node: TestNode,
    target: TestNode | undefined,
    options: {
      readonly life: number
      readonly fail: (end: LinkEnd) => void
      readonly isExpected: (other: TestNode) => boolean
      readonly via?: string
    },
  ): void {
    const { life, fail, isExpected, via } = options
    if (target === undefined || this.#isCut(node, target)) {
      this.#after(DIAL_TIMEOUT_MS, () => fail('timeout'))
      return
    }
    this.#after(2 * this.#latency(), () => {
      if (node.life !== life || !node.isUp) return
      if (!target.isUp) return fail('refused')
      if (this.#isCut(node, target)) return fail('timeout')
      if (!isExpected(target) || target === node) return fail('rejected')
      node.dialing.delete(target.id)
      const isNew = !node.links.has(target.id)
      if (isNew) {
        const link: TestLink = { ends: [node, target] }
        this.#displace(target, node)
        node.links.set(target.id, link)
        target.links.set(node.id, link)
      }
      if (isNew || via !== undefined) {
        this.feed(node, {
          type: 'link-up',
          peer: target.id,
          remoteAddress: target.address,
          direction: 'outbound',
          ...(via === undefined ? {} : { via }),
        })
      }
      if (!isNew) return
      this.feed(target, {
        type: 'link-up',
        peer: node.id,
        remoteAddress: '/ip4/10.9.9.9/tcp/50000',
        direction: 'inbound',
      })
    })
  }

  /** One link per id: a second process with the key of the first takes its place. */
  #displace(node: TestNode, by: TestNode): void {
    const link = node.links.get(by.id)
    if (link === undefined) return
    const displaced = otherEnd(link, node)
    displaced.links.delete(node.id)
    this.#after(this.#latency(), () => {
      if (displaced.links.has(node.id)) return
      this.feed(displaced, { type: 'link-down', peer: node.id, end: 'closed' })
    })
  }

  /** Both ends learn of it, unless they are down. */
  #end(node: TestNode, peer: PeerId, end: LinkEnd): void {
    const link = node.links.get(peer)
    if (link === undefined) return
    const other = otherEnd(link, node)
    node.links.delete(peer)
    if (other.links.get(node.id) === link) other.links.delete(node.id)
    this.feed(node, { type: 'link-down', peer, end })
    this.#after(this.#latency(), () => {
      if (!other.links.has(node.id)) this.feed(other, { type: 'link-down', peer: node.id, end })
    })
  }

  #isCut(a: TestNode, b: TestNode): boolean {
    const sideOf = (node: TestNode): number => this.#sides.findIndex((side) => side.includes(node))
    return this.#sides.length > 0 && sideOf(a) !== sideOf(b)
  }
}
