import { describe, expect, it } from 'vitest'
import { KvCluster } from '../kv-cluster.ts'
import { keysOf, Ledger, unrepaired } from './ledger.ts'

/** Each seed is another set of peers, keys' places and delays; a failure names its seed. */
const SEEDS = [1, 2]
/** Keys of a rolling replacement; ten thousand in a long run. */
const KEYS = Number(process.env.HEARSAY_DHT_KEYS ?? 300)

describe.each(SEEDS)('members that come and go, seed %i', (seed) => {
  it('rolling replacement of every node loses no key and serves no older value', () => {
    const cluster = new KvCluster(10, { seed, isFast: true })
    const keys = keysOf(KEYS)
    const ledger = new Ledger(cluster)
    for (const key of keys) ledger.write(key)
    cluster.run(3_000)
    const old = [...cluster.nodes]
    for (const [round, leaving] of old.entries()) {
      cluster.kill(leaving)
      cluster.add()
      cluster.view()
      for (const key of keys.slice(round * 20, round * 20 + 20)) ledger.write(key)
      cluster.run(8_000)
    }
    expect(old.some(({ isUp }) => isUp)).toBe(false)
    expect(ledger.check(keys)).toEqual({ lost: 0, stale: 0 })
    expect(unrepaired(cluster, keys)).toBe(0)
  }, 600_000)

  it('30 % killed at once: at most 0.01 % lost with eight replicas, repaired within 15 s', () => {
    const cluster = new KvCluster(40, { seed, isFast: true, replication: 8 })
    const keys = keysOf(400)
    const ledger = new Ledger(cluster)
    for (const key of keys) ledger.write(key)
    cluster.run(3_000)
    const doomed = cluster.nodes.slice(0, 12)
    const deaths = keys.filter((key) => cluster.holders(key).every((node) => doomed.includes(node)))
    for (const node of doomed) cluster.kill(node)
    cluster.view({ lost: doomed.length })
    cluster.run(15_000)
    expect(deaths.length / keys.length).toBeLessThanOrEqual(0.0001)
    expect(ledger.check(keys)).toEqual({ lost: deaths.length, stale: 0 })
    expect(unrepaired(cluster, keys)).toBe(deaths.length)
  }, 120_000)

  it('churn under loss: what a quorum acknowledged is found, newest, by everybody after it', () => {
    const cluster = new KvCluster(12, { seed, isFast: true, loss: 0.02, duplicates: 0.02 })
    const keys = keysOf(200)
    const ledger = new Ledger(cluster)
    let deaths = 0
    for (let second = 0; second < 90; second++) {
      const down = cluster.nodes.filter(({ isUp }) => !isUp)
      const up = cluster.nodes.filter(({ isUp }) => isUp)
      const pick = cluster.random.next()
      const victim = up[Math.floor(cluster.random.next() * up.length)]
      if (pick < 0.1 && victim !== undefined && down.length < 2) {
        cluster.kill(victim)
        deaths += 1
      } else if (pick < 0.2 && down[0] !== undefined) cluster.restart(down[0])
      else if (pick < 0.22) cluster.add()
      cluster.view()
      for (let i = 0; i < 5; i++) {
        ledger.try(keys[Math.floor(cluster.random.next() * keys.length)] ?? '')
      }
      cluster.run(1_000)
    }
    for (const node of cluster.nodes) if (!node.isUp) cluster.restart(node)
    cluster.view()
    cluster.run(60_000)
    expect(deaths).toBeGreaterThan(3)
    expect(ledger.acknowledged).toBeGreaterThan(300)
    expect(ledger.check(keys)).toEqual({ lost: 0, stale: 0 })
  }, 120_000)

  it('a partition: the small side refuses writes, nothing acknowledged is lost or older after it', () => {
    const cluster = new KvCluster(9, { seed, isFast: true })
    const keys = keysOf(150)
    const ledger = new Ledger(cluster)
    for (const key of keys) ledger.write(key)
    const small = cluster.nodes.slice(0, 2)
    const large = cluster.nodes.slice(2)
    const isSmall = (node: (typeof small)[number]): boolean => small.includes(node)
    cluster.isCut = (from, to) => isSmall(from) !== isSmall(to)
    cluster.view({ of: small, members: small, lost: large.length })
    cluster.view({ of: large, members: large, lost: small.length })
    const refused = small.map((node) => cluster.put(node, 'refused', 'x'))
    for (const key of keys.slice(0, 75)) ledger.write(key, large)
    cluster.run(5_000)
    for (const [i, request] of refused.entries()) {
      expect(small[i]?.answer(request, 'refused').error).toMatchObject({ code: 'ERR_QUORUM' })
    }
    cluster.isCut = () => false
    cluster.view()
    cluster.run(15_000)
    expect(ledger.check(keys)).toEqual({ lost: 0, stale: 0 })
    expect(unrepaired(cluster, keys)).toBe(0)
  }, 60_000)

  it('a day off: all nodes come back from their disks and serve what they held', () => {
    const cluster = new KvCluster(6, { seed, isFast: true })
    const keys = keysOf(100)
    const ledger = new Ledger(cluster)
    for (const key of keys) ledger.write(key)
    cluster.run(3_000)
    for (const node of cluster.nodes) cluster.kill(node)
    cluster.run(24 * 3_600_000)
    for (const node of cluster.nodes) cluster.restart(node)
    cluster.view()
    cluster.run(5_000)
    expect(ledger.check(keys)).toEqual({ lost: 0, stale: 0 })
  }, 60_000)
})
