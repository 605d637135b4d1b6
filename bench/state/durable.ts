import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { createNode, type SetHandle } from '../../src/index.ts'
import { BATCH, rate, type Scale } from './case.ts'
import { half, keys, sequentialKey } from './keys.ts'
import { median } from './median.ts'
import { type NodeFigure, nodeFigure, withDirectory } from './node-figure.ts'

const ROUNDS = 5
const QUICK_ROUNDS = 2
const ADDS = 200_000
/** Callers below which waiting for the disk, one fsync after another, is what is measured. */
const PIPELINE_MIN = 1_000
const STORE_BATCH = 10_000

/** Operations a second. */
interface Rates {
  readonly adds: number
  readonly removes: number
}

type Write = (changed: readonly string[]) => Promise<unknown>

/** Changes that are on disk, fsynced, when their promises resolve: one node, several callers at once. */
export async function durableFigures(scale: Scale): Promise<readonly NodeFigure[]> {
  const n = scale === 'full' ? 100_000 : 30_000
  const rounds = scale === 'full' ? ROUNDS : QUICK_ROUNDS
  const windows = scale === 'full' ? [1, 100, 1_000, 10_000] : [1_000, 10_000]
  const samples = new Map<string, Rates[]>()
  const note = (label: string, rates: Rates): void => {
    samples.set(label, [...(samples.get(label) ?? []), rates])
  }
  const fsyncs: number[] = []
  for (let round = 0; round < rounds; round++) {
    fsyncs.push(await withDirectory(fsyncMs))
    note('store', await withDirectory((directory) => storeAlone(directory, n)))
    for (const window of windows) {
      const sized = Math.min(n, window * 100)
      note(
        `${window}`,
        await withDirectory((dir) => durable(dir, sized, (all, write) => each(all, write, window))),
      )
    }
    note('batched', await withDirectory((directory) => durable(directory, n, batched)))
  }
  const limit = `one fsync: ${(median(fsyncs) ?? 0).toFixed(2)} ms`
  const figures = (
    label: string,
    name: string,
    how: string,
    aim?: number,
  ): readonly NodeFigure[] => {
    const rates = samples.get(name) ?? []
    const told = { how, limit, ...(aim === undefined ? {} : { aim }) }
    const removes = rates.map((one) => one.removes)
    return [
      nodeFigure(
        `durable adds, ${label}`,
        'a second',
        rates.map((one) => one.adds),
        told,
      ),
      nodeFigure('… then removal of half', 'a second', removes, { how, limit }),
    ]
  }
  return [
    ...windows.flatMap((window) => {
      const how = `a transaction each, n ${Math.min(n, window * 100)}, strict`
      const aim = window < PIPELINE_MIN ? undefined : ADDS
      return figures(`${window} in flight`, `${window}`, how, aim)
    }),
    ...figures('batched', 'batched', `n ${n}, ${BATCH} a transaction, strict`, ADDS),
    ...figures('LevelDB alone', 'store', `the keys as rows, ${STORE_BATCH} a batch, sync`),
  ]
}

/** Measures, starts a second node on the same directory, and looks at what it reads. */
async function durable(
  dataDir: string,
  n: number,
  run: (all: readonly string[], write: Write) => Promise<void>,
): Promise<Rates> {
  const added = keys(n, sequentialKey)
  const removed = half(added)
  const rates = await withNode(dataDir, async (set) => {
    const adds = await rateOf(n, () => run(added, (changed) => set.add(changed)))
    const removes = await rateOf(removed.length, () => run(removed, (gone) => set.remove(gone)))
    return { adds, removes }
  })
  // A figure about writes that are not there after a restart would be worth nothing.
  await withNode(dataDir, async (set) => {
    const live = n - removed.length
    const isRight = set.size === live && set.has(added[n - 2] ?? '') && !set.has(added[n - 1] ?? '')
    if (!isRight) throw new Error(`stored ${set.size} of ${live} elements`)
  })
  return rates
}

async function withNode<T>(dataDir: string, use: (set: SetHandle) => Promise<T>): Promise<T> {
  await using node = await createNode({ dataDir })
  return await use(node.set('s'))
}

/** As many callers as the window is wide; each awaits its own change before the next. */
async function each(all: readonly string[], write: Write, window: number): Promise<void> {
  let next = 0
  const caller = async (): Promise<void> => {
    for (let key = all[next++]; key !== undefined; key = all[next++]) await write([key])
  }
  await Promise.all(Array.from({ length: window }, caller))
}

async function batched(all: readonly string[], write: Write): Promise<void> {
  const written: Promise<unknown>[] = []
  for (let i = 0; i < all.length; i += BATCH) written.push(write(all.slice(i, i + BATCH)))
  await Promise.all(written)
}

async function storeAlone(directory: string, n: number): Promise<Rates> {
  const added = keys(n, sequentialKey)
  const removed = half(added)
  const level = new ClassicLevel<string, Uint8Array>(directory, { valueEncoding: 'view' })
  await level.open()
  const value = new Uint8Array(8)
  const adds = await rateOf(n, async () => {
    for (let i = 0; i < n; i += STORE_BATCH) {
      const part = added.slice(i, i + STORE_BATCH)
      const rows = part.map((key) => ({ type: 'put', key, value }) as const)
      await level.batch(rows, { sync: true })
    }
  })
  const removes = await rateOf(removed.length, async () => {
    for (let i = 0; i < removed.length; i += STORE_BATCH) {
      const part = removed.slice(i, i + STORE_BATCH)
      await level.batch(
        part.map((key) => ({ type: 'del', key }) as const),
        { sync: true },
      )
    }
  })
  await level.close()
  return { adds, removes }
}

async function rateOf(operations: number, run: () => Promise<void>): Promise<number> {
  const start = performance.now()
  await run()
  return rate(operations, performance.now() - start)
}

async function fsyncMs(directory: string): Promise<number> {
  const file = await open(join(directory, 'fsync'), 'w')
  const block = new Uint8Array(4_096)
  const times: number[] = []
  for (let i = 0; i < 20; i++) {
    const start = performance.now()
    await file.write(block)
    await file.datasync()
    times.push(performance.now() - start)
  }
  await file.close()
  return median(times) ?? 0
}
