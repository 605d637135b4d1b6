import { present } from '../../src/base/assert.ts'
import type { Millis, StoreWrite } from '../../src/base/core.ts'
import { Heap } from '../../src/base/heap.ts'
import type { PeerId } from '../../src/base/ids.ts'
import { type Random, randomInteger, seededRandom } from '../../src/base/random.ts'
import type { Operation } from '../../src/crdt/operation.ts'
import { unpackRun } from '../../src/crdt/unpack-run.ts'
import type { Reissue } from '../../src/replication/identity/reissue.ts'
import type { ReplicationTunables } from '../../src/replication/options.ts'
import {
  Replication,
  type ReplicationInput,
  type ReplicationOutput,
} from '../../src/replication/replication.ts'
import { parseRow } from '../../src/replication/store/rows.ts'
import { dotKey, type OracleEvent, oracleEvents } from './oracle.ts'

/** 2026-01-01, well inside the clock's range. */
export const START: Millis = Date.UTC(2026, 0, 1)

export interface Faults {
  /** Shares of frames. */
  readonly loss: number
  readonly duplication: number
  /** One-way delay is uniform in 1 … this. */
  readonly delayMs: number
  /** A commit takes 0 … this. */
  readonly diskMs: number
}

export const NO_FAULTS: Faults = { loss: 0, duplication: 0, delayMs: 1, diskMs: 0 }

interface Scheduled {
  readonly at: Millis
  readonly order: number
  readonly run: () => void
}

/** What came out of one node, beside frames and rows. */
type Told = Exclude<ReplicationOutput, { type: 'send' | 'persist' }>

export interface Node {
  readonly id: PeerId
  core: Replication
  /** Durable rows. */
  readonly rows: Map<string, Uint8Array>
  /** Where its rows lie, from its next start on. */
  place: string | undefined
  readonly told: Told[]
  /** Raised by each crash: what an older life scheduled is void. */
  life: number
  isUp: boolean
  /** What it wrote before this moment others may have under the same dots. */
  branchedAt: number
  /** Batches on their way to the disk. */
  commits: number
  frames: number
  sentBytes: number
}

