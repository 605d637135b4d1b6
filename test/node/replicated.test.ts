import { describe, expect, test } from 'vitest'
import { EventHub } from '../../src/node/event-hub.ts'
import type { NodeEvent } from '../../src/node/node-types.ts'
import { Acks, replicaCount, replicated } from '../../src/node/replicated.ts'
import { localNode } from './local-node.ts'

/** Own writes by group, and how far each linked member has them; told of only by acks and events. */
class World {
  readonly written: Map<string, number> = new Map()
  readonly links: Map<string, Map<string, number>> = new Map()
  readonly acks = new Acks()
  subscribers = 0
  readonly hub = new (class extends EventHub {
    readonly #world: World
    constructor(world: World) {
      super((error) => {
        throw error
      })
      this.#world = world
    }
    override subscribe(listener: (event: NodeEvent) => void): () => void {
      const stop = super.subscribe(listener)
      this.#world.subscribers += 1
      return () => {
        this.#world.subscribers -= 1
        stop()
      }
    }
  })(this)
  readonly ledger = {
    ownEvents: (group: string): number => this.written.get(group) ?? 0,
    replicatedBy: (group: string, n: number): number =>
      group === 'main' || this.written.has(group)
        ? [...this.links.values()].filter((held) => (held.get(group) ?? 0) >= n).length
        : 0,
  }

  write(group = 'main'): void {
    this.written.set(group, this.ledger.ownEvents(group) + 1)
  }

  link(peer: string): void {
    this.links.set(peer, new Map())
    this.tell({ type: 'link-up', peerId: peer as never, address: '' })
  }

  ack(peer: string, n: number, group = 'main'): void {
    this.links.get(peer)?.set(group, n)
    this.acks.emit(group)
  }

  tell(
    event: {
      [K in NodeEvent['type']]: Omit<Extract<NodeEvent, { type: K }>, 'at'>
    }[NodeEvent['type']],
  ): void {
    this.hub.emit({ at: 0, ...event } as NodeEvent)
  }
}

/** What has become of a promise once everything that is due has run. */
async function outcome(promise: Promise<unknown>): Promise<unknown> {
  const pending = new Promise((resolve) => setImmediate(() => resolve('pending')))
  return await Promise.race([promise.catch((error: unknown) => error), pending])
}

describe('replicated()', () => {
  test('resolves when so many linked members hold what was written by then', async () => {
    const world = new World()
    for (const peer of ['b', 'c', 'd']) world.link(peer)
    world.write()
    world.write()
    const wait = replicated(world, 2, {})
    // Later writes are not waited for.
    world.write()
    world.ack('b', 2)
    world.ack('c', 1)
    expect(await outcome(wait)).toBe('pending')
    world.ack('c', 2)
    expect(await wait).toEqual({
      ...{ replicated: true, replicas: 2, group: 'main', elapsedMs: expect.any(Number) },
    })
    expect(replicaCount(world.ledger, 'main')).toBe(0)
    expect(world.subscribers).toBe(0)
  })

  test('resolves at once when they hold it already, and says how many do', async () => {
    const world = new World()
    for (const peer of ['b', 'c']) world.link(peer)
    world.write()
    world.ack('b', 1)
    world.ack('c', 1)
    expect(await replicated(world, 1, {})).toMatchObject({ replicas: 2 })
  })

  test('counts each group by itself', async () => {
    const world = new World()
    world.link('b')
    world.write()
    world.write('team')
    const wait = replicated(world, 1, { group: 'team' })
    world.ack('b', 1, 'main')
    expect(await outcome(wait)).toBe('pending')
    world.ack('b', 1, 'team')
    expect(await wait).toMatchObject({ group: 'team', replicas: 1 })
  })

  test('where nothing was written every linked member counts, as soon as there is one', async () => {
    const world = new World()
    const wait = replicated(world, 1, { group: 'unknown' })
    expect(await outcome(wait)).toBe('pending')
    world.link('b')
    expect(await wait).toMatchObject({ replicas: 1, group: 'unknown' })
    expect(replicaCount(world.ledger, 'unknown')).toBe(1)
  })

  test('a member that is gone no longer counts', async () => {
    const world = new World()
    for (const peer of ['b', 'c']) world.link(peer)
    world.write()
    world.ack('b', 1)
    const wait = replicated(world, 2, {})
    world.links.delete('b')
    world.tell({ type: 'link-down', peerId: 'b' as never, reason: 'closed' })
    world.ack('c', 1)
    expect(await outcome(wait)).toBe('pending')
    world.link('b')
    world.ack('b', 1)
    expect(await wait).toMatchObject({ replicas: 2 })
  })

  test('a new identity of the group ends the wait: its numbers count other events', async () => {
    const world = new World()
    world.link('b')
    for (let i = 0; i < 3; i++) world.write()
    const wait = replicated(world, 1, {})
    world.written.set('main', 1)
    world.ack('b', 3)
    await expect(wait).rejects.toMatchObject({ code: 'ERR_VERSION_CONFLICT' })
    expect(world.subscribers).toBe(0)
    expect(await replicated(world, 1, {})).toMatchObject({ replicas: 1 })
  })

  test('rejects with the reason of an abort, before and while it waits', async () => {
    const world = new World()
    const reason = new Error('enough')
    const late = new AbortController()
    const wait = replicated(world, 1, { signal: late.signal })
    late.abort(reason)
    await expect(wait).rejects.toBe(reason)
    await expect(replicated(world, 1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(world.subscribers).toBe(0)
  })

  test.each([0, 256, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'refuses %d replicas',
    async (wanted) => {
      const refused = replicated(new World(), wanted, {})
      await expect(refused).rejects.toThrow(RangeError)
      await expect(refused).rejects.toThrow('1 … 255')
    },
  )

  test.each(['2', undefined, null, 2n])('refuses what is no number: %s', async (wanted) => {
    await expect(replicated(new World(), wanted as never, {})).rejects.toThrow(TypeError)
  })
})

describe('replicated() of a node that is alone', () => {
  test('waits until the node stops', async () => {
    const { node } = localNode()
    await node.counter('c').add(1)
    const wait = node.replicated(1)
    expect(await outcome(wait)).toBe('pending')
    expect(node.replicaCount()).toBe(0)
    await node.stop()
    await expect(wait).rejects.toMatchObject({ code: 'ERR_STOPPED' })
    await expect(node.replicated(1)).rejects.toMatchObject({ code: 'ERR_STOPPED' })
  })
})
