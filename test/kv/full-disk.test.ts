import { describe, expect, it } from 'vitest'
import { KvCluster } from './kv-cluster.ts'

describe('a replica without room', () => {
  it('refuses records at once, so that writers hear of it and quorums hold without it', () => {
    const cluster = new KvCluster(3)
    const full = cluster.node(2)
    full.kv.isFull = true
    const startedAt = cluster.now
    const { acks } = cluster.putNow(cluster.node(0), 'a', 'x')
    expect(acks).toBe(2)
    const request = cluster.put(cluster.node(0), 'b', 'x', { level: 'all' })
    cluster.until(() => cluster.node(0).answers.has(request))
    expect(cluster.node(0).answer(request, 'refused').error.message).toContain('store-full')
    expect(cluster.now - startedAt).toBeLessThan(1_000)
    expect(full.rows.size).toBe(0)
    expect(full.drops.get('kv record: store-full')).toBe(2)
  })

  it('reads what it lacks without keeping it', () => {
    const cluster = new KvCluster(3)
    const full = cluster.node(2)
    full.kv.isFull = true
    cluster.putNow(cluster.node(0), 'a', 'x')
    expect(cluster.getNow(full, 'a')).toBe('x')
    cluster.run(3_000)
    expect(full.rows.size).toBe(0)
  })

  it('serves and repairs others, and still forgets what expires', () => {
    const cluster = new KvCluster(3)
    const full = cluster.node(2)
    cluster.putNow(full, 'a', 'x', { level: 'all' })
    cluster.putNow(full, 'short', 'x', { level: 'all', ttlMs: 20_000 })
    full.kv.isFull = true
    const empty = cluster.node(1)
    cluster.kill(empty)
    empty.rows.clear()
    cluster.view()
    cluster.restart(empty)
    cluster.kill(cluster.node(0))
    cluster.view()
    expect(cluster.getNow(empty, 'a')).toBe('x')
    cluster.run(60_000)
    expect(cluster.holders('a')).toContain(empty)
    // The value, and that this node wrote it.
    expect(full.rows.size).toBe(2)
  })

  it('asks for nothing meanwhile, and catches up within the period once there is room', () => {
    const cluster = new KvCluster(3)
    const full = cluster.node(2)
    full.kv.isFull = true
    for (let i = 0; i < 20; i++) cluster.putNow(cluster.node(0), `key ${i}`, 'x')
    cluster.run(3_000)
    cluster.sent.length = 0
    cluster.run(60_000)
    expect(cluster.count('compare')).toBeGreaterThan(0)
    expect(cluster.count('put')).toBe(0)
    full.kv.isFull = false
    cluster.run(45_000)
    expect(full.rows.size).toBe(20)
  })
})
