import { present } from '../../src/base/assert.ts'
import type { Millis } from '../../src/base/core.ts'
import { Heap } from '../../src/base/heap.ts'
import type { PeerId } from '../../src/base/ids.ts'
import { type Random, seededRandom } from '../../src/base/random.ts'
import type { Signer } from '../../src/base/signer.ts'
import { decodeFrame, unpack } from '../../src/kv/frame.ts'
import { Kv, type KvInput, type KvLevel, type KvOutput } from '../../src/kv/kv.ts'
import type { KvCondition, KvTarget } from '../../src/kv/kv-contract.ts'
import type { KvTunables } from '../../src/kv/options.ts'
import { SignerBook } from '../../src/sim/fake-signer.ts'
import { ed25519Signer } from '../records/ed25519-signer.ts'

const FRAME_HEADER_BYTES = 4
export const START: Millis = Date.UTC(2026, 0, 1)

type Answer = Extract<
  KvOutput,
  { readonly type: 'put-done' | 'get-done' | 'offer-done' | 'refused' }
>

export interface Sent {
  readonly from: number
  readonly to: number
  readonly type: string
  readonly at: Millis
}

export interface ClusterOptions {
  readonly replication?: number
  readonly seed?: number
  /** One way. */
  readonly latencyMs?: Millis
  readonly diskMs?: Millis
  /** Share of frames lost, and of frames delivered twice. */
  readonly loss?: number
  readonly duplicates?: number
  readonly tunables?: Partial<KvTunables>
  readonly hasKademlia?: boolean
  /** Signatures of a closed world, and no list of what was sent. */
  readonly isFast?: boolean
}

/** One kv core with its disk. */
export class KvNode {
  readonly index: number
  readonly signer: Signer
  readonly rows = new Map<string, Uint8Array>()
  readonly answers = new Map<number, Answer>()
  readonly drops = new Map<string, number>()
  readonly stored: string[] = []
  kv: Kv
  isUp = true
  /** Frames to it vanish and it does nothing: a stopped process. */
  isStuck = false
  durableAt: Millis = 0
  /** How far its clock is ahead. */
  aheadMs: Millis = 0

  constructor(index: number, signer: Signer, kv: (signer: Signer) => Kv) {
    this.index = index
    this.signer = signer
    this.kv = kv(this.signer)
  }

  get peerId(): PeerId {
    return this.signer.peerId
  }

  answer<Type extends Answer['type']>(
    request: number,
    type: Type,
  ): Extract<Answer, { readonly type: Type }> {
    const answer = this.answers.get(request)
    if (answer?.type !== type) {
      throw new Error(`Expected ${type}: ${JSON.stringify(answer)} ${String(errorOf(answer))}`)
    }
    return answer as Extract<Answer, { readonly type: Type }>
  }
}

function errorOf(answer: Answer | undefined): unknown {
  return answer?.type === 'refused' ? answer.error : ''
}

type Kind = Omit<KvTarget, 'key'>
type WriteOptions = Kind &
  KvCondition & { readonly level?: KvLevel; readonly ttlMs?: Millis; readonly enoughMs?: Millis }
type ReadOptions = Kind & { readonly level?: KvLevel; readonly isLarge?: boolean }

interface Event {
  readonly at: Millis
  readonly order: number
  readonly run: () => void
}

/** Several kv cores over a network and disks in virtual time. The same seed gives the same run. */
export class KvCluster {
  readonly nodes: KvNode[] = []
  readonly sent: Sent[] = []
  /** Bytes that went over links, headers of frames included. */
  bytes = 0
  readonly options: ClusterOptions
  readonly random: Random
  now: Millis = START
  /** Directed pairs whose frames vanish. */
  isCut: (from: KvNode, to: KvNode) => boolean = () => false
  /** Nodes whose dial fails: a send to them is answered by `unreachable`. */
  readonly unreachable = new Set<KvNode>()
  /** What a node sends may be something else. */
  tamper: (from: KvNode, bytes: Uint8Array) => Uint8Array = (_, bytes) => bytes
  /** Searches that nodes have asked for; a test answers them. */
  readonly searches: (Extract<KvOutput, { readonly type: 'search' }> & {
    readonly node: KvNode
  })[] = []
  /** How much later what a node sends arrives. */
  delayMs: (from: KvNode) => Millis = () => 0
  readonly #book = new SignerBook()
  readonly #byPeer = new Map<PeerId, KvNode>()
  readonly #events = new Heap<Event>((a, b) => a.at < b.at || (a.at === b.at && a.order < b.order))
  #order = 0
  #request = 0

