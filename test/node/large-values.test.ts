import { describe, expect, it } from 'vitest'
import { hex } from '../../src/base/bytes.ts'
import { QuorumError } from '../../src/base/errors.ts'
import { sha256 } from '../../src/base/hash.ts'
import { createNode } from '../../src/index.ts'
import { type ChunkStore, getChunks, putChunks } from '../../src/node/large-values.ts'

const CHUNK_BYTES = 65_536

/** Chunks in memory; `fails` says of each call whether it fails. */
function memoryChunks(fails: (call: number) => boolean = () => false) {
  const held = new Map<string, Uint8Array>()
  const counts = { calls: 0, underWay: 0, underWayMax: 0 }
  const call = async <Result>(act: () => Result): Promise<Result> => {
    counts.calls += 1
    counts.underWay += 1
    counts.underWayMax = Math.max(counts.underWayMax, counts.underWay)
    const isFailing = fails(counts.calls)
    await Promise.resolve()
    counts.underWay -= 1
    if (isFailing) throw new QuorumError('Too few', { acks: 1, required: 3 })
    return act()
  }
  const store: ChunkStore = {
    put: (chunk) => call(() => held.set(hex(sha256(chunk)), chunk.slice())),
    get: (key) => call(() => held.get(key)),
  }
  return { store, held, counts }
}

function pattern(bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => (i * 7 + (i >>> 16)) & 255)
}

describe('large values', () => {
  it('come back byte for byte, several chunks at a time', async () => {
    const { store, counts } = memoryChunks()
    const value = pattern(20 * CHUNK_BYTES + 1)
    const manifest = await putChunks(value, store)
    expect(counts).toMatchObject({ calls: 21, underWayMax: 8 })
    expect(await getChunks(manifest, store)).toEqual(value)
  })

  it('try chunks again that too few replicas took, and give up after some tries', async () => {
    const flaky = memoryChunks((call) => call % 3 === 0)
    const value = pattern(10 * CHUNK_BYTES)
    const manifest = await putChunks(value, flaky.store)
    expect(await getChunks(manifest, flaky.store)).toEqual(value)
    const broken = memoryChunks(() => true)
    await expect(putChunks(value, broken.store)).rejects.toMatchObject({ code: 'ERR_QUORUM' })
    expect(broken.counts.calls).toBeLessThanOrEqual(4 * 8)
  })

  it('are finished by writing them again: chunks are the same ones', async () => {
    const { store, held } = memoryChunks()
    const value = pattern(5 * CHUNK_BYTES)
    await putChunks(value, store)
    const before = [...held.keys()]
    await putChunks(value, store)
    expect([...held.keys()]).toEqual(before)
  })

  it('say that a chunk is gone', async () => {
    const { store, held } = memoryChunks()
    const manifest = await putChunks(pattern(3 * CHUNK_BYTES), store)
    held.delete([...held.keys()][1] ?? '')
    await expect(getChunks(manifest, store)).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' })
  })

  it('are put and got like others through a node, owned ones too, and end at 64 MiB', async () => {
    await using node = await createNode({ network: 'large' })
    const value = pattern(3 * CHUNK_BYTES + 5)
    const done = await node.dht.put('large', value)
    expect(done).toMatchObject({ key: 'large', acks: 1, degraded: true })
    expect((await node.dht.get('large'))?.bytes).toEqual(value)
    await node.dht.put('mine', value, { own: true, ifVersion: 'none' })
    expect((await node.dht.get('mine', { own: true }))?.bytes).toEqual(value)
    await node.dht.put('large', 'small again')
    expect((await node.dht.get('large'))?.value).toBe('small again')
    const large = new Uint8Array(2 ** 26 + 1)
    await expect(node.dht.put('k', large)).rejects.toMatchObject({ code: 'ERR_LIMIT' })
    const many = Array.from({ length: 50 }, (_, i) => [`key ${i}`, `value ${i}`] as const)
    expect(await node.dht.putMany(many)).toHaveLength(50)
    const found = await node.dht.getMany([...many.map(([key]) => key), 'none'])
    expect(found.map((each) => each?.value)).toEqual([...many.map(([, text]) => text), undefined])
  })
})
