import { fromUtf8, hex, utf8 } from '../../src/base/bytes.ts'
import type { StoreRow } from '../../src/base/core.ts'
import { HearsayError } from '../../src/base/errors.ts'
import { sha256 } from '../../src/base/hash.ts'
import type { PeerId } from '../../src/base/ids.ts'
import { parsePeerId } from '../../src/base/peer-id.ts'
import type { Command, Outcome } from '../../src/engine/engine-types.ts'
import type { Ports } from '../../src/engine/ports.ts'
import type { Subject, SubjectFactory, SubjectMember, SubjectState } from '../../src/sim/subject.ts'

/** Bugs that a toy node can be given: what each check must find. */
export type ToyBug =
  | 'tells-before-durable'
  | 'acks-before-durable'
  | 'reuses-dots'
  | 'forgets-refutation'
  | 'view-goes-back'
  | 'counts-twice'
  | 'waits-for-disk'
  | 'accuses-at-once'
  | 'no-repair'
  | 'throws'

interface ToyEvent {
  readonly replica: string
  readonly n: number
  readonly type: string
  readonly object: string
  readonly key: string
  readonly value: string
  readonly kills: readonly string[]
}

interface Row {
  readonly peer: string
  epoch: number
  incarnation: number
  state: 'alive' | 'failed'
  address: string
}

const PERIOD_MS = 250
const SILENT_MS = 3_000

/** The smallest program that keeps the promises: whole-state gossip, a flooded member table, JSON frames. */
export function toySubject(bug?: ToyBug): SubjectFactory {
  return (options) => new Toy(options.ports, bug)
}

class Toy implements Subject {
  readonly #ports: Ports
  readonly #bug: ToyBug | undefined
  readonly #self: PeerId
  readonly #events: Map<string, ToyEvent> = new Map()
  readonly #durable: Set<string> = new Set()
  readonly #rows: Map<string, Row> = new Map()
  readonly #heardAt: Map<string, number> = new Map()
  readonly #links: Set<PeerId> = new Set()
  #seeds: readonly string[] = []
  #address = ''
  #epoch = 1
  #commitsUnderWay = 0
  #isHalted = false

  constructor(ports: Ports, bug: ToyBug | undefined) {
    this.#ports = ports
    this.#bug = bug
    this.#self = ports.signer.peerId
  }