  constructor(count: number, options: ClusterOptions = {}) {
    this.options = options
    this.random = seededRandom([options.seed ?? 1, 77])
    for (let i = 0; i < count; i++) this.add()
    this.view()
  }

  /** A new node, started, not yet in anybody's view. */
  add(): KvNode {
    const index = this.nodes.length
    const signer = this.options.isFast === true ? this.#book.create(this.random) : undefined
    const node = new KvNode(index, signer ?? ed25519Signer(index + 1), (own) => {
      return this.#core(own, index)
    })
    this.nodes.push(node)
    this.#byPeer.set(node.peerId, node)
    node.kv.start(this.now + node.aheadMs)
    this.#drain(node)
    return node
  }

  node(index: number): KvNode {
    return present(this.nodes[index], `node ${index}`)
  }

  byPeer(peer: PeerId): KvNode {
    return present(this.#byPeer.get(peer), peer)
  }

  /** Replicas of a key as the first living node sees them, closest first. */
  replicas(key: string): KvNode[] {
    const seer = present(
      this.nodes.find(({ isUp }) => isUp),
      'a living node',
    )
    return seer.kv.replicaSet(key).map((peer) => this.byPeer(peer))
  }

  /** Tells nodes (all) who is a member (all that are up). */
  view(
    options: {
      readonly of?: readonly KvNode[]
      readonly members?: readonly KvNode[]
      readonly suspects?: readonly KvNode[]
      readonly lost?: number
    } = {},
  ): void {
    const members = options.members ?? this.nodes.filter(({ isUp }) => isUp)
    for (const node of options.of ?? this.nodes) {
      this.input(node, {
        type: 'members',
        members: members.map((member) => ({
          peerId: member.peerId,
          publicKey: member.signer.publicKey,
          isSuspect: options.suspects?.includes(member) ?? false,
        })),
        lost: options.lost ?? 0,
      })
    }
  }

  /** Ends a process: its memory is gone, its disk stays. */
  kill(node: KvNode): void {
    node.isUp = false
    this.unreachable.add(node)
  }

  /** Starts it again from its rows. */
  restart(node: KvNode): void {
    node.kv = this.#core(node.signer, node.index + 1_000)
    for (const [key, value] of node.rows) node.kv.load({ key, value })
    node.isUp = true
    this.unreachable.delete(node)
    node.kv.start(this.now + node.aheadMs)
    this.#drain(node)
  }

  input(node: KvNode, input: KvInput): void {
    if (!node.isUp) return
    node.kv.handle(input, this.now + node.aheadMs)
    this.#drain(node)
  }

  put(node: KvNode, key: string, value: string | Uint8Array, options: WriteOptions = {}): number {
    const request = ++this.#request
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value
    const { level = 'quorum', ...rest } = options
    this.input(node, { type: 'put', request, key, value: bytes, level, ...rest })
    return request
  }

  delete(node: KvNode, key: string, options: Omit<WriteOptions, 'ttlMs'> = {}): number {
    const request = ++this.#request
    this.input(node, { type: 'delete', request, key, level: 'quorum', ...options })
    return request
  }

  get(node: KvNode, key: string, options: ReadOptions = {}): number {
    const request = ++this.#request
    this.input(node, { type: 'get', request, key, ...options })
    return request
  }

  /** Puts and waits; the answer must be a success. */
  putNow(...args: Parameters<KvCluster['put']>): Extract<Answer, { type: 'put-done' }> {
    const request = this.put(...args)
    this.until(() => args[0].answers.has(request))
    return args[0].answer(request, 'put-done')
  }

  /** Reads and waits; undefined when not found. */
  getNow(node: KvNode, key: string, options: ReadOptions = {}): string | undefined {
    const request = this.get(node, key, options)
    this.until(() => node.answers.has(request))
    const { found } = node.answer(request, 'get-done')
    return found === undefined ? undefined : new TextDecoder().decode(found.value)
  }

  /** The value that a node holds itself. */
  held(node: KvNode, key: string): Uint8Array | undefined {
    return node.kv.lookup(new TextEncoder().encode(`/k/${key}`), this.now)
  }

  holders(key: string): KvNode[] {
    return this.nodes.filter((node) => node.isUp && this.held(node, key) !== undefined)
  }

  count(type: string, from?: KvNode): number {
    return this.sent.filter((sent) => {
      return sent.type === type && (from === undefined || sent.from === from.index)
    }).length
  }

  run(ms: Millis): void {
    const end = this.now + ms
    while (this.#step(end)) {}
    this.now = end
  }

  /** Runs until a condition holds, at most a minute. */
  until(isDone: () => boolean): void {
    const end = this.now + 60_000
    while (!isDone()) {
      if (!this.#step(end)) throw new Error('Condition not met within a minute')
    }
  }

  #core(signer: Signer, seed: number): Kv {
    const { replication = 5, tunables = {}, hasKademlia = false } = this.options
    const random = seededRandom([this.options.seed ?? 1, seed])
    return new Kv({ signer, random, replication, tunables, hasKademlia })
  }

  #schedule(at: Millis, run: () => void): void {
    this.#order += 1
    this.#events.push({ at, order: this.#order, run })
  }

  #step(end: Millis): boolean {
    let due: KvNode | undefined
    let at = this.#events.peek()?.at ?? Number.POSITIVE_INFINITY
    for (const node of this.nodes) {
      const deadline = node.isUp && !node.isStuck ? node.kv.nextDeadline() : undefined
      if (deadline !== undefined && deadline - node.aheadMs < at) {
        at = deadline - node.aheadMs
        due = node
      }
    }
    if (at > end) return false
    this.now = Math.max(this.now, at)
    if (due !== undefined) this.input(due, { type: 'tick' })
    else this.#events.pop()?.run()
    return true
  }

