import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { createNode } from '../../src/index.ts'
import type { Scale } from './case.ts'
import { rate } from './case.ts'
import { keys, sequentialKey } from './keys.ts'
import { median } from './median.ts'
import { type NodeFigure, nodeFigure, withDirectory } from './node-figure.ts'

const ROUNDS = 5
const VALUES = 1_000

/** Adds that are on disk, fsynced, when their promises resolve: one node, several callers at once. */
export async function durableFigures(scale: Scale): Promise<readonly NodeFigure[]> {
  const n = scale === 'full' ? 100_000 : 20_000
  const rounds = scale === 'full' ? ROUNDS : 1
  const windows = scale === 'full' ? [1, 100, 1_000, 10_000] : [1_000, 10_000]
  const samples = new Map<string, number[]>()
  const note = (label: string, value: number): void => {
    samples.set(label, [...(samples.get(label) ?? []), value])
  }
  for (let round = 0; round < rounds; round++) {
    note('fsync', await withDirectory(fsyncMs))
    note('store', await withDirectory((directory) => storeAlone(directory, n)))
    for (const window of windows) {
      const count = Math.min(n, window * 100)
      note(`window ${window}`, await withDirectory((dir) => pipelined(dir, count, window)))
    }
    note('batched', await withDirectory((directory) => batched(directory, n)))
  }
  const fsync = median(samples.get('fsync') ?? []) ?? 0
  const limit = `one fsync: ${fsync.toFixed(2)} ms`
  const figures = windows.map((window) => {
    const how = `${window} in flight, n ${Math.min(n, window * 100)}, strict`
    const rates = samples.get(`window ${window}`) ?? []
    return nodeFigure('durable adds, a transaction each', 'a second', rates, { how, limit })
  })
  const how = `n ${n}, ${VALUES} a transaction, strict`
  const store = 'the same keys as rows, 10,000 a batch, sync'
  return [
    ...figures,
    nodeFigure('durable adds, batched', 'a second', samples.get('batched') ?? [], { how, limit }),
    nodeFigure('… LevelDB alone', 'a second', samples.get('store') ?? [], { how: store, limit }),
  ]
}

async function pipelined(dataDir: string, n: number, window: number): Promise<number> {
  const added = keys(n, sequentialKey)
  const node = await createNode({ dataDir })
  const set = node.set('s')
  const start = performance.now()
  let next = 0
  // As many callers as the window is wide; each awaits its own add before the next.
  const caller = async (): Promise<void> => {
    for (let key = added[next++]; key !== undefined; key = added[next++]) await set.add(key)
  }
  await Promise.all(Array.from({ length: window }, caller))
  const ms = performance.now() - start
  await node.stop()
  await checkStored(dataDir, n)
  return rate(n, ms)
}

async function batched(dataDir: string, n: number): Promise<number> {
  const added = keys(n, sequentialKey)
  const node = await createNode({ dataDir })
  const set = node.set('s')
  const start = performance.now()
  const adds: Promise<number>[] = []
  for (let i = 0; i < n; i += VALUES) adds.push(set.add(added.slice(i, i + VALUES)))
  await Promise.all(adds)
  const ms = performance.now() - start
  await node.stop()
  await checkStored(dataDir, n)
  return rate(n, ms)
}

/** A figure about writes that are not there after a restart would be worth nothing. */
async function checkStored(dataDir: string, n: number): Promise<void> {
  await using node = await createNode({ dataDir })
  const { size } = node.set('s')
  const last = sequentialKey(n - 1)
  if (size !== n || !node.set('s').has(last)) throw new Error(`stored ${size} of ${n} elements`)
}

async function storeAlone(directory: string, n: number): Promise<number> {
  const added = keys(n, sequentialKey)
  const level = new ClassicLevel<string, Uint8Array>(directory, { valueEncoding: 'view' })
  await level.open()
  const value = new Uint8Array(8)
  const start = performance.now()
  for (let i = 0; i < n; i += 10_000) {
    const rows = added.slice(i, i + 10_000).map((key) => ({ type: 'put', key, value }) as const)
    await level.batch(rows, { sync: true })
  }
  const ms = performance.now() - start
  await level.close()
  return rate(n, ms)
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
