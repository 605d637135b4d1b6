import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { KvCluster } from './kv-cluster.ts'

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
    expect(cluster.count('digests')).toBeGreaterThan(0)
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
    const digests = cluster.sent.filter(({ from, type }) => {
      return type === 'digests' && from !== added.index
    })
    expect(digests.length).toBeGreaterThan(0)
    expect(digests.every(({ to }) => to === added.index)).toBe(true)
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
})
