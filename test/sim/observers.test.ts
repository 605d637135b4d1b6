import { describe, expect, test } from 'vitest'
import { present } from '../../src/base/assert.ts'
import { hex, utf8 } from '../../src/base/bytes.ts'
import type { PeerId } from '../../src/base/ids.ts'
import { Driver } from '../../src/engine/driver.ts'
import type { Command, EngineEvent, Outcome } from '../../src/engine/engine-types.ts'
import type { Ports } from '../../src/engine/ports.ts'
import { Cluster, type SimulatedNode } from '../../src/sim/cluster.ts'
import { World } from '../../src/sim/world.ts'

const ADD: Command = {
  type: 'transact',
  group: 'main',
  operations: [{ type: 'counter-add', object: 'votes', amount: 1n }],
}
const put = (key: string): Command => {
  return { type: 'put', key, value: utf8('value'), level: 'quorum' }
}

/** Members first, then observers; what everybody knows of them stands for the ledger. */
class Party {
  readonly world: World
  readonly cluster: Cluster
  readonly drivers = new Map<string, Driver>()
  readonly events = new Map<string, EngineEvent[]>()
  readonly members: readonly SimulatedNode[]
  readonly observers: readonly SimulatedNode[]
  readonly #peers: ReadonlySet<PeerId>

