import { describe, expect, it } from 'vitest'
import { HearsayError, QuorumError } from '../../src/base/errors.ts'
import { requiredAcks } from '../../src/kv/required-acks.ts'
import { KvCluster, type KvNode } from './kv-cluster.ts'

function quorumError(node: KvNode, request: number): { acks: number; required: number } {
  const { error } = node.answer(request, 'refused')
  if (!(error instanceof QuorumError)) throw error
  return { acks: error.acks, required: error.required }
}

describe('put', () => {
  it('requiredAcks() counts a majority of the replicas that should exist', () => {
    const required = (level: 'one' | 'quorum' | 'all'): number[] => {
      return [1, 2, 3, 4, 5, 9].map((members) => requiredAcks(level, { replication: 5, members }))
    }
    expect(required('one')).toEqual([1, 1, 1, 1, 1, 1])
    expect(required('quorum')).toEqual([1, 2, 2, 3, 3, 3])
    expect(required('all')).toEqual([1, 2, 3, 4, 5, 5])
  })

  it('sends exactly N requests and answers at the quorum', () => {
    const cluster = new KvCluster(12)
    const writer = cluster.node(0)
    const done = cluster.putNow(writer, 'a', 'one')
    expect(done).toMatchObject({ acks: 3, required: 3, degraded: false, superseded: false })
    expect(done.replicas.length).toBe(3)
    cluster.run(3_000)
    expect(cluster.count('put')).toBe(5)
    expect(cluster.holders('a')).toHaveLength(5)
    expect(new Set(cluster.holders('a'))).toEqual(new Set(cluster.replicas('a')))
  })

  it('answers one at the first acknowledgement and all at the last', () => {
    const cluster = new KvCluster(8)
    expect(cluster.putNow(cluster.node(0), 'a', 'x', { level: 'one' })).toMatchObject({
      acks: 1,
      required: 1,
    })
    expect(cluster.putNow(cluster.node(0), 'b', 'x', { level: 'all' })).toMatchObject({
      acks: 5,
      required: 5,
    })
  })

  it('works alone, and says degraded', () => {
    const cluster = new KvCluster(1)
    const done = cluster.putNow(cluster.node(0), 'a', 'x', { level: 'all' })
    expect(done).toMatchObject({ acks: 1, required: 1, degraded: true })
    expect(done.replicas).toEqual([cluster.node(0).peerId])
  })

  it('does not lower the quorum for members lost recently', () => {
    const cluster = new KvCluster(5)
    for (const index of [2, 3, 4]) cluster.kill(cluster.node(index))
    cluster.view({ lost: 3 })
    const request = cluster.put(cluster.node(0), 'a', 'x')
    cluster.until(() => cluster.node(0).answers.has(request))
    expect(quorumError(cluster.node(0), request)).toEqual({ acks: 2, required: 3 })
    cluster.view({ lost: 0 })
    expect(cluster.putNow(cluster.node(0), 'a', 'x')).toMatchObject({ required: 2, degraded: true })
  })

  it('fails soon, with exact acknowledgements, when replicas stay unreachable', () => {
    const cluster = new KvCluster(5, { diskMs: 20 })
    for (const index of [2, 3, 4]) cluster.unreachable.add(cluster.node(index))
    const request = cluster.put(cluster.node(0), 'a', 'x')
    const before = cluster.now
    cluster.until(() => cluster.node(0).answers.has(request))
    expect(quorumError(cluster.node(0), request)).toEqual({ acks: 2, required: 3 })
    expect(cluster.now - before).toBeLessThanOrEqual(610)
  })

  it('fails at its deadline when replicas are silent', () => {
    const cluster = new KvCluster(5)
    for (const index of [2, 3, 4]) cluster.node(index).isStuck = true
    const request = cluster.put(cluster.node(0), 'a', 'x')
    const before = cluster.now
    cluster.until(() => cluster.node(0).answers.has(request))
    expect(quorumError(cluster.node(0), request)).toEqual({ acks: 2, required: 3 })
    expect(cluster.now - before).toBeLessThanOrEqual(2_000)
    expect(cluster.now - before).toBeGreaterThan(1_000)
  })

  it('falls back on the next closest live members, whose acknowledgements count', () => {
    const cluster = new KvCluster(10)
    const replicas = cluster.replicas('a')
    const writer = cluster.nodes.find((node) => !replicas.includes(node)) ?? cluster.node(0)
    for (const replica of replicas.slice(0, 3)) cluster.unreachable.add(replica)
    const done = cluster.putNow(writer, 'a', 'x')
    expect(done).toMatchObject({ acks: 3, required: 3 })
    cluster.run(3_000)
    expect(cluster.holders('a')).toHaveLength(5)
  })

  it('includes suspects', () => {
    const cluster = new KvCluster(5)
    cluster.view({ suspects: cluster.nodes.slice(1) })
    expect(cluster.putNow(cluster.node(0), 'a', 'x', { level: 'all' }).acks).toBe(5)
  })

  it('sends lost requests again, without counting a replica twice', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const cluster = new KvCluster(7, { seed, loss: 0.2, duplicates: 0.2 })
      const done = cluster.putNow(cluster.node(0), 'a', 'x', { level: 'quorum' })
      expect(new Set(done.replicas).size).toBe(done.acks)
    }
  })

  it('acknowledges after the disk only', () => {
    const cluster = new KvCluster(5, { diskMs: 30, latencyMs: 1 })
    const before = cluster.now
    cluster.putNow(cluster.node(0), 'a', 'x')
    expect(cluster.now - before).toBe(32)
  })

  it('reports that a newer version stays', () => {
    const cluster = new KvCluster(5)
    const ahead = cluster.node(1)
    ahead.aheadMs = 300_000
    const fresh = cluster.add()
    cluster.isCut = (_, to) => to === fresh
    cluster.putNow(ahead, 'a', 'from the future')
    cluster.isCut = () => false
    cluster.view()
    const late = cluster.putNow(fresh, 'a', 'late', { level: 'all' })
    expect(late.superseded).toBe(true)
    expect(cluster.getNow(fresh, 'a')).toBe('from the future')
    expect(cluster.putNow(fresh, 'a', 'after reading').superseded).toBe(false)
    expect(cluster.getNow(cluster.node(0), 'a')).toBe('after reading')
  })

  it('refuses what it cannot store, without sending anything', () => {
    const cluster = new KvCluster(3)
    const node = cluster.node(0)
    const error = (request: number): unknown => node.answer(request, 'refused').error
    expect(error(cluster.put(node, '', 'x'))).toBeInstanceOf(TypeError)
    expect(error(cluster.put(node, '\ud800', 'x'))).toBeInstanceOf(TypeError)
    expect(error(cluster.put(node, 'é'.repeat(513), 'x'))).toMatchObject({ code: 'ERR_LIMIT' })
    expect(error(cluster.put(node, 'a', new Uint8Array(65_537)))).toBeInstanceOf(HearsayError)
    expect(error(cluster.put(node, 'a', 'x', { ttlMs: 0 }))).toBeInstanceOf(RangeError)
    expect(error(cluster.get(node, ''))).toBeInstanceOf(TypeError)
    expect(cluster.sent).toEqual([])
    expect(cluster.putNow(node, 'a', new Uint8Array(65_536)).acks).toBe(2)
  })

  it('limits the operations under way', () => {
    const cluster = new KvCluster(3, { tunables: { operationsMax: 2 } })
    const node = cluster.node(0)
    cluster.put(node, 'a', 'x')
    cluster.get(node, 'a')
    const third = cluster.put(node, 'b', 'x')
    expect(node.answer(third, 'refused').error).toMatchObject({ code: 'ERR_OVERLOADED' })
  })

  it('gives no answer to a cancelled request', () => {
    const cluster = new KvCluster(3)
    const put = cluster.put(cluster.node(0), 'a', 'x')
    const get = cluster.get(cluster.node(0), 'a')
    cluster.input(cluster.node(0), { type: 'cancel', request: put })
    cluster.input(cluster.node(0), { type: 'cancel', request: get })
    cluster.run(5_000)
    expect(cluster.node(0).answers.size).toBe(0)
  })

  it('obeys busy replicas and still succeeds', () => {
    const cluster = new KvCluster(5, { tunables: { memberCostPerSecond: 10 } })
    const writer = cluster.node(0)
    const requests = Array.from({ length: 30 }, (_, i) => cluster.put(writer, `key ${i}`, 'x'))
    cluster.run(2_000)
    for (const request of requests) {
      expect(writer.answer(request, 'put-done').acks).toBe(3)
    }
    expect(cluster.count('busy')).toBeGreaterThan(0)
  })

  it('asks replicas that are alive again when their links were down for a moment', () => {
    const cluster = new KvCluster(3)
    const writer = cluster.node(0)
    for (const index of [1, 2]) cluster.unreachable.add(cluster.node(index))
    const request = cluster.put(writer, 'a', 'x', { level: 'all' })
    cluster.run(100)
    expect(writer.answers.has(request)).toBe(false)
    cluster.unreachable.clear()
    cluster.until(() => writer.answers.has(request))
    expect(writer.answer(request, 'put-done')).toMatchObject({ acks: 3, required: 3 })
  })
})
