import { describe, expect, test } from 'vitest'
import { present } from '../../src/base/assert.ts'
import { utf8 } from '../../src/base/bytes.ts'
import type { PeerId } from '../../src/base/ids.ts'
import type { Command, EngineEvent, Outcome } from '../../src/engine/engine-types.ts'
import type { LinkListener, LinkPort, Ports } from '../../src/engine/ports.ts'
import { Cluster, type SimulatedNode } from '../../src/sim/cluster.ts'
import { engineSubject } from '../../src/sim/engine-subject.ts'
import { World } from '../../src/sim/world.ts'

const MEMBERS = 14
const PAGES = 4
const REPLICATION = 3
/** So many that each node would hold some. */
const KEYS = 12
const WS = '/ws'

const ADD: Command = {
  type: 'transact',
  group: 'main',
  operations: [{ type: 'counter-add', object: 'votes', amount: 1n }],
}

/** Members that listen, the first of them by WebSocket too, and pages in browsers, which nobody can dial. */
class Site {
  readonly world: World
  readonly cluster: Cluster
  readonly members: readonly SimulatedNode[]
  readonly pages: readonly SimulatedNode[]
  readonly failures: string[] = []
  readonly links: { readonly from: PeerId; readonly to: PeerId }[] = []
  /** Tells a node its addresses. */
  readonly told = new Map<PeerId, (addresses: readonly string[]) => void>()
  readonly #gateways: number