  /** @param options.isHostile observers believe that they are members */
  constructor(options: {
    readonly seed: number
    readonly members: number
    readonly observers: number
    readonly isHostile?: boolean
    /** Who tells of roles. @default both */
    readonly told?: 'by links' | 'by the ledger' | 'late'
  }) {
    const { told } = options
    const byLinks = told === undefined || told === 'by links'
    const byLedger = told === undefined || told === 'by the ledger'
    this.world = new World(options.seed)
    this.cluster = new Cluster({
      world: this.world,
      nodes: options.members + options.observers,
      replication: 3,
      wrap: (ports) => (byLinks ? this.#withRoles(ports) : ports),
      subject: ({ ports, ...rest }) => {
        const isObserver = this.#peers.has(ports.signer.peerId) && options.isHostile !== true
        const observe = (event: EngineEvent): void => {
          this.events.get(rest.name)?.push(event)
          if (event.type !== 'question') return
          const answer = { type: 'answer', id: event.id, status: 'ok', payload: utf8('') } as const
          driver.request(answer, () => {})
        }
        const protocol = { min: 1, max: 1 }
        const driver: Driver = new Driver({
          ...rest,
          ...{ ports, observe, isObserver, protocol, dialLoopback: true },
        })
        this.drivers.set(rest.name, driver)
        this.events.set(rest.name, [])
        const { engine } = driver
        return {
          load: (row) => driver.load(row),
          start: () => {
            // A hostile one knows of none, itself least of all.
            if (byLedger && (isObserver || this.#isMember(ports))) driver.observers(this.#peers)
            driver.start()
          },
          join: (addresses) => driver.join(addresses),
          request: (command, done) => void driver.request(command, done),
          halt: () => driver.halt(),
          members: () => [],
          digest: () => hex(engine.stateDigest()),
          viewHash: () => hex(engine.membership.viewHash()),
          identity: () => engine.replication.replica,
          vector: () => engine.replication.vector('main'),
          state: () => ({
            counter: (name) => engine.replication.view('main').counter(name),
            setValues: () => [],
            register: () => undefined,
            map: () => undefined,
            text: () => '',
          }),
        }
      },
    })
    this.members = this.cluster.nodes.slice(0, options.members)
    this.observers = this.cluster.nodes.slice(options.members)
    this.#peers = new Set(this.observers.map(({ peer }) => peer))
    this.cluster.startAll()
    this.pass(10_000)
    if (told !== 'late') return
    for (const node of this.members) this.driver(node).observers(this.#peers)
    this.pass(1_000)
  }

  pass(ms: number): void {
    this.world.runUntil(this.world.now + ms)
  }

  driver({ name }: SimulatedNode): Driver {
    return present(this.drivers.get(name), name)
  }

  /** What came of a command once time has passed. */
  ask(node: SimulatedNode, command: Command, ms = 5_000): Outcome | undefined {
    let outcome: Outcome | undefined
    this.driver(node).request(command, (told) => {
      outcome = told
    })
    this.pass(ms)
    return outcome
  }

  votes(node: SimulatedNode): bigint {
    return this.driver(node).engine.replication.view('main').counter('votes')
  }

  /** At all nodes that should be sent nothing of that kind. */
  drops(reason: string, of = this.members): number {
    return of.reduce((sum, node) => sum + (this.driver(node).engine.drops.get(reason) ?? 0), 0)
  }

  #isMember({ signer }: Ports): boolean {
    return !this.#peers.has(signer.peerId)
  }

  #withRoles(ports: Ports): Ports {
    const { links } = ports
    return {
      ...ports,
      links: {
        ...links,
        listen: (listener) =>
          links.listen({
            ...listener,
            linkUp: (peer, details) => {
              const role = this.#peers.has(peer) ? 'observer' : 'member'
              listener.linkUp(peer, { ...details, role })
            },
          }),
      },
    }
  }
}

describe('observers', () => {
  test.each([1, 2])(
    'read state and values, and are told that they cannot write (seed %i)',
    (seed) => {
      const party = new Party({ seed, members: 4, observers: 3 })
      const [first] = party.members
      const [watcher] = party.observers
      if (first === undefined || watcher === undefined) throw new Error('nobody')
      expect(party.ask(first, ADD)).toMatchObject({ ok: true })
      for (const node of party.cluster.nodes) expect(party.votes(node)).toBe(1n)

      const { replication } = party.driver(first).engine
      expect(replication.replicatedBy('main', 1)).toBe(3)
      const stored = party.ask(first, put('a'))
      expect(stored).toMatchObject({ ok: true, result: { acks: 2, degraded: false } })
      const peers = new Set(party.observers.map(({ peer }) => peer))
      for (const node of party.cluster.nodes) {
        const replicas = party.driver(node).engine.kv.replicaSet('a')
        expect(replicas.filter((peer) => peers.has(peer))).toEqual([])
      }
      party.cluster.crash(watcher)
      party.ask(first, { ...ADD, group: 'team' })
      party.ask(first, ADD)
      party.cluster.restart(watcher)
      party.pass(10_000)
      expect(party.votes(watcher)).toBe(2n)
      expect(party.driver(watcher).engine.replication.groups()).toContain('team')
      expect(party.ask(watcher, { type: 'get', key: 'a' })).toMatchObject({
        result: { found: { value: utf8('value') } },
      })

      const refused: readonly Command[] = [
        ...[ADD, put('b'), { type: 'delete', key: 'a', level: 'one' } as const],
        { type: 'undo', group: 'main', transaction: undefined },
        { type: 'broadcast', name: 'x', payload: utf8('') },
        { type: 'query', name: 'x', payload: utf8(''), withinMs: 100, relayFactor: 1 },
      ]
      for (const command of refused) {
        const outcome = party.ask(watcher, command, 0)
        expect(outcome, command.type).toMatchObject({ ok: false, error: { code: 'ERR_OBSERVER' } })
      }
      expect(party.driver(first).engine.behind()).toEqual([])
      // Those that behave give nobody anything to drop.
      for (const reason of [
        'sync-of-observer',
        'kv request of an observer',
        'cast of an observer',
      ]) {
        expect(party.drops(reason, party.cluster.nodes), reason).toBe(0)
      }
    },
  )

  test('hear broadcasts, and a question does not wait for them', () => {
    const party = new Party({ seed: 3, members: 3, observers: 2 })
    const [first] = party.members
    if (first === undefined) throw new Error('nobody')
    party.ask(first, { type: 'broadcast', name: 'deploy', payload: utf8('v1') })
    for (const { name } of party.observers) {
      expect(party.events.get(name)).toContainEqual(expect.objectContaining({ type: 'broadcast' }))
    }
    // It ends long before its time: all that answer have.
    const query = { type: 'query', name: 'x', payload: utf8(''), relayFactor: 1 } as const
    const asked = party.ask(first, { ...query, withinMs: 60_000 }, 2_000)
    expect(asked).toMatchObject({ result: { silent: [], answers: { length: 3 } } })
    for (const { name } of party.observers) {
      expect(party.events.get(name)?.map(({ type }) => type)).not.toContain('question')
    }
  })

  test.each([
    [4, 'by links'],
    [5, 'by the ledger'],
    [6, 'late'],
  ] as const)(
    'that write all the same change nothing at others (seed %i, told %s)',
    (seed, told) => {
      const party = new Party({ seed, members: 4, observers: 3, isHostile: true, told })
      const [first] = party.members
      if (first === undefined) throw new Error('nobody')
      const before = party.driver(first).engine.replication.groups()
      for (const node of party.observers) {
        party.ask(node, ADD)
        party.ask(node, { ...ADD, group: 'theirs' })
        party.ask(node, put(`key of ${node.name}`))
        party.ask(node, { type: 'broadcast', name: 'x', payload: utf8('x') })
        party.ask(node, {
          ...{ type: 'query', name: 'x', payload: utf8(''), withinMs: 1_000, relayFactor: 3 },
        })
      }
      party.ask(first, ADD, 30_000)
      for (const node of party.members) {
        const { replication, kv } = party.driver(node).engine
        expect(party.votes(node)).toBe(1n)
        expect(replication.groups()).toEqual(before)
        expect(kv.stats.records).toBe(0)
        const types = party.events.get(node.name)?.map(({ type }) => type) ?? []
        expect(types).not.toContain('broadcast')
        expect(types).not.toContain('question')
        expect(types).not.toContain('alarm')
      }
      expect(party.driver(first).engine.replication.replicatedBy('main', 1)).toBe(3)
      for (const node of party.observers) {
        const key = `key of ${node.name}`
        expect(party.ask(first, { type: 'get', key })).toMatchObject({
          result: { found: undefined },
        })
      }
      for (const reason of [
        'sync-of-observer',
        'kv request of an observer',
        'cast of an observer',
      ]) {
        expect(party.drops(reason), reason).toBeGreaterThan(0)
      }
    },
  )

  test('hold no overlay together, and are missed when they die', () => {
    const party = new Party({ seed: 7, members: 14, observers: 20 })
    const [first] = party.members
    const [gone] = party.observers
    if (first === undefined || gone === undefined) throw new Error('nobody')
    party.ask(first, ADD, 5_000)
    for (const node of party.cluster.nodes) expect(party.votes(node), node.name).toBe(1n)
    const isOne = (peer: PeerId): boolean => party.observers.some((node) => node.peer === peer)
    for (const { host } of party.cluster.nodes) {
      expect([...host.isProtected].filter(isOne)).toEqual([])
      expect(host.isProtected.size).toBeGreaterThan(2)
    }
    party.cluster.powerOff(gone)
    party.pass(10_000)
    for (const node of party.members) {
      const { membership, kv } = party.driver(node).engine
      expect(membership.member(gone.peer)?.state).toBe('failed')
      expect(kv.replicaSet('a')).not.toContain(gone.peer)
    }
  })
})
