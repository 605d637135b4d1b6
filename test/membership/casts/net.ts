import { type Millis, Outbox } from '../../../src/base/core.ts'
import { Heap } from '../../../src/base/heap.ts'
import type { PeerId } from '../../../src/base/ids.ts'
import { type Random, seededRandom } from '../../../src/base/random.ts'
import type { Signer } from '../../../src/base/signer.ts'
import { CAST_FRAME_FIRST } from '../../../src/membership/casts/cast-frame.ts'
import type { CastInput, CastOutput } from '../../../src/membership/casts/cast-io.ts'
import { Casts } from '../../../src/membership/casts/casts.ts'
import { Flood } from '../../../src/membership/flood.ts'
import { decodeFrame } from '../../../src/membership/frame.ts'
import { createLink, type Link } from '../../../src/membership/link.ts'
import type { MembershipOutput } from '../../../src/membership/member.ts'
import { DEFAULT_TUNABLES } from '../../../src/membership/options.ts'
import { RingIndex } from '../../../src/membership/ring-index.ts'
import { ringPositions } from '../../../src/membership/rings.ts'
import { SignerBook } from '../../../src/sim/fake-signer.ts'

const START = Date.UTC(2026, 0, 1)

export interface NetOptions {
  readonly seed: number
  readonly nodes: number
  /** One way, uniform in this range. @default 5 … 15 */
  readonly latencyMs?: readonly [number, number]
  readonly loss?: number
  /**
   * `vanish`: a lost frame is gone. `retransmit`: it comes 200 ms, 400 ms … later and holds back what is behind
   * it, as on TCP. @default vanish
   */
  readonly lossMode?: 'vanish' | 'retransmit'
  /** Milliseconds that a member takes to answer a question. @default 0 */
  readonly thinkMs?: number
  /** Times at which nodes begin after the start. @default 0 */
  readonly startsAt?: (index: number) => Millis
}

export interface Heard {
  readonly at: Millis
  readonly from: PeerId
  readonly id: string
  readonly name: string
  readonly payload: Uint8Array
}

/** One node of the net: its casts and what came out of them. */
export class CastNode {
  readonly index: number
  readonly signer: Signer
  readonly rings: readonly number[]
  readonly links: Map<PeerId, Link> = new Map()
  readonly outbox: Outbox<MembershipOutput> = new Outbox()
  readonly flood: Flood
  readonly heard: Heard[] = []
  readonly done: CastOutput[] = []
  readonly drops: Map<string, number> = new Map()
  /** Earliest arrival of the next frame, by receiver. */
  readonly arrivals: Map<PeerId, Millis> = new Map()
  casts: Casts | undefined
  epoch = 1
  isUp = true
  /** Does not answer questions. */
  isMute = false
  armedAt: Millis | undefined
  framesOut = 0
  bytesOut = 0

  constructor(index: number, signer: Signer) {
    this.index = index
    this.signer = signer
    this.rings = ringPositions('net', signer.publicKey)
    this.flood = new Flood({
      links: this.links,
      outbox: this.outbox,
      tunables: DEFAULT_TUNABLES,
    })
  }

  get id(): PeerId {
    return this.signer.peerId
  }

  drop(reason: string): number {
    return this.drops.get(reason) ?? 0
  }

  names(from?: CastNode): string[] {
    return this.heard
      .filter((one) => from === undefined || one.from === from.id)
      .map((one) => one.name)
  }
}

interface Task {
  readonly at: Millis
  readonly order: number
  readonly run: () => void
}

