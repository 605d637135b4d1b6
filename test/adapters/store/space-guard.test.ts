import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createLevelStore } from '../../../src/adapters/store/level-store.ts'
import { createMemoryStore } from '../../../src/adapters/store/memory-store.ts'
import { type SpaceGuard, watchSpace } from '../../../src/adapters/store/space-guard.ts'
import type { Space } from '../../../src/adapters/store/store.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const MIB = 1_048_576

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A volume of which the test says how full it is. */
class Volume {
  freeBytes: number
  freeFiles: number | undefined
  storeBytes = 0
  asked = 0
  failure: Error | undefined
  readonly #totalBytes: number
  readonly turns: boolean[] = []

  constructor(totalMib: number, freeMib: number) {
    this.#totalBytes = totalMib * MIB
    this.freeBytes = freeMib * MIB
  }

  async watch(): Promise<SpaceGuard> {
    const guard = await watchSpace({
      space: async (): Promise<Space> => {
        this.asked += 1
        if (this.failure !== undefined) throw this.failure
        const { freeBytes, freeFiles } = this
        return { freeBytes, totalBytes: this.#totalBytes, freeFiles }
      },
      bytes: async () => this.storeBytes,
    })
    guard.listen(({ isFull }) => this.turns.push(isFull))
    return guard
  }
}

test.each([
  ['a large volume', 1_000_000, 0, 64],
  ['256 MiB', 256, 0, 64],
  ['100 MiB', 100, 10, 25],
  ['100 MiB with a store of 40', 100, 40, 60],
  ['200 MiB with a store of 90', 200, 90, 64],
  ['2 MiB', 2, 0, 1],
])('the reserve of %s', async (_name, totalMib, storeMib, reserveMib) => {
  const volume = new Volume(totalMib, totalMib / 2)
  volume.storeBytes = storeMib * MIB
  const guard = await volume.watch()
  expect(guard.room.reserveBytes).toBe(reserveMib * MIB)
  guard.stop()
})

test('a volume below its reserve is full from the start', async () => {
  const guard = await new Volume(1_000, 63).watch()
  expect(guard.room.isFull).toBe(true)
  guard.stop()
})

test('every second the disk is asked, and each turn is told once', async () => {
  const volume = new Volume(1_000, 100)
  const guard = await volume.watch()
  for (const [freeMib, isFull] of [
    [64, false],
    [63, true],
    [10, true],
    [64, true],
    [79, true],
    [80, false],
    [65, false],
    [0, true],
  ] as const) {
    volume.freeBytes = freeMib * MIB
    await vi.advanceTimersByTimeAsync(1_000)
    expect(guard.room.isFull, `${freeMib} MiB free`).toBe(isFull)
  }
  expect(volume.turns).toEqual([true, false, true])
  guard.stop()
  const { asked } = volume
  volume.freeBytes = 500 * MIB
  await vi.advanceTimersByTimeAsync(10_000)
  expect(volume.asked).toBe(asked)
})

test('what is queued counts as written, and much of it asks the disk at once', async () => {
  const volume = new Volume(1_000, 100)
  const guard = await volume.watch()
  guard.queued(3 * MIB)
  await vi.advanceTimersByTimeAsync(0)
  expect(volume.asked).toBe(1)
  guard.queued(34 * MIB)
  await vi.advanceTimersByTimeAsync(0)
  expect(volume.asked).toBe(2)
  expect(guard.room).toEqual({ isFull: true, freeBytes: 63 * MIB, reserveBytes: 64 * MIB })
  guard.settled(37 * MIB)
  await guard.check()
  expect(volume.turns).toEqual([true, false])
  guard.stop()
})

test('a volume that runs out of files is full', async () => {
  const volume = new Volume(1_000, 500)
  volume.freeFiles = 10
  const guard = await volume.watch()
  expect(guard.room.isFull).toBe(true)
  volume.freeFiles = 1_000
  await guard.check()
  expect(volume.turns).toEqual([false])
  guard.stop()
})

test('a disk that does not answer stays what it was', async () => {
  const volume = new Volume(1_000, 10)
  const guard = await volume.watch()
  volume.failure = new Error('EIO')
  await guard.check()
  expect(guard.room.isFull).toBe(true)
  volume.failure = undefined
  volume.freeBytes = 500 * MIB
  await guard.check()
  expect(guard.room.isFull).toBe(false)
  guard.stop()
})

test('memory is never full and never asked again', async () => {
  const store = createMemoryStore()
  await store.open()
  const guard = await watchSpace(store)
  guard.queued(1e12)
  expect(guard.room.isFull).toBe(false)
  expect(vi.getTimerCount()).toBe(0)
  guard.stop()
})

test('a directory tells the room of its volume', async () => {
  vi.useRealTimers()
  const store = createLevelStore(await temporaryDirectory())
  await store.open()
  const space = await store.space()
  expect(space?.totalBytes).toBeGreaterThan(MIB)
  expect(space?.freeBytes).toBeGreaterThan(0)
  expect(space?.freeBytes).toBeLessThanOrEqual(space?.totalBytes ?? 0)
  const guard = await watchSpace(store)
  expect(guard.room.freeBytes).toBeLessThanOrEqual(space?.totalBytes ?? 0)
  guard.stop()
  await store.close()
})
