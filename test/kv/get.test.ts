import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KvCluster, type KvNode } from './kv-cluster.ts'

/** A node that is no replica of the key. */
function stranger(cluster: KvCluster, key: string): KvNode {
  const replicas = cluster.replicas(key)
  const found = cluster.nodes.find((node) => !replicas.includes(node))
  if (found === undefined) throw new Error('Every node is a replica')
  return found
}

describe('get', () => {
  it.each([
    [0, 1],
    [1, 2],
  ])(
    'costs one request, wherever it starts, and with a share of %i comparisons %i',
    (share, gets) => {
      const cluster = new KvCluster(12, { tunables: { readCheckShare: share } })
      cluster.putNow(cluster.node(0), 'a', 'x')
      cluster.run(3_000)
      for (const node of cluster.nodes) {
        cluster.sent.length = 0
        expect(cluster.getNow(node, 'a')).toBe('x')
        cluster.run(3_000)
        expect(cluster.count('get')).toBe(gets)
        expect(cluster.count('put')).toBe(0)
        expect(cluster.count('found')).toBe(1)
      }
    },
  )

  it('answers a thousand reads in at most three round trips', () => {
    const cluster = new KvCluster(20, { latencyMs: 25, isFast: true })
    const keys = Array.from({ length: 1_000 }, (_, i) => `key ${i}`)
    for (const [i, key] of keys.entries()) cluster.putNow(cluster.node(i % 20), key, key)
    cluster.run(5_000)
    const reader = cluster.node(0)
    const before = cluster.now
    const requests = keys.map((key) => cluster.get(reader, key))
    cluster.until(() => requests.every((request) => reader.answers.has(request)))
    expect(cluster.now - before).toBeLessThanOrEqual(3 * 50)
    expect(requests.every((request) => reader.answer(request, 'get-done').found)).toBe(true)
  })

  it('asks itself first when it holds the record', () => {
    const cluster = new KvCluster(5, { latencyMs: 50 })
    cluster.putNow(cluster.node(0), 'a', 'x', { level: 'all' })
    const before = cluster.now
    expect(cluster.getNow(cluster.node(3), 'a')).toBe('x')
    expect(cluster.now).toBe(before)
  })

  it('answers in one round trip', () => {
    const cluster = new KvCluster(12, { latencyMs: 50 })
    cluster.putNow(cluster.node(0), 'a', 'x', { level: 'all' })
    const before = cluster.now
    expect(cluster.getNow(stranger(cluster, 'a'), 'a')).toBe('x')
    expect(cluster.now - before).toBe(100)
  })

  it('reads its own quorum write, whatever was lost', () => {
    for (let seed = 1; seed <= 30; seed++) {
      const cluster = new KvCluster(8, { seed, loss: 0.15 })
      const replicas = cluster.replicas('a')
      const missing = replicas.slice(0, 2)
      cluster.isCut = (_, to) => missing.includes(to)
      const node = stranger(cluster, 'a')
      cluster.putNow(node, 'a', 'x')
      cluster.isCut = () => false
      expect(cluster.getNow(node, 'a')).toBe('x')
    }
  })

  it('says not found after a majority of the replicas and the next N members', () => {
    const cluster = new KvCluster(12)
    expect(cluster.getNow(cluster.node(0), 'a')).toBe(undefined)
    expect(cluster.count('get')).toBe(10)
    const small = new KvCluster(3)
    expect(small.getNow(small.node(0), 'a')).toBe(undefined)
    expect(small.count('get')).toBe(3)
    const alone = new KvCluster(1)
    expect(alone.getNow(alone.node(0), 'a')).toBe(undefined)
  })

  it('finds a value that only the next N members hold', () => {
    const cluster = new KvCluster(10)
    const replicas = cluster.replicas('a')
    const others = cluster.nodes.filter((node) => !replicas.includes(node))
    const writer = others[0] ?? cluster.node(0)
    cluster.view({ of: [writer], members: others })
    cluster.putNow(writer, 'a', 'x', { level: 'all' })
    cluster.view({ of: [writer] })
    expect(cluster.getNow(writer, 'a')).toBe('x')
  })

  it('hedges around a stuck replica, and asks it last the next time', () => {
    const cluster = new KvCluster(12, { latencyMs: 10 })
    cluster.putNow(cluster.node(0), 'a', 'x', { level: 'all' })
    const node = stranger(cluster, 'a')
    cluster.getNow(node, 'a')
    cluster.run(500)
    const [first] = cluster.replicas('a')
    if (first !== undefined) first.isStuck = true
    let before = cluster.now
    expect(cluster.getNow(node, 'a')).toBe('x')
    // The hedge comes at 1.2 round trips, since all were alike, and brings it one later.
    expect(cluster.now - before).toBe(44)
    before = cluster.now
    expect(cluster.getNow(node, 'a')).toBe('x')
    expect(cluster.now - before).toBe(20)
  })

  it('goes on at once when a replica is unreachable', () => {
    const cluster = new KvCluster(12, { latencyMs: 10 })
    cluster.putNow(cluster.node(0), 'a', 'x', { level: 'all' })
    const node = stranger(cluster, 'a')
    const [first] = cluster.replicas('a')
    if (first !== undefined) cluster.unreachable.add(first)
    const before = cluster.now
    expect(cluster.getNow(node, 'a')).toBe('x')
    expect(cluster.now - before).toBe(30)
  })

  it('asks suspects last', () => {
    const cluster = new KvCluster(12)
    cluster.putNow(cluster.node(0), 'a', 'x', { level: 'all' })
    cluster.run(3_000)
    const node = stranger(cluster, 'a')
    const suspects = cluster.replicas('a').slice(0, 4)
    cluster.view({ suspects })
    cluster.sent.length = 0
    expect(cluster.getNow(node, 'a')).toBe('x')
    expect(cluster.sent.filter(({ type }) => type === 'get').map(({ to }) => to)).toEqual([
      cluster.replicas('a')[4]?.index,
    ])
  })

  it('refuses with ERR_TIMEOUT when no replica can be reached', () => {
    const cluster = new KvCluster(12)
    const node = stranger(cluster, 'a')
    for (const replica of cluster.replicas('a')) cluster.unreachable.add(replica)
    const request = cluster.get(node, 'a')
    const before = cluster.now
    cluster.until(() => node.answers.has(request))
    expect(node.answer(request, 'refused').error).toMatchObject({ code: 'ERR_TIMEOUT' })
    expect(cluster.now - before).toBe(2_000)
  })

  it('says not found when all that can be reached say so', () => {
    const cluster = new KvCluster(5)
    for (const index of [2, 3, 4]) cluster.unreachable.add(cluster.node(index))
    expect(cluster.getNow(cluster.node(0), 'a')).toBe(undefined)
  })

  it('does not say not found while most replicas are silent', () => {
    const cluster = new KvCluster(5, { tunables: { tries: 1, retryMs: 100 } })
    for (const index of [2, 3, 4]) cluster.node(index).isStuck = true
    const request = cluster.get(cluster.node(0), 'a')
    cluster.run(2_000)
    expect(cluster.node(0).answer(request, 'refused').error).toMatchObject({ code: 'ERR_TIMEOUT' })
  })

  it('repairs the replica that holds an older version, either way round', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const tunables = { readCheckShare: 1 }
      const cluster = new KvCluster(2, { seed, replication: 2, tunables })
      const [a, b] = [cluster.node(0), cluster.node(1)]
      cluster.putNow(a, 'k', 'old', { level: 'all' })
      cluster.isCut = () => true
      cluster.putNow(b, 'k', 'new', { level: 'one' })
      cluster.run(5_000)
      cluster.isCut = () => false
      const reader = seed % 2 === 0 ? a : b
      cluster.getNow(reader, 'k')
      cluster.run(1_000)
      for (const node of [a, b]) expect(cluster.getNow(node, 'k')).toBe('new')
    }
  })

  it('takes a tombstone for not found, and a later put for found', () => {
    const cluster = new KvCluster(7)
    const node = cluster.node(0)
    cluster.putNow(node, 'a', 'x')
    const deleted = cluster.delete(node, 'a')
    cluster.until(() => node.answers.has(deleted))
    const version = node.answer(deleted, 'put-done').version
    expect(cluster.getNow(cluster.node(1), 'a')).toBe(undefined)
    const again = cluster.putNow(cluster.node(2), 'a', 'y')
    expect(again.version > version).toBe(true)
    for (const each of cluster.nodes) expect(cluster.getNow(each, 'a')).toBe('y')
  })

  it('returns the version that the put returned', () => {
    const cluster = new KvCluster(7)
    const { version } = cluster.putNow(cluster.node(0), 'a', 'x')
    const request = cluster.get(cluster.node(1), 'a')
    cluster.run(100)
    expect(cluster.node(1).answer(request, 'get-done').found).toMatchObject({
      version,
      author: cluster.node(0).peerId,
    })
  })

  it('hands out a copy: changing it changes nothing stored', () => {
    const cluster = new KvCluster(1)
    cluster.putNow(cluster.node(0), 'a', 'x')
    const request = cluster.get(cluster.node(0), 'a')
    cluster.run(10)
    cluster.node(0).answer(request, 'get-done').found?.value.fill(0)
    expect(cluster.getNow(cluster.node(0), 'a')).toBe('x')
  })

  it('never goes back, whatever is lost, doubled and written by whom (property)', () => {
    const step = fc.record({
      node: fc.nat({ max: 5 }),
      action: fc.constantFrom('put', 'get', 'delete', 'wait'),
    })
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.array(step, { minLength: 1, maxLength: 12 }),
        (seed, steps) => {
          const cluster = new KvCluster(6, { seed, loss: 0.1, duplicates: 0.2, latencyMs: 3 })
          const versions = new Map<KvNode, string>()
          for (const [index, { node, action }] of steps.entries()) {
            const at = cluster.node(node)
            if (action === 'put') cluster.put(at, 'a', `${index}`)
            if (action === 'delete') cluster.delete(at, 'a')
            if (action === 'get') cluster.get(at, 'a')
            cluster.run(action === 'wait' ? 1_000 : 2)
            for (const each of cluster.nodes) {
              const newest = each.stored.at(-1)?.slice(2) ?? ''
              expect(newest >= (versions.get(each) ?? '')).toBe(true)
              versions.set(each, newest)
            }
          }
          cluster.run(45_000)
          const held = cluster.replicas('a').map((replica) => replica.stored.at(-1))
          expect(new Set(held).size).toBe(1)
        },
      ),
      { numRuns: 60 },
    )
  })
})
