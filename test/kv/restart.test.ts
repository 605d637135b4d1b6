import { describe, expect, it } from 'vitest'
import { KvCluster } from './kv-cluster.ts'

describe('restart', () => {
  it('serves the records of its rows, deletions included', () => {
    const cluster = new KvCluster(3)
    const node = cluster.node(1)
    for (let i = 0; i < 10; i++) cluster.putNow(node, `key ${i}`, `${i}`, { level: 'all' })
    cluster.delete(node, 'key 3', { level: 'all' })
    cluster.run(100)
    for (const each of cluster.nodes) cluster.kill(each)
    cluster.run(1_000)
    for (const each of cluster.nodes) cluster.restart(each)
    cluster.view()
    for (let i = 0; i < 10; i++) {
      expect(cluster.getNow(cluster.node(0), `key ${i}`)).toBe(i === 3 ? undefined : `${i}`)
    }
  })

  it('comes back after all replicas of a key were replaced but one', () => {
    const cluster = new KvCluster(3, { replication: 3 })
    cluster.putNow(cluster.node(0), 'a', 'x', { level: 'all' })
    for (const node of cluster.nodes) cluster.kill(node)
    cluster.add()
    cluster.add()
    cluster.restart(cluster.node(2))
    cluster.view()
    cluster.run(1_000)
    expect(cluster.holders('a')).toHaveLength(3)
  })

  it('writes above what it held though its clock went back some minutes', () => {
    const cluster = new KvCluster(1)
    const node = cluster.node(0)
    const before = cluster.putNow(node, 'a', 'before').version
    cluster.kill(node)
    node.aheadMs = -300_000
    cluster.restart(node)
    const after = cluster.putNow(node, 'a', 'after')
    expect(after.version > before).toBe(true)
    expect(after.superseded).toBe(false)
    expect(cluster.getNow(node, 'a')).toBe('after')
  })

  it('can still write after its clock was wrong by an hour', () => {
    const cluster = new KvCluster(1)
    const node = cluster.node(0)
    cluster.putNow(node, 'a', 'before')
    cluster.kill(node)
    node.aheadMs = -3_600_000
    cluster.restart(node)
    cluster.putNow(node, 'b', 'after')
    expect(cluster.getNow(node, 'b')).toBe('after')
  })
})