  #drain(node: KvNode): void {
    for (;;) {
      const output = node.kv.poll()
      if (output === undefined) return
      this.#output(node, output)
    }
  }

  #output(node: KvNode, output: KvOutput): void {
    switch (output.type) {
      case 'persist':
        node.durableAt = Math.max(node.durableAt, this.now + (this.options.diskMs ?? 0))
        for (const { key, value } of output.writes) {
          if (value === undefined) node.rows.delete(key)
          else node.rows.set(key, value)
        }
        return
      case 'send': {
        const at = output.gated ? Math.max(this.now, node.durableAt) : this.now
        if (at > this.now) this.#schedule(at, () => this.#send(node, output.peer, output.bytes))
        else this.#send(node, output.peer, output.bytes)
        return
      }
      case 'stored':
        node.stored.push(`${output.key} ${output.version}`)
        return
      case 'search':
        this.searches.push({ node, ...output })
        return
      case 'dropped':
        node.drops.set(output.reason, (node.drops.get(output.reason) ?? 0) + 1)
        return
      default:
        if (node.answers.has(output.request)) throw new Error('Two answers to one request')
        node.answers.set(output.request, output)
    }
  }

  #send(from: KvNode, peer: PeerId, given: Uint8Array): void {
    const to = this.byPeer(peer)
    const bytes = this.tamper(from, given)
    if (this.options.isFast !== true) this.#note(from, to, bytes)
    this.#carry(from, to, bytes)
  }

  #note(from: KvNode, to: KvNode, bytes: Uint8Array): void {
    const unpacked = unpack(bytes)
    const frames = unpacked.ok ? unpacked.value : [bytes]
    const told = { from: from.index, to: to.index, at: this.now }
    if (frames.length > 1) this.sent.push({ ...told, type: 'pack' })
    for (const frame of frames) {
      const decoded = decodeFrame(frame)
      this.sent.push({ ...told, type: decoded.ok ? decoded.value.type : 'malformed' })
    }
  }

  #carry(from: KvNode, to: KvNode, bytes: Uint8Array): void {
    const { peerId: peer } = to
    if (from !== to) this.bytes += bytes.length + FRAME_HEADER_BYTES
    const { latencyMs = 1, loss = 0, duplicates = 0 } = this.options
    const isOwn = from === to
    const at = this.now + (isOwn ? 0 : latencyMs + this.delayMs(from))
    if (!isOwn && this.unreachable.has(to)) {
      this.#schedule(at, () => this.input(from, { type: 'unreachable', peer }))
      return
    }
    if (!isOwn && (this.isCut(from, to) || this.random.next() < loss)) return
    const copies = !isOwn && this.random.next() < duplicates ? 2 : 1
    for (let i = 0; i < copies; i++) {
      this.#schedule(at + i * this.random.next() * latencyMs, () => {
        if (!to.isStuck) this.input(to, { type: 'frame', peer: from.peerId, bytes })
      })
    }
  }
}