/** The casts of many nodes over the links of the overlay, in virtual time, without the rest of membership. */
export class Net {
  now: Millis = START
  loss: number
  readonly nodes: CastNode[] = []
  readonly random: Random
  readonly #options: NetOptions
  readonly #byKey: Map<string, CastNode> = new Map()
  readonly #byId: Map<PeerId, CastNode> = new Map()
  readonly #cuts: Set<string> = new Set()
  readonly #tasks: Heap<Task> = new Heap(
    (a, b) => a.at < b.at || (a.at === b.at && a.order < b.order),
  )
  #order = 0

  constructor(options: NetOptions) {
    this.#options = options
    this.random = seededRandom(options.seed)
    this.loss = options.loss ?? 0
    const book = new SignerBook()
    for (let i = 0; i < options.nodes; i++) {
      const node = new CastNode(i, book.create(this.random))
      this.nodes.push(node)
      this.#byKey.set(node.signer.publicKey.join(), node)
      this.#byId.set(node.id, node)
    }
    for (const node of this.nodes) this.#begin(node, START + (options.startsAt?.(node.index) ?? 0))
    const rings = new RingIndex((row, ring) => this.node(row).rings[ring] ?? 0)
    for (const { index } of this.nodes) rings.add(index)
    for (const node of this.nodes) {
      for (const row of rings.neighbours(node.index)) this.link(node, this.node(row))
    }
  }

  node(index: number): CastNode {
    const node = this.nodes[index]
    if (node === undefined) throw new Error(`no node ${index}`)
    return node
  }

  link(a: CastNode, b: CastNode): void {
    if (a.links.has(b.id)) return
    for (const [node, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const remote = { direction: 'inbound', remoteAddress: '/ip4/10.0.0.1/tcp/1' } as const
      const link = createLink({ peerId: other.id, now: this.now, ...remote })
      link.isOverlay = true
      node.links.set(other.id, link)
      node.casts?.linkUp(link, this.now)
      this.#drain(node)
    }
  }

  unlink(a: CastNode, b: CastNode): void {
    for (const [node, other] of [
      [a, b],
      [b, a],
    ] as const) {
      node.links.delete(other.id)
      node.casts?.linkDown(other.id)
    }
  }

  /** Frames from one to the other vanish. */
  cut(from: CastNode, to: CastNode): void {
    this.#cuts.add(`${from.index}>${to.index}`)
  }

  /** No frame passes between the sides. */
  partition(side: readonly CastNode[]): void {
    for (const a of side) {
      for (const b of this.nodes) {
        if (side.includes(b)) continue
        this.cut(a, b)
        this.cut(b, a)
      }
    }
  }

  /** Paths are whole again and cut links have come anew. */
  heal(): void {
    for (const key of this.#cuts) {
      const [a, b] = key.split('>').map((index) => this.node(Number(index)))
      if (a === undefined || b === undefined || !a.links.has(b.id)) continue
      this.unlink(a, b)
      this.link(a, b)
    }
    this.#cuts.clear()
  }

  /** A new process with the same key: another boot, nothing remembered. */
  restart(node: CastNode): void {
    const neighbours = [...node.links.keys()].flatMap((id) => this.#byId.get(id) ?? [])
    for (const other of neighbours) this.unlink(node, other)
    node.epoch += 1
    this.#begin(node, this.now)
    for (const other of neighbours) this.link(node, other)
  }

  input(node: CastNode, input: CastInput): void {
    node.casts?.input(input, this.now)
    this.#drain(node)
  }

  broadcast(node: CastNode, name: string, payload: Uint8Array = new Uint8Array(0)): void {
    this.input(node, { type: 'broadcast', request: 1, name, payload })
  }

  /** A frame comes as if the peer had sent it over its link. */
  inject(node: CastNode, from: CastNode, bytes: Uint8Array): void {
    this.#take(node, from, bytes)
  }

  run(ms: Millis): void {
    const end = this.now + ms
    for (let task = this.#tasks.peek(); task !== undefined && task.at <= end; ) {
      this.#tasks.pop()
      this.now = Math.max(this.now, task.at)
      task.run()
      task = this.#tasks.peek()
    }
    this.now = end
  }

  #begin(node: CastNode, at: Millis): void {
    node.casts = new Casts(
      {
        signer: node.signer,
        network: 'net',
        outbox: node.outbox,
        memberOf: (key) => {
          const member = this.#byKey.get(key.join())
          return member === undefined ? undefined : { peerId: member.id, epoch: member.epoch }
        },
        self: () => ({ peerId: node.id, epoch: node.epoch }),
        live: () => this.nodes.filter(({ isUp }) => isUp).map(({ id }) => id),
        liveCount: () => this.nodes.filter(({ isUp }) => isUp).length,
        tell: (link, rumour, now) => node.flood.tell(link, rumour, now),
      },
      at,
    )
  }

  #at(at: Millis, run: () => void): void {
    this.#order += 1
    this.#tasks.push({ at, order: this.#order, run })
  }

  #take(node: CastNode, from: CastNode, bytes: Uint8Array): void {
    if (!node.isUp) return
    if ((bytes[0] ?? 0) >= CAST_FRAME_FIRST) node.casts?.frame(from.id, bytes, this.now)
    else {
      const frame = decodeFrame(bytes)
      if (!frame.ok || frame.value.type !== 'claims') throw new Error('claims are expected')
      for (const claim of frame.value.claims) {
        if (claim.type === 'cast') node.casts?.hinted(from.id, claim.cast, this.now)
      }
    }
    this.#drain(node)
  }

  #drain(node: CastNode): void {
    node.casts?.work(this.now)
    node.flood.work(this.now)
    for (let output = node.outbox.shift(); output !== undefined; output = node.outbox.shift()) {
      this.#perform(node, output)
    }
    const deadlines = [node.casts?.nextDeadline(this.now), node.flood.nextDeadline()]
    const next = Math.min(...deadlines.map((at) => at ?? Number.POSITIVE_INFINITY))
    if (next === Number.POSITIVE_INFINITY || (node.armedAt ?? next + 1) <= next) return
    node.armedAt = next
    this.#at(Math.max(next, this.now + 0.1), () => {
      if (node.armedAt !== next) return
      node.armedAt = undefined
      this.#drain(node)
    })
  }

  #perform(node: CastNode, output: MembershipOutput): void {
    switch (output.type) {
      case 'send':
        this.#send(node, output.peer, output.bytes)
        return
      case 'dropped':
        node.drops.set(output.reason, node.drop(output.reason) + 1)
        return
      case 'broadcast': {
        const { id, name, payload, peer: from } = output
        node.heard.push({ at: this.now, from, id, name, payload })
        return
      }
      case 'question': {
        node.done.push(output)
        if (node.isMute) return
        const { id, payload } = output
        const { thinkMs = 0 } = this.#options
        this.#at(this.now + thinkMs, () => {
          this.input(node, { type: 'answer', id, status: 'ok', payload })
        })
        return
      }
      case 'broadcast-sent':
      case 'query-done':
      case 'cast-refused':
        node.done.push(output)
        return
      default:
        throw new Error(`unexpected output: ${output.type}`)
    }
  }

  #send(node: CastNode, peer: PeerId, bytes: Uint8Array): void {
    const to = this.#byId.get(peer)
    node.framesOut += 1
    node.bytesOut += bytes.length
    if (to === undefined || !node.links.has(peer)) return
    const [min, max] = this.#options.latencyMs ?? [5, 15]
    let at = this.now + min + (max - min) * this.random.next()
    if (this.#options.lossMode === 'retransmit') {
      for (let waitMs = 200; this.random.next() < this.loss; waitMs *= 2) at += waitMs
    } else if (this.random.next() < this.loss) return
    at = Math.max(at, (node.arrivals.get(peer) ?? 0) + 0.001)
    node.arrivals.set(peer, at)
    const link = node.links.get(peer)
    this.#at(at, () => {
      const isThere = to.links.has(node.id) && node.links.get(peer) === link
      if (isThere && !this.#cuts.has(`${node.index}>${to.index}`)) this.#take(to, node, bytes)
    })
  }
}