/** A network of replicas over virtual time, with the driver's durability rule. */
export class World {
  now: Millis = START
  faults: Faults
  readonly nodes: Node[] = []
  /** Every event that ever became durable anywhere, by dot. */
  readonly events: Map<string, Map<string, OracleEvent>> = new Map()
  /** Events as they became durable: who had them first, and when. */
  readonly #origins = new Map<string, { readonly node: Node; readonly order: number }>()
  /** Frames on their way: to look at, or to drop. */
  filter: (from: Node, to: Node, bytes: Uint8Array) => boolean = () => true
  readonly #random: Random
  readonly #tunables: Partial<ReplicationTunables>
  readonly #queue = new Heap<Scheduled>(
    (a, b) => a.at < b.at || (a.at === b.at && a.order < b.order),
  )
  readonly #links = new Set<string>()
  /** Frames between two nodes keep their order, as on a stream. */
  readonly #arrivals = new Map<string, Millis>()
  #order = 0
  #request = 0

  constructor(options: {
    readonly seed: number
    readonly nodes: number
    readonly faults?: Faults
    readonly tunables?: Partial<ReplicationTunables>
  }) {
    this.#random = seededRandom([options.seed, 7])
    this.faults = options.faults ?? NO_FAULTS
    this.#tunables = options.tunables ?? {}
    for (let i = 0; i < options.nodes; i++) this.addNode()
  }

  addNode(rows: Map<string, Uint8Array> = new Map(), place?: string): Node {
    const node: Node = {
      id: `peer-${this.nodes.length}` as PeerId,
      core: this.#newCore(place),
      rows,
      place,
      told: [],
      life: 0,
      isUp: false,
      branchedAt: this.#order,
      commits: 0,
      frames: 0,
      sentBytes: 0,
    }
    this.nodes.push(node)
    this.start(node)
    return node
  }

  node(index: number): Node {
    return present(this.nodes[index], 'node')
  }

  /** Starts from the durable rows. @param damaged rows that are there and cannot be read */
  start(node: Node, damaged: readonly string[] = []): void {
    node.core = this.#newCore(node.place)
    node.life += 1
    node.commits = 0
    node.isUp = true
    const rows = [...node.rows].sort(([a], [b]) => (a < b ? -1 : 1))
    for (const [key, value] of rows) if (!damaged.includes(key)) node.core.load({ key, value })
    for (const key of damaged) node.core.damaged(key)
    node.core.start(this.now)
    this.#drain(node)
  }

  /** Replaces the durable rows by older ones, as a restored backup does. The node is down. */
  restore(node: Node, rows: ReadonlyMap<string, Uint8Array>): void {
    node.rows.clear()
    for (const [key, value] of rows) node.rows.set(key, value)
    node.branchedAt = this.#order
  }

  /** Ends without a goodbye: what is not durable is lost. */
  crash(node: Node): void {
    node.isUp = false
    node.life += 1
    for (const other of this.nodes) this.cut(node, other)
  }

  link(a: Node, b: Node): void {
    if (a === b || this.isLinked(a, b)) return
    this.#links.add(linkKey(a, b))
    this.input(a, { type: 'peer-up', peer: b.id })
    this.input(b, { type: 'peer-up', peer: a.id })
  }

  cut(a: Node, b: Node): void {
    if (!this.#links.delete(linkKey(a, b))) return
    if (a.isUp) this.input(a, { type: 'peer-down', peer: b.id })
    if (b.isUp) this.input(b, { type: 'peer-down', peer: a.id })
  }

  isLinked(a: Node, b: Node): boolean {
    return this.#links.has(linkKey(a, b))
  }

  linkAll(): void {
    for (const a of this.nodes) for (const b of this.nodes) if (a.isUp && b.isUp) this.link(a, b)
  }

  /** Runs a transaction; the answer comes in `told`. @returns its request number */
  transact(node: Node, operations: readonly Operation[], group = 'main'): number {
    this.#request += 1
    this.input(node, { type: 'transact', request: this.#request, group, operations })
    return this.#request
  }

  input(node: Node, input: ReplicationInput): void {
    node.core.handle(input, this.now)
    this.#drain(node)
  }

  /** Lets time pass. */
  run(ms: Millis): void {
    const end = this.now + ms
    for (
      let next = this.#queue.peek();
      next !== undefined && next.at <= end;
      next = this.#queue.peek()
    ) {
      this.#queue.pop()
      this.now = Math.max(this.now, next.at)
      next.run()
    }
    this.now = end
  }

  /**
   * Lets time pass until all digests of all groups are equal.
   * @returns ms it took, undefined when `ms` was not enough
   */
  converge(ms: Millis): Millis | undefined {
    const start = this.now
    while (this.now - start < ms) {
      if (this.isConverged()) return this.now - start
      this.run(10)
    }
    return this.isConverged() ? this.now - start : undefined
  }

  isConverged(): boolean {
    const shown = this.nodes.filter(({ isUp }) => isUp).map(digests)
    return shown.every((text) => text === shown[0])
  }

  told<Type extends Told['type']>(
    node: Node,
    type: Type,
  ): readonly Extract<Told, { type: Type }>[] {
    return node.told.filter(
      (output): output is Extract<Told, { type: Type }> => output.type === type,
    )
  }

  #newCore(place: string | undefined): Replication {
    const random = seededRandom([this.#random.uint32(), this.#random.uint32()])
    return new Replication({ random, place, ...this.#tunables })
  }

  #drain(node: Node): void {
    this.#carry(node)
    // The store is free: nothing that was pushed to it is still on its way.
    if (node.core.hasUnsaved && node.commits === 0) {
      node.core.handle({ type: 'flush' }, this.now)
      this.#carry(node)
    }
  }

  #carry(node: Node): void {
    const held: ReplicationOutput[] = []
    let durableAt = this.now
    for (let output = node.core.poll(); output !== undefined; output = node.core.poll()) {
      if (output.type === 'persist') {
        const { writes } = output
        durableAt += this.faults.diskMs === 0 ? 0 : this.#random.next() * this.faults.diskMs
        node.commits += 1
        this.#at(this.#ordered(`disk ${node.id} ${node.life}`, durableAt), node, () => {
          this.#commit(node, writes)
          node.commits -= 1
          if (node.commits === 0) this.#drain(node)
        })
      } else if (
        output.type === 'changed' ||
        output.type === 'dropped' ||
        output.type === 'alarm'
      ) {
        node.told.push(output)
      } else held.push(output)
      // Everything else waits for all rows pushed before it.
      if (held.length > 0) {
        const release = held.splice(0)
        this.#at(this.#ordered(`disk ${node.id} ${node.life}`, durableAt), node, () => {
          for (const item of release) this.#release(node, item)
        })
      }
    }
    const deadline = node.core.nextDeadline()
    if (deadline === undefined) return
    this.#at(Math.max(deadline, this.now + 0.01), node, () => this.#tick(node))
  }

  #tick(node: Node): void {
    const deadline = node.core.nextDeadline()
    if (deadline !== undefined && deadline <= this.now) this.input(node, { type: 'tick' })
  }

  #commit(node: Node, writes: readonly StoreWrite[]): void {
    for (const { key, value } of writes) {
      if (value === undefined) {
        node.rows.delete(key)
        continue
      }
      node.rows.set(key, value)
      this.#note(node, key, value)
    }
  }

  #note(node: Node, key: string, value: Uint8Array): void {
    const row = parseRow({ key, value })
    if (row.type !== 'log' && row.type !== 'reissued') return
    const events = this.events.get(row.group) ?? new Map<string, OracleEvent>()
    this.events.set(row.group, events)
    if (row.type === 'reissued') this.#takeBack(node, events, row.reissue)
    this.#order += 1
    for (const run of row.type === 'log' ? row.runs : row.reissue.runs) {
      const unpacked = unpackRun(run)
      if (!unpacked.ok) throw new Error(`persisted an unreadable run: ${unpacked.reason}`)
      for (const event of oracleEvents(unpacked.value)) {
        const dot = dotKey(event.replica, event.n)
        if (events.has(dot)) continue
        events.set(dot, event)
        this.#origins.set(`${row.group} ${dot}`, { node, order: this.#order })
      }
    }
  }

  /** What a node wrote since its rows were others' too, and now writes again under another id. */
  #takeBack(node: Node, events: Map<string, OracleEvent>, { former, n }: Reissue): void {
    for (const [dot, event] of events) {
      if (event.replica !== former || event.n <= n) continue
      for (const group of this.events.keys()) {
        const origin = this.#origins.get(`${group} ${dot}`)
        if (this.events.get(group) !== events || origin?.node !== node) continue
        if (origin.order > node.branchedAt) events.delete(dot)
      }
    }
  }

  #release(node: Node, output: ReplicationOutput): void {
    if (output.type === 'persist') return
    if (output.type !== 'send') {
      node.told.push(output)
      return
    }
    const to = this.nodes.find(({ id }) => id === output.peer)
    if (to === undefined || !this.isLinked(node, to)) return
    node.frames += 1
    node.sentBytes += output.bytes.length
    if (!this.filter(node, to, output.bytes) || this.#random.next() < this.faults.loss) return
    const copies = this.#random.next() < this.faults.duplication ? 2 : 1
    for (let copy = 0; copy < copies; copy++) {
      const at = this.now + 1 + randomInteger(this.#random, this.faults.delayMs)
      this.#at(this.#ordered(`${node.id} ${to.id} ${to.life}`, at), to, () => {
        if (this.isLinked(node, to))
          this.input(to, { type: 'frame', peer: node.id, bytes: output.bytes })
      })
    }
  }

  #ordered(stream: string, at: Millis): Millis {
    const ordered = Math.max(at, this.#arrivals.get(stream) ?? 0)
    this.#arrivals.set(stream, ordered)
    return ordered
  }

  /** Runs something for a node unless it has crashed by then. */
  #at(at: Millis, node: Node, run: () => void): void {
    const { life } = node
    this.#order += 1
    this.#queue.push({
      at,
      order: this.#order,
      run: () => node.life === life && node.isUp && run(),
    })
  }
}

export function digests(node: Node): string {
  const groups = [...node.core.groups()].sort()
  return groups
    .map((name) => `${name}=${Buffer.from(node.core.status(name).digest).toString('hex')}`)
    .join(' ')
}

function linkKey(a: Node, b: Node): string {
  return a.id < b.id ? `${a.id} ${b.id}` : `${b.id} ${a.id}`
}