  constructor(seed: number, gateways: number) {
    this.#gateways = gateways
    this.world = new World(seed)
    this.cluster = new Cluster({
      world: this.world,
      nodes: MEMBERS + PAGES,
      replication: REPLICATION,
      subject: engineSubject,
      wrap: (ports, node) => ({ ...ports, links: this.#links(ports, node) }),
    })
    this.members = this.cluster.nodes.slice(0, MEMBERS)
    this.pages = this.cluster.nodes.slice(MEMBERS)
    this.cluster.observe({ event: (node, event) => this.#heard(node, event) })
    this.cluster.startAll()
    this.pass(15_000)
  }

  pass(ms: number): void {
    this.world.runUntil(this.world.now + ms)
  }

  ask(node: SimulatedNode, command: Command, ms = 5_000): Outcome | undefined {
    let outcome: Outcome | undefined
    present(node.subject, node.name).request(command, (told) => {
      outcome = told
    })
    this.pass(ms)
    return outcome
  }

  /** @returns the replicas */
  put(writer: SimulatedNode, key: string): readonly PeerId[] {
    const outcome = this.ask(writer, { type: 'put', key, value: utf8('v'), level: 'all' })
    if (outcome?.ok !== true || outcome.result.type !== 'put') throw new Error(`not put: ${key}`)
    expect(outcome.result.replicas).toHaveLength(REPLICATION)
    return outcome.result.replicas
  }

  votes(node: SimulatedNode): bigint | undefined {
    return node.subject?.state().counter('votes')
  }

  /** What the nodes that run take another for, all answers. */
  states(of: SimulatedNode): Set<string | undefined> {
    const others = this.cluster.running.filter((node) => node !== of)
    const stateAt = (node: SimulatedNode): string | undefined =>
      node.subject?.members().find(({ peer }) => peer === of.peer)?.state
    return new Set(others.map(stateAt))
  }

  #isPage({ index }: SimulatedNode): boolean {
    return index >= MEMBERS
  }

  /** Addresses as the nodes tell and dial them; the network below knows TCP alone. */
  #links({ links }: Ports, node: SimulatedNode): LinkPort {
    const isPage = this.#isPage(node)
    const told = (addresses: readonly string[]): readonly string[] => {
      if (isPage) return []
      const isGateway = node.index < this.#gateways
      return isGateway ? addresses.flatMap((one) => [one, `${one}${WS}`]) : addresses
    }
    return {
      ...links,
      listen: (listener: LinkListener) => {
        this.told.set(node.peer, (all) => listener.addresses(all))
        links.listen({ ...listener, addresses: (all) => listener.addresses(told(all)) })
      },
      dial: (peer, addresses) => {
        const usable = addresses.filter((one) => one.endsWith(WS) === isPage)
        links.dial(
          peer,
          usable.map((one) => one.replace(WS, '')),
        )
      },
    }
  }

  #heard(node: SimulatedNode, event: EngineEvent): void {
    if (event.type === 'member' && event.change.member.state === 'failed') {
      this.failures.push(`${node.name} about ${event.change.member.name}`)
    }
    if (event.type !== 'link-up' || event.details.direction !== 'outbound') return
    this.links.push({ from: node.peer, to: event.peer })
  }
}

describe('pages in browsers', () => {
  test.each([
    ['every member is a gateway', 1, MEMBERS],
    ['three members are', 2, 3],
  ])('take part without being dialled: %s', (_what, seed, gateways) => {
    const site = new Site(seed, gateways)
    const [page, other] = [present(site.pages[0], 'page'), present(site.pages[1], 'page')]
    const member = present(site.members.at(-1), 'member')
    site.pass(60_000)
    expect(site.failures).toEqual([])
    for (const node of site.cluster.nodes) expect(site.states(node)).toEqual(new Set(['alive']))
    const peers = new Set(site.pages.map(({ peer }) => peer))
    const isGateway = new Set(site.members.slice(0, gateways).map(({ peer }) => peer))
    const ofPages = site.links.filter(({ from, to }) => peers.has(from) || peers.has(to))
    // None leads to a page, and each from one to a member that pages can dial.
    expect(ofPages.length).toBeGreaterThanOrEqual(PAGES * 3)
    for (const { to } of ofPages) expect(isGateway.has(to)).toBe(true)

    expect(site.ask(page, ADD)).toMatchObject({ ok: true })
    expect(site.ask(member, ADD)).toMatchObject({ ok: true })
    for (const node of site.cluster.nodes) expect(site.votes(node)).toBe(2n)

    // Pages can only put and get where they can dial all replicas.
    const [writer, reader] = gateways === MEMBERS ? [page, other] : [member, member]
    for (let key = 0; key < KEYS; key++) {
      for (const replica of site.put(writer, `k${key}`)) expect(peers.has(replica)).toBe(false)
      const got = site.ask(reader, { type: 'get', key: `k${key}` })
      expect(got).toMatchObject({ ok: true, result: { found: expect.anything() } })
    }
  })

  test('one that is reloaded never fails, one that is closed does, for all', () => {
    const site = new Site(3, MEMBERS)
    const [reloaded, closed] = [present(site.pages[0], 'page'), present(site.pages[1], 'page')]
    site.cluster.crash(reloaded)
    site.pass(1_500)
    site.cluster.restart(reloaded)
    site.pass(15_000)
    expect(site.failures).toEqual([])
    site.cluster.crash(closed)
    // Its neighbours ask each other, and wait for no dial.
    site.pass(7_000)
    expect(site.states(closed)).toEqual(new Set(['failed']))
    expect(site.failures.every((text) => text.endsWith(` about ${closed.name}`))).toBe(true)
    site.cluster.restart(closed)
    site.pass(5_000)
    expect(site.states(closed)).toEqual(new Set(['alive']))
  })

  test('one that can be dialled after all takes its share', () => {
    const site = new Site(5, MEMBERS)
    const [page, member] = [present(site.pages[0], 'page'), present(site.members[0], 'member')]
    const holds = (key: string): boolean => site.put(member, key).includes(page.peer)
    const keys = Array.from({ length: KEYS }, (_, key) => `k${key}`)
    expect(keys.some(holds)).toBe(false)
    site.told.get(page.peer)?.([page.host.address])
    site.pass(5_000)
    expect(keys.some((key) => holds(`later ${key}`))).toBe(true)
    // It knows so itself.
    const own = keys.map((key) => site.put(page, `own ${key}`))
    expect(own.some((replicas) => replicas.includes(page.peer))).toBe(true)
  })

  test('where nobody can be dialled a node keeps its own values, and gives them away later', () => {
    const site = new Site(4, 1)
    const page = present(site.pages[0], 'page')
    for (const node of site.members) site.cluster.crash(node)
    site.pass(700_000)
    const put: Command = { type: 'put', key: 'alone', value: utf8('v'), level: 'one' }
    expect(site.ask(page, put)).toMatchObject({ ok: true })
    for (const node of site.members) site.cluster.restart(node)
    // What one is no replica of is offered when the members have not changed for two rounds.
    site.pass(90_000)
    const reader = present(site.members[5], 'member')
    expect(site.ask(reader, { type: 'get', key: 'alone' })).toMatchObject({
      result: { found: expect.anything() },
    })
  })
})
