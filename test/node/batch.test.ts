import { describe, expect, it } from 'vitest'
import { Nodes } from './nodes.ts'

const COUNT = 300

describe('putMany() and getMany()', () => {
  it('store and read in order, a few frames for each replica', async () => {
    await using nodes = await Nodes.create(3, { replication: 3 })
    const node = nodes.at(0)
    const entries = Array.from({ length: COUNT }, (_, i) => [`key ${i}`, `value ${i}`] as const)
    const before = node.status().traffic.framesSent
    const results = await node.dht.putMany(entries, { level: 'all' })
    expect(results.map(({ key, acks }) => `${key} ${acks}`)).toEqual(
      entries.map(([key]) => `${key} 3`),
    )
    // Two replicas are others: one frame a record would be 600. Slices of 32 make 20, and members talk too.
    expect(node.status().traffic.framesSent - before).toBeLessThan(300)
    const found = await nodes.at(1).dht.getMany([...entries.map(([key]) => key), 'none'])
    expect(found.map((value) => value?.value)).toEqual([
      ...entries.map(([, value]) => value),
      undefined,
    ])
  })

  it('reject with the first failure, and leave no rejection unheard', async () => {
    await using nodes = await Nodes.create(1)
    const entries = Array.from(
      { length: 200 },
      (_, i) => ['k'.repeat(i === 7 ? 2_000 : 3), 'x'] as const,
    )
    await expect(nodes.at(0).dht.putMany(entries)).rejects.toThrow('key')
  })
})
