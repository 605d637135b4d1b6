import { join } from 'node:path'
import type { Scale } from './case.ts'
import { type NodeFigure, nodeFigure, withDirectory } from './node-figure.ts'
import { machineMs, PeerProcess } from './peer-process.ts'

const NODES = 5
/** Longer than any pause between two frames, so that writes do not share one. */
const PERIOD_MS = 10
/**
 * First writes, while code is compiled and links are young, are told apart: five seconds of them, after which
 * a write takes half as long and stays so (measured).
 */
const WARM_UP = 500
const READY_MS = 30_000
const AIMS = [
  { percent: 50, aim: 5 },
  { percent: 99, aim: 50 },
] as const

/** From the call on one node until it was seen on each of the others, ms. */
interface Delays {
  /** Of the first writes. */
  readonly young: readonly number[]
  readonly settled: readonly number[]
}

/** From the call of `add` on one of five nodes until `has` is true on each of the others. */
export async function visibleFigures(scale: Scale): Promise<readonly NodeFigure[]> {
  const writes = scale === 'full' ? 400 : 100
  const durable = await withDirectory((directory) => measure(writes + WARM_UP, directory))
  const memory = scale === 'full' ? await measure(writes + WARM_UP) : { young: [], settled: [] }
  const limit = '½ RTT'
  const how = `${NODES} processes, loopback, ${writes} writes after ${WARM_UP} others`
  const both = { how: `${how}, durable on both`, limit: `${limit} + 1 fsync` }
  return [
    ...percentiles('write on A visible on B, durable', durable, both),
    ...percentiles('write on A visible on B, in memory', memory, {
      how: `${how}, in memory`,
      limit,
    }),
  ]
}

function percentiles(
  label: string,
  { young, settled }: Delays,
  told: Pick<NodeFigure, 'how' | 'limit'>,
): readonly NodeFigure[] {
  if (settled.length === 0) return []
  const first = { ...told, how: `the first ${WARM_UP} writes` }
  return [
    ...AIMS.map(({ percent, aim }) => {
      const sorted = settled.toSorted((a, b) => a - b)
      const figure = nodeFigure(`${label}, p${percent}`, 'ms', [at(sorted, percent)], {
        ...told,
        aim,
      })
      return { ...figure, samples: sorted }
    }),
    ...AIMS.map(({ percent }) => {
      const sorted = young.toSorted((a, b) => a - b)
      return nodeFigure(`… just started, p${percent}`, 'ms', [at(sorted, percent)], first)
    }),
  ]
}

function at(sorted: readonly number[], percent: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? 0
}

async function measure(writes: number, directory?: string): Promise<Delays> {
  const nodes = Array.from({ length: NODES }, (_, i) => {
    const dataDir = directory === undefined ? [] : [join(directory, String(i))]
    return new PeerProcess('./visible-peer.ts', [`node-${i}`, ...dataDir])
  })
  try {
    const [writer, ...readers] = nodes
    if (writer === undefined) throw new Error('five nodes have a first one')
    const listens = await Promise.all(nodes.map((node) => node.expect('ready')))
    for (const reader of readers) reader.send({ type: 'join', addresses: listens[0]?.listen })
    for (const node of nodes) await untilAll(node)
    const written = writer.expect('written')
    writer.send({ type: 'write', count: writes, periodMs: PERIOD_MS })
    const writtenAt = numbers((await written).writtenAt)
    const delays = { young: [] as number[], settled: [] as number[] }
    for (const reader of readers) {
      const seenAt = await untilSeen(reader, writes)
      const all = seenAt.map((at, i) => at - (writtenAt[i] ?? 0))
      delays.young.push(...all.slice(0, WARM_UP))
      delays.settled.push(...all.slice(WARM_UP))
    }
    return delays
  } finally {
    await Promise.all(nodes.map((node) => node.kill()))
  }
}

async function untilAll(node: PeerProcess): Promise<void> {
  await until(async () => {
    const answer = node.expect('members')
    node.send({ type: 'members' })
    return (await answer).alive === NODES ? true : undefined
  })
}

/** Every write has to arrive: a lost one would be missing from the figures, not slow. */
async function untilSeen(reader: PeerProcess, writes: number): Promise<readonly number[]> {
  return await until(async () => {
    const answer = reader.expect('seen')
    reader.send({ type: 'seen' })
    const seenAt = numbers((await answer).seenAt)
    return seenAt.length === writes ? seenAt : undefined
  })
}

async function until<T>(ask: () => Promise<T | undefined>): Promise<T> {
  const start = machineMs()
  for (;;) {
    const found = await ask()
    if (found !== undefined) return found
    if (machineMs() - start > READY_MS) throw new Error('nodes did not come together')
    // Other processes are asked over HTTP: asked without pause they would do nothing but answer.
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function numbers(value: unknown): readonly number[] {
  return Array.isArray(value) ? value.map(Number) : []
}
