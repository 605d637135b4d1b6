import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { KvCluster, type KvNode } from './kv-cluster.ts'

describe('repair', () => {
  it('keeps every value while every member is replaced, one by one', () => {
    const cluster = new KvCluster(7)
    const keys = Array.from({ length: 100 }, (_, i) => `key ${i}`)
    for (const key of keys) cluster.putNow(cluster.node(0), key, `value of ${key}`)
    const old = [...cluster.nodes]
    for (const leaving of old) {
      cluster.kill(leaving)
      cluster.add()
      cluster.view()
      cluster.run(3_000)
    }
    const reader = cluster.nodes.at(-1) ?? cluster.node(0)
    for (const key of keys) {
      expect(cluster.getNow(reader, key)).toBe(`value of ${key}`)
      expect(cluster.holders(key).length).toBeGreaterThanOrEqual(5)
    }
    expect(old.some(({ isUp }) => isUp)).toBe(false)
  })

  it('brings new replicas a deletion, not the value it deleted', () => {
    const cluster = new KvCluster(5)
    cluster.putNow(cluster.node(0), 'a', 'x', { level: 'all' })
    cluster.isCut = (_, to) => to === cluster.node(4)
    const request = cluster.delete(cluster.node(0), 'a')
    cluster.until(() => cluster.node(0).answers.has(request))
    cluster.run(3_000)
    cluster.isCut = () => false
    cluster.add()
    cluster.view()
    cluster.run(45_000)
    for (const node of cluster.nodes) expect(cluster.getNow(node, 'a')).toBe(undefined)
    const { version } = cluster.node(0).answer(request, 'put-done')
    for (const replica of cluster.replicas('a')) expect(replica.stored.at(-1)).toBe(`a ${version}`)
  })

  it('brings a replica that missed a write up to date within the period', () => {
    const cluster = new KvCluster(5)
    const late = cluster.node(4)
    cluster.isCut = (from, to) => from === late || to === late
    cluster.putNow(cluster.node(0), 'a', 'x')
    cluster.run(3_000)
    cluster.isCut = () => false
    expect(cluster.holders('a')).not.toContain(late)
    cluster.run(40_000)
    expect(cluster.holders('a')).toContain(late)
  })

  it('pushes nothing that the other holds', () => {
    const cluster = new KvCluster(5)
    for (let i = 0; i < 20; i++) cluster.putNow(cluster.node(0), `key ${i}`, 'x', { level: 'all' })
    cluster.sent.length = 0
    cluster.run(120_000)
    expect(cluster.count('compare')).toBeGreaterThan(0)
    expect(cluster.count('items')).toBe(0)
    expect(cluster.count('put')).toBe(0)
  })

  it('concerns only the replicas that a change of members made', () => {
    const cluster = new KvCluster(20)
    for (let i = 0; i < 40; i++) cluster.putNow(cluster.node(0), `key ${i}`, 'x', { level: 'all' })
    cluster.run(5_000)
    cluster.sent.length = 0
    const added = cluster.add()
    cluster.view()
    cluster.run(1_000)
    const compared = cluster.sent.filter(({ type }) => type === 'compare')
    expect(compared.length).toBeGreaterThan(0)
    expect(compared.every(({ to }) => to === added.index)).toBe(true)
    const due = Array.from({ length: 40 }, (_, i) => `key ${i}`).filter((key) => {
      return cluster.replicas(key).includes(added)
    })
    expect(cluster.count('put')).toBe(due.length)
    expect(added.kv.stats.records).toBe(due.length)
  })

  it('survives loss, in batches of digests and with few bytes in flight', () => {
    const cluster = new KvCluster(2, { loss: 0.1, replication: 3, seed: 5 })
    for (let i = 0; i < 300; i++) {
      cluster.putNow(cluster.node(i % 2), `key ${i}`, utf8(`${i}`), { level: 'one' })
    }
    const added = cluster.add()
    cluster.view()
    cluster.run(180_000)
    expect(added.kv.stats.records).toBe(300)
  })

  it('ends with a peer that falls silent', () => {
    const cluster = new KvCluster(3)
    cluster.putNow(cluster.node(0), 'a', 'x')
    const added = cluster.add()
    added.isStuck = true
    cluster.view()
    cluster.run(10_000)
    cluster.sent.length = 0
    cluster.run(10_000)
    expect(cluster.sent.length).toBeLessThan(20)
  })

  it('has at most 64 KiB on their way to a peer', () => {
    const cluster = new KvCluster(1, { latencyMs: 100 })
    const value = new Uint8Array(20_000)
    for (let i = 0; i < 10; i++) cluster.putNow(cluster.node(0), `key ${i}`, value)
    const added = cluster.add()
    cluster.view()
    cluster.sent.length = 0
    cluster.run(3_000)
    expect(added.kv.stats.records).toBe(10)
    const pushes = cluster.sent.filter(({ type }) => type === 'put')
    const together = pushes.map(({ at }) => pushes.filter((other) => other.at === at).length)
    expect(Math.max(...together)).toBe(3)
  })

  it('asks the same peer again for a record that it pushed once and has newer now', () => {
    const cluster = new KvCluster(2, { replication: 2, tunables: { repairPeriodMs: 10_000 } })
    const [holder, late] = [cluster.node(0), cluster.node(1)]
    for (const value of ['first', 'second']) {
      cluster.isCut = () => true
      cluster.putNow(holder, 'a', value, { level: 'one' })
      cluster.run(3_000)
      cluster.isCut = () => false
      cluster.run(14_000)
      expect(new TextDecoder().decode(cluster.held(late, 'a')).includes(value)).toBe(true)
    }
  })

  const fill = (cluster: KvCluster, count: number, bytes: number): void => {
    for (let i = 0; i < count; i++) {
      const writer = cluster.node(i % cluster.nodes.length)
      cluster.putNow(writer, `key ${i}`, new Uint8Array(bytes).fill(i), { level: 'all' })
    }
  }
  const missingBytes = (node: KvNode): number => node.kv.stats.bytes

  it.each([
    [4, 200],
    [8, 200],
    [20, 1_000],
  ])('brings a new member of %i what it should hold for 1.3 × its bytes', (count, bytes) => {
    const cluster = new KvCluster(count, { isFast: true })
    fill(cluster, 1_000, bytes)
    cluster.run(60_000)
    cluster.bytes = 0
    const added = cluster.add()
    cluster.view()
    cluster.run(10_000)
    const due = Array.from({ length: 1_000 }, (_, i) => `key ${i}`).filter((key) => {
      return cluster.replicas(key).includes(added)
    })
    expect(added.kv.stats.records).toBe(due.length)
    expect(cluster.bytes / missingBytes(added)).toBeLessThan(1.3)
  })

  it('brings a member that was away what it missed for 1.3 × those bytes', () => {
    const cluster = new KvCluster(8, { isFast: true })
    fill(cluster, 700, 1_000)
    const away = cluster.node(7)
    cluster.kill(away)
    cluster.view()
    cluster.run(10_000)
    for (let i = 700; i < 1_000; i++) {
      cluster.putNow(cluster.node(i % 7), `key ${i}`, new Uint8Array(1_000), { level: 'all' })
    }
    cluster.run(60_000)
    const before = new Set(away.rows.keys())
    cluster.bytes = 0
    cluster.restart(away)
    cluster.view()
    cluster.run(15_000)
    let missing = 0
    for (const [key, value] of away.rows) if (!before.has(key)) missing += value.length
    expect(missing).toBeGreaterThan(100_000)
    expect(cluster.bytes / missing).toBeLessThan(1.3)
    const due = Array.from({ length: 1_000 }, (_, i) => `key ${i}`)
    for (const key of due) {
      if (cluster.replicas(key).includes(away)) expect(cluster.holders(key)).toContain(away)
    }
  })

  it('costs an idle node below 200 B a second, however much it holds', () => {
    for (const [count, records] of [
      [5, 500],
      [20, 500],
    ] as const) {
      const cluster = new KvCluster(count, { isFast: true })
      fill(cluster, records, 100)
      cluster.run(60_000)
      cluster.bytes = 0
      cluster.run(120_000)
      expect(cluster.bytes).toBeGreaterThan(0)
      expect(cluster.bytes / 120 / count).toBeLessThan(200)
    }
  })

  it('gives the newer record to whom holds the older, whoever notices', () => {
    const cluster = new KvCluster(5)
    const [first, last] = [cluster.node(0), cluster.node(4)]
    for (let i = 0; i < 50; i++) cluster.putNow(first, `key ${i}`, 'old', { level: 'all' })
    cluster.isCut = (from, to) => from === last || to === last
    for (let i = 0; i < 50; i++) cluster.putNow(first, `key ${i}`, 'new')
    cluster.isCut = () => false
    cluster.run(60_000)
    const text = new TextDecoder()
    for (let i = 0; i < 50; i++) {
      for (const node of cluster.nodes) {
        const value = cluster.held(node, `key ${i}`)?.slice(-67, -64)
        expect(text.decode(value)).toBe('new')
      }
    }
  })

  it('prunes what all replicas hold after two rounds without a change of members, not before', () => {
    const cluster = new KvCluster(5)
    fill(cluster, 60, 50)
    for (let i = 0; i < 5; i++) cluster.add()
    cluster.view()
    cluster.run(60_000)
    const held = (): number => cluster.nodes.reduce((sum, { kv }) => sum + kv.stats.records, 0)
    expect(held()).toBeGreaterThan(60 * 5)
    cluster.run(150_000)
    expect(held()).toBe(60 * 5)
    for (let i = 0; i < 60; i++) {
      expect(new Set(cluster.holders(`key ${i}`))).toEqual(new Set(cluster.replicas(`key ${i}`)))
    }
    cluster.sent.length = 0
    cluster.run(120_000)
    expect(cluster.count('put')).toBe(0)
  })

  it('prunes nothing that one of the replicas does not hold', () => {
    const cluster = new KvCluster(4, { replication: 3 })
    fill(cluster, 40, 50)
    for (let i = 0; i < 3; i++) cluster.add().kv.isFull = true
    cluster.view()
    cluster.run(600_000)
    for (let i = 0; i < 40; i++) {
      const holders = cluster.nodes.slice(0, 4).filter((node) => cluster.held(node, `key ${i}`))
      const replicas = cluster.replicas(`key ${i}`)
      if (replicas.some((node) => node.index > 3)) expect(holders.length).toBeGreaterThanOrEqual(3)
    }
  })

  it('hands what was left for a suspect over as soon as it is well', () => {
    const cluster = new KvCluster(9)
    const ill = cluster.replicas('a')[0] ?? cluster.node(0)
    const writer = cluster.nodes.find((node) => !cluster.replicas('a').includes(node)) ?? ill
    ill.isStuck = true
    cluster.view({ suspects: [ill] })
    cluster.putNow(writer, 'a', 'x', { level: 'all' })
    expect(cluster.holders('a')).not.toContain(ill)
    ill.isStuck = false
    cluster.view()
    cluster.run(5_000)
    expect(cluster.holders('a')).toContain(ill)
  })

  it('says nothing to a member that is well again and shares no record with us', () => {
    const cluster = new KvCluster(9)
    cluster.view({ suspects: [cluster.node(3)] })
    cluster.view()
    cluster.run(5_000)
    expect(cluster.sent).toEqual([])
    cluster.putNow(cluster.node(0), 'a', 'x')
    const [first] = cluster.replicas('a')
    if (first === undefined) throw new Error('no replica')
    cluster.sent.length = 0
    cluster.view({ suspects: [first] })
    cluster.view()
    cluster.run(8_000)
    expect(cluster.count('compare')).toBeGreaterThan(0)
    const others = cluster.nodes.filter((node) => !cluster.replicas('a').includes(node))
    for (const other of others) expect(cluster.count('compare', other)).toBe(0)
  })
})
