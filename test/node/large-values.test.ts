import { describe, expect, it } from 'vitest'
import { hex } from '../../src/base/bytes.ts'
import { Writer } from '../../src/base/codec.ts'
import { QuorumError } from '../../src/base/errors.ts'
import { sha256 } from '../../src/base/hash.ts'
import { createNode } from '../../src/index.ts'
import { type ChunkStore, getChunks, putChunks } from '../../src/node/large-values.ts'

const CHUNK_BYTES = 262_144

/** Chunks in memory; `fails` says of each call whether it fails. */
function memoryChunks(fails: (call: number) => boolean = () => false) {
  const held = new Map<string, Uint8Array>()
  /** Of each put, whether replicas were asked first. */
  const asked: boolean[] = []
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
    put: (chunk, isAsked) => {
      asked.push(isAsked)
      return call(() => {
        const key = hex(sha256(chunk))
        const wasHeld = isAsked && held.has(key)
        held.set(key, chunk.slice())
        return { key, held: wasHeld ? 5 : 0 }
      })
    },
    get: (key) => call(() => held.get(key)),
  }
  return { store, held, counts, asked }
}

function pattern(bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => (i * 7 + (i >>> 16)) & 255)
}

describe('large values', () => {
  it('come back byte for byte, several chunks at a time', async () => {
    const { store, counts } = memoryChunks()
    const value = pattern(20 * CHUNK_BYTES + 1)
    const manifest = await putChunks(value, store)
    expect(counts).toMatchObject({ calls: 21, underWayMax: 4 })
    expect(await getChunks(manifest, store)).toEqual(value)
  })

  it('try chunks again that too few replicas took, and give up after some tries', async () => {
    const flaky = memoryChunks((call) => call % 3 === 0)
    const value = pattern(10 * CHUNK_BYTES)
    const manifest = await putChunks(value, flaky.store)
    expect(await getChunks(manifest, flaky.store)).toEqual(value)
    const broken = memoryChunks(() => true)
    await expect(putChunks(value, broken.store)).rejects.toMatchObject({ code: 'ERR_QUORUM' })
    expect(broken.counts.calls).toBeLessThanOrEqual(4 * 4)
  })

  it('are finished by writing them again: chunks are the same ones', async () => {
    const { store, held } = memoryChunks()
    const value = pattern(5 * CHUNK_BYTES)
    await putChunks(value, store)
    const before = [...held.keys()]
    await putChunks(value, store)
    expect([...held.keys()]).toEqual(before)
  })

  it('ask replicas only while they hold what they are asked about, and about a chunk that failed', async () => {
    const value = pattern(20 * CHUNK_BYTES)
    const begun = memoryChunks()
    await putChunks(value, begun.store)
    // Those under way before the first answer, and none after it.
    expect(begun.asked).toEqual(Array.from({ length: 20 }, (_, i) => i < 4))
    const keys = [...begun.held.keys()]
    for (const key of keys.slice(12)) begun.held.delete(key)
    begun.asked.length = 0
    await putChunks(value, begun.store)
    expect(begun.asked.slice(0, 13)).toEqual(Array.from({ length: 13 }, () => true))
    expect(begun.asked.slice(16)).toEqual(Array.from({ length: 4 }, () => false))
    const flaky = memoryChunks((call) => call === 10)
    await putChunks(value, flaky.store)
    expect(flaky.asked.filter((isAsked) => isAsked)).toHaveLength(5)
  })

  it('are read when they were written in chunks of 64 KiB', async () => {
    const { store, held } = memoryChunks()
    const value = pattern(3 * 65_536 + 7)
    const parts = [0, 1, 2, 3].map((i) => value.slice(i * 65_536, (i + 1) * 65_536))
    for (const part of parts) held.set(hex(sha256(part)), part)
    const before = new Writer().uint8(1).varint(value.length)
    for (const part of parts) before.raw(sha256(part))
    expect(await getChunks(before.finish(), store)).toEqual(value)
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