  load(row: StoreRow): void {
    if (row.key === 'epoch') this.#epoch = Number(fromUtf8(row.value)) + 1
    else {
      const event: ToyEvent = JSON.parse(fromUtf8(row.value))
      if (this.#bug === 'reuses-dots' && event.replica === this.identity()) return
      this.#events.set(dot(event), event)
      this.#durable.add(dot(event))
    }
  }

  start(): void {
    const { links } = this.#ports
    this.#rows.set(this.#self, {
      peer: this.#self,
      epoch: this.#epoch,
      incarnation: 0,
      state: 'alive',
      address: '',
    })
    this.#ports.disk.commit([{ key: 'epoch', value: utf8(String(this.#epoch)) }], () => {})
    links.listen({
      linkUp: (peer) => {
        this.#links.add(peer)
        this.#heardAt.set(peer, this.#ports.clock.now())
        this.#tell(peer)
      },
      linkDown: (peer) => this.#links.delete(peer),
      dialFailed: () => {},
      joinFailed: () => {},
      frame: (peer, _protocol, bytes) => this.#frame(peer, bytes),
      addresses: ([address]) => {
        this.#address = address ?? ''
        this.#own().address = this.#address
      },
      dropped: () => {},
    })
    this.#tick()
  }

  join(addresses: readonly string[]): void {
    this.#seeds = addresses
    for (const address of addresses) this.#ports.links.join(address)
  }

  request(command: Command, done: (outcome: Outcome) => void): void {
    if (command.type !== 'transact') {
      const error = new HearsayError('ERR_UNSUPPORTED', 'Cannot serve: toys keep no values')
      done({ ok: false, error })
      return
    }
    const [operation] = command.operations
    if (operation === undefined) return
    const { type, object } = operation
    const written = 'values' in operation ? (operation.values[0] ?? '') : ''
    const key = type === 'map-set' ? operation.path.join('.') : written
    const value =
      type === 'counter-add'
        ? String(operation.amount)
        : type === 'register-set' || type === 'map-set'
          ? String(operation.value)
          : written
    const kills =
      type === 'counter-add'
        ? []
        : this.#live(object)
            .filter((event) => event.key === key)
            .map(dot)
    let n = 1
    while (this.#events.has(`${this.identity()}:${n}`)) n += 1
    const event = { replica: this.identity(), n, type, object, key, value, kills }
    this.#events.set(dot(event), event)
    const outcome: Outcome = {
      ok: true,
      result: { type: 'transact', results: [{ changed: kills.length }] },
    }
    if (this.#bug === 'acks-before-durable') done(outcome)
    if (this.#bug === 'tells-before-durable') {
      this.#durable.add(dot(event))
      this.#gossip()
    }
    this.#persist([event], () => {
      if (this.#bug !== 'acks-before-durable') done(outcome)
    })
  }

  halt(): void {
    this.#isHalted = true
  }

  identity(): string {
    return hex(this.#ports.signer.publicKey).slice(0, 8)
  }

  members(): readonly SubjectMember[] {
    const members: SubjectMember[] = []
    for (const row of this.#rows.values()) {
      const peer = parsePeerId(row.peer)
      if (peer !== undefined) members.push({ ...row, peer })
    }
    return members
  }

  vector(): ReadonlyMap<string, number> {
    const vector = new Map<string, number>()
    for (const { replica, n } of this.#events.values()) {
      vector.set(replica, Math.max(n, vector.get(replica) ?? 0))
    }
    return vector
  }

  digest(): string {
    return hex(sha256(utf8(JSON.stringify([...this.#events.keys()].sort())))).slice(0, 16)
  }

  viewHash(): string {
    const rows = [...this.#rows.values()].map((row) => JSON.stringify([row.peer, claim(row)]))
    return hex(sha256(utf8(rows.sort().join()))).slice(0, 16)
  }

  state(): SubjectState {
    const live = (object: string): readonly ToyEvent[] => this.#live(object)
    const factor = this.#bug === 'counts-twice' ? 2n : 1n
    const state = {
      counter: (object: string) =>
        factor * live(object).reduce((sum, { value }) => sum + BigInt(value), 0n),
      setValues: (object: string) =>
        live(object)
          .filter(({ type }) => type === 'set-add')
          .map(({ value }) => value)
          .sort(),
      register: (object: string) =>
        live(object)
          .map(({ value }) => value)
          .sort(),
      map: (object: string) => {
        const branches: Record<string, Record<string, string>> = {}
        for (const { key, value } of live(object)) {
          const [branch = '', leaf = ''] = key.split('.')
          branches[branch] = { ...branches[branch], [leaf]: value }
        }
        return branches
      },
      text: () => [...this.#events.keys()].sort().join(),
    }
    return state
  }

  #live(object: string): readonly ToyEvent[] {
    const dead = new Set([...this.#events.values()].flatMap(({ kills }) => kills))
    return [...this.#events.values()].filter(
      (event) => event.object === object && event.type !== 'set-remove' && !dead.has(dot(event)),
    )
  }

  #persist(events: readonly ToyEvent[], then: () => void): void {
    const writes = events.map((event) => ({ key: dot(event), value: utf8(JSON.stringify(event)) }))
    this.#commitsUnderWay += 1
    this.#ports.disk.commit(writes, () => {
      this.#commitsUnderWay -= 1
      for (const event of events) this.#durable.add(dot(event))
      then()
      this.#gossip()
    })
  }

  #tick(): void {
    if (this.#isHalted) return
    const now = this.#ports.clock.now()
    if (this.#bug === 'throws' && this.#events.size > 20) throw new Error('planted')
    for (const row of this.#rows.values()) {
      const peer = parsePeerId(row.peer)
      if (peer === undefined || peer === this.#self) continue
      if (!this.#links.has(peer)) this.#ports.links.dial(peer, [row.address])
      const silentMs = now - (this.#heardAt.get(peer) ?? now)
      const limitMs = this.#bug === 'accuses-at-once' ? PERIOD_MS / 2 : SILENT_MS
      if (!this.#heardAt.has(peer)) this.#heardAt.set(peer, now)
      if (silentMs > limitMs) row.state = 'failed'
    }
    if (this.#links.size === 0) for (const seed of this.#seeds) this.#ports.links.join(seed)
    const isBlocked = this.#bug === 'waits-for-disk' && this.#commitsUnderWay > 0
    if (!isBlocked && this.#bug !== 'no-repair') this.#gossip()
    this.#ports.clock.arm(now + PERIOD_MS, () => this.#tick())
  }

  #gossip(): void {
    if (this.#isHalted) return
    for (const peer of this.#links) this.#tell(peer)
  }

  #tell(peer: PeerId): void {
    const events = [...this.#events.values()].filter((event) => this.#durable.has(dot(event)))
    const bytes = utf8(JSON.stringify({ rows: [...this.#rows.values()], events }))
    this.#ports.links.send({ peer, protocol: 'sync', lane: 'control', bytes })
  }

  #frame(from: PeerId, bytes: Uint8Array): void {
    const { rows, events }: { rows: Row[]; events: ToyEvent[] } = JSON.parse(fromUtf8(bytes))
    this.#heardAt.set(from, this.#ports.clock.now())
    const fresh = events.filter((event) => !this.#events.has(dot(event)))
    for (const event of fresh) this.#events.set(dot(event), event)
    if (fresh.length > 0) this.#persist(fresh, () => {})
    for (const row of rows) this.#merge(row)
  }

  #merge(told: Row): void {
    const known = this.#rows.get(told.peer)
    if (told.peer === this.#self) {
      const own = this.#own()
      const isAccused = told.state === 'failed' && told.incarnation >= own.incarnation
      if (isAccused && told.epoch === own.epoch && this.#bug !== 'forgets-refutation') {
        own.incarnation = told.incarnation + 1
      }
      return
    }
    const order = known === undefined ? 1 : compare(claim(told), claim(known))
    if (order > 0 || this.#bug === 'view-goes-back') this.#rows.set(told.peer, { ...told })
  }

  #own(): Row {
    const own = this.#rows.get(this.#self)
    if (own === undefined) throw new Error('no row of its own')
    return own
  }
}

function dot(event: ToyEvent): string {
  return `${event.replica}:${event.n}`
}

function claim(row: Row): readonly number[] {
  return [row.epoch, row.incarnation, row.state === 'failed' ? 1 : 0]
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [i, value] of a.entries()) {
    const difference = value - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
