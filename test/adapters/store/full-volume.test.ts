import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createLevelStore } from '../../../src/adapters/store/level-store.ts'
import { type SpaceGuard, watchSpace } from '../../../src/adapters/store/space-guard.ts'
import { type Random, randomBytes, seededRandom } from '../../../src/base/random.ts'
import { SmallVolume, whyNoVolumes } from './small-volume.ts'
import { allRows } from './store-contract.ts'

const MIB = 1_048_576
const SYNCED = { isSynced: true }
const why = whyNoVolumes()

function volumeOf(sizeMib: number): SmallVolume {
  const volume = new SmallVolume(sizeMib)
  onTestFinished(() => volume.unmount())
  return volume
}

describe.skipIf(why !== undefined)(`a store on a small volume (${why ?? 'mounted'})`, () => {
  test('a real ENOSPC is final; what was acknowledged is there after a restart with room', async () => {
    const volume = volumeOf(16)
    const random = seededRandom(1)
    const store = createLevelStore(join(volume.path, 'data'))
    await store.open()
    const acknowledged: string[] = []
    let failure: unknown
    while (failure === undefined && acknowledged.length < 10_000) {
      const key = `k!${String(acknowledged.length).padStart(6, '0')}`
      await store.commit([{ key, value: randomBytes(random, 8_192) }], SYNCED).then(
        () => acknowledged.push(key),
        (error: unknown) => {
          failure = error
        },
      )
    }
    expect(failure).toMatchObject({ code: 'ERR_STORE_FULL' })
    volume.resize(64)
    // Room alone does not make an unknown disk a known one.
    await expect(store.commit([{ key: 'later', value: undefined }], SYNCED)).rejects.toBe(failure)
    await store.close()
    const again = createLevelStore(join(volume.path, 'data'))
    await again.open()
    const keys = (await allRows(again)).map(({ key }) => key)
    expect(keys.slice(0, acknowledged.length)).toEqual(acknowledged)
    expect(keys.length - acknowledged.length).toBeLessThanOrEqual(1)
    await again.commit([{ key: 'later', value: undefined }], SYNCED)
    await again.close()
  })

  test('open() without any room says so and harms nothing', async () => {
    const volume = volumeOf(8)
    await mkdir(join(volume.path, 'data'))
    await volume.fill(0)
    const store = createLevelStore(join(volume.path, 'data'))
    await expect(store.open()).rejects.toMatchObject({ code: 'ERR_STORE_FULL' })
    await volume.clear()
    await store.open()
    await store.close()
  })

  test('open() on a read-only volume is refused with a typed error', async () => {
    const volume = volumeOf(8)
    const directory = join(volume.path, 'data')
    const store = createLevelStore(directory)
    await store.open()
    await store.close()
    volume.setReadOnly(true)
    await expect(createLevelStore(directory).open()).rejects.toMatchObject({
      code: 'ERR_STORE',
      message: expect.stringContaining('not writable'),
    })
    await expect(createLevelStore(`${directory}2`).open()).rejects.toMatchObject({
      code: 'ERR_STORE',
      hint: expect.stringContaining('--data-dir'),
    })
    volume.setReadOnly(false)
  })

  // Keys at random, new and replaced: the workloads whose compactions need most room.
  test.each([
    { sizeMib: 24, bytes: 200, keys: 1e9 },
    { sizeMib: 48, bytes: 200, keys: 1e9 },
    { sizeMib: 48, bytes: 16_384, keys: 1e9 },
    { sizeMib: 48, bytes: 2_000, keys: 5_000 },
    { sizeMib: 100, bytes: 4_000, keys: 1e9 },
  ])('whoever heeds the guard never meets ENOSPC: %o', async (workload) => {
    const volume = volumeOf(workload.sizeMib)
    const store = createLevelStore(join(volume.path, 'data'))
    await store.open()
    const guard = await watchSpace(store)
    const random = seededRandom(2)
    let bytes = 0
    while (bytes < 8 * workload.sizeMib * MIB && (await getsRoom(guard))) {
      const writes = Array.from({ length: 16 }, () => row(random, workload))
      guard.queued(16 * workload.bytes)
      await store.commit(writes, SYNCED)
      guard.settled(16 * workload.bytes)
      bytes += 16 * workload.bytes
    }
    // It is no use to be safe by refusing all the time.
    expect(bytes).toBeGreaterThan(workload.sizeMib * MIB * 0.3)
    await guard.check()
    guard.stop()
    await store.close()
    await store.open()
    await store.commit([{ key: 'last', value: new Uint8Array(100) }], SYNCED)
    await store.close()
  })
})

/** Whether there is room, now or when the compaction under way has ended. */
async function getsRoom(guard: SpaceGuard): Promise<boolean> {
  const until = performance.now() + 1_000
  while (guard.room.isFull && performance.now() < until) await guard.check()
  return !guard.room.isFull
}

function row(random: Random, { bytes, keys }: { bytes: number; keys: number }) {
  const key = `k!${String(Math.floor(random.next() * keys)).padStart(10, '0')}`
  return { key, value: randomBytes(random, bytes) }
}
