import { describe, expect, it } from 'vitest'
import { BulkWindow } from '../../src/kv/bulk-window.ts'
import { Timers } from '../../src/kv/timers.ts'
import { KvCluster, START } from './kv-cluster.ts'

const HOUR = 3_600_000
const CHUNK = { kind: 'immutable', ttlMs: 2 * HOUR, enoughMs: HOUR } as const
const chunk = (fill: number): Uint8Array => new Uint8Array(200_000).fill(fill)

describe('chunks of large values', () => {
  it('are not sent again to whoever holds them long enough', () => {
    const cluster = new KvCluster(8)
    const writer = cluster.node(0)
    const first = cluster.putNow(writer, '-', chunk(1), CHUNK)
    expect(first).toMatchObject({ acks: 3, held: 0 })
    cluster.run(1_000)
    expect([cluster.count('items'), cluster.count('put')]).toEqual([5, 5])
    const [puts, bytes] = [cluster.count('put'), cluster.bytes]
    const again = cluster.putNow(writer, '-', chunk(1), CHUNK)
    expect(again).toMatchObject({ key: first.key, acks: 3, held: 3 })
    cluster.run(1_000)
    expect(cluster.count('put')).toBe(puts)
    expect(cluster.bytes - bytes).toBeLessThan(1_000)
    // What is wanted for longer than it lives has to be sent.
    cluster.putNow(writer, '-', chunk(1), { ...CHUNK, ttlMs: 4 * HOUR, enoughMs: 3 * HOUR })
    cluster.run(1_000)
    expect(cluster.count('put')).toBe(puts + 5)
  })

  it('are sent to the replicas that lack them', () => {
    const cluster = new KvCluster(8)
    const writer = cluster.node(0)
    const lacking = cluster.node(3)
    cluster.isCut = (_, to) => to === lacking
    for (let fill = 0; fill < 8; fill++) cluster.putNow(writer, '-', chunk(fill), CHUNK)
    cluster.run(10_000)
    cluster.isCut = () => false
    const before = cluster.sent.length
    for (let fill = 0; fill < 8; fill++) {
      cluster.putNow(writer, '-', chunk(fill), { ...CHUNK, level: 'all' })
    }
    const sent = cluster.sent.slice(before).filter(({ type }) => type === 'put')
    expect(sent.length).toBeGreaterThan(0)
    expect(sent.length).toBeLessThan(16)
    expect(sent.some(({ to }) => to === lacking.index)).toBe(true)
  })

  it('go to each replica two at a time', () => {
    const cluster = new KvCluster(5, { latencyMs: 50 })
    const writer = cluster.node(0)
    // Repair after the change of members is over.
    cluster.run(10_000)
    const requests = Array.from({ length: 10 }, (_, fill) => {
      return cluster.put(writer, '-', chunk(fill), { kind: 'immutable' })
    })
    const to = (index: number): number =>
      cluster.sent.filter((sent) => sent.type === 'put' && sent.to === index).length
    expect([0, 1, 2, 3, 4].map(to)).toEqual([2, 2, 2, 2, 2])
    cluster.until(() => requests.every((request) => writer.answers.has(request)))
    for (const request of requests) expect(writer.answer(request, 'put-done').acks).toBe(3)
    cluster.run(1_000)
    expect(cluster.count('put')).toBe(50)
  })

  it('are read without asking a second replica soon', () => {
    const cluster = new KvCluster(8)
    const value = chunk(1)
    const { key } = cluster.putNow(cluster.node(0), '-', value, CHUNK)
    cluster.run(1_000)
    const reader = cluster.nodes.find((node) => {
      return node.kv.lookup(new TextEncoder().encode(`/h/${key}`), cluster.now) === undefined
    })
    if (reader === undefined) throw new Error('Everybody is a replica')
    // So that it knows how fast replicas answer.
    for (let i = 0; i < 20; i++) cluster.putNow(cluster.node(0), `k${i}`, 'v')
    for (let i = 0; i < 20; i++) cluster.getNow(reader, `k${i}`)
    cluster.run(1_000)
    cluster.delayMs = () => 60
    const before = cluster.count('get')
    const request = cluster.get(reader, key, { kind: 'immutable', isLarge: true })
    cluster.until(() => reader.answers.has(request))
    expect(reader.answer(request, 'get-done').found?.value.length).toBe(value.length)
    expect(cluster.count('get') - before).toBe(1)
  })
})

describe('what a node puts into its own store', () => {
  it('is not verified: it has signed it', () => {
    const cluster = new KvCluster(1)
    const node = cluster.node(0)
    let verified = 0
    const { verify } = node.signer
    Object.assign(node.signer, {
      verify: (...proof: Parameters<typeof verify>) => {
        verified += 1
        return verify(...proof)
      },
    })
    cluster.putNow(node, 'a', 'x')
    cluster.putNow(node, '-', 'y', { kind: 'immutable' })
    expect(cluster.getNow(node, 'a')).toBe('x')
    expect(verified).toBe(0)
  })
})

describe('BulkWindow', () => {
  const peer = new KvCluster(1).node(0).peerId
  const other = new KvCluster(2).node(1).peerId

  /** Passages that note when their turn comes. */
  function passages() {
    const started: string[] = []
    const timers = new Timers()
    const window = new BulkWindow(timers)
    const passage = (name: string, bytes = 260_000, to = peer) => ({
      ...{ peer: to, bytes },
      start: () => {
        started.push(name)
      },
    })
    return { started, timers, window, passage }
  }

  it('starts the next ones in order as others leave, each peer by itself', () => {
    const { started, window, passage } = passages()
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => passage(name))
    if (a === undefined || b === undefined || c === undefined || d === undefined) return
    for (const each of [a, b, c, d]) window.enter(each, START)
    window.enter(passage('elsewhere', 1, other), START)
    expect(started).toEqual(['a', 'b', 'elsewhere'])
    window.leave(c, START)
    window.leave(a, START)
    expect(started).toEqual(['a', 'b', 'elsewhere', 'd'])
  })

  it('lets one through that is larger than all that may be under way', () => {
    const { started, window, passage } = passages()
    window.enter(passage('huge', 10_000_000), START)
    window.enter(passage('next'), START)
    expect(started).toEqual(['huge'])
  })

  it('starts the next one at the next tick when nobody told the time', () => {
    const { started, timers, window, passage } = passages()
    const [a, b] = [passage('a', 500_000), passage('b', 500_000)]
    window.enter(a, START)
    window.enter(b, START)
    window.leave(a, undefined)
    expect(started).toEqual(['a'])
    timers.fire(START)
    expect(started).toEqual(['a', 'b'])
  })
})
