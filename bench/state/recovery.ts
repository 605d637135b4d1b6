import { buildPackage } from './built-package.ts'
import type { Scale } from './case.ts'
import { sequentialKey } from './keys.ts'
import { median } from './median.ts'
import { type NodeFigure, nodeFigure, withDirectory } from './node-figure.ts'
import { machineMs, PeerProcess } from './peer-process.ts'

const FILLER = './recovery-node.ts'
const READER = './first-read.js'
const FIRST_READ_MS = 500

interface Content {
  readonly elements: number
  readonly removed: number
  readonly tail: number
}

/** The package as published, until the first read, on a data directory whose last owner was killed. */
export async function recoveryFigures(scale: Scale): Promise<readonly NodeFigure[]> {
  const elements = scale === 'full' ? 1_000_000 : 100_000
  const tail = scale === 'full' ? 100_000 : 10_000
  const starts = scale === 'full' ? 5 : 2
  const whole = { elements, removed: 0, tail }
  const halved = { elements, removed: elements / 2, tail }
  return await withDirectory(async (root) => {
    const library = await buildPackage(root)
    const contents = [
      { dataDir: `${root}/whole`, content: whole },
      { dataDir: `${root}/halved`, content: halved },
      { dataDir: `${root}/empty`, content: { elements: 0, removed: 0, tail: 0 } },
    ]
    for (const { dataDir, content } of contents) await fill(dataDir, content)
    const samples = contents.map((): Start[] => [])
    // Once for files that the system has not read yet.
    await firstRead(library, `${root}/empty`, { elements: 0, removed: 0, tail: 0 })
    for (let i = 0; i < starts; i++) {
      for (const [index, { dataDir, content }] of contents.entries()) {
        samples[index]?.push(await firstRead(library, dataDir, content))
      }
    }
    const [onWhole = [], onHalved = [], onEmpty = []] = samples
    const how = `${elements} elements, 1,000 a transaction`
    const last = `${tail} single adds`
    const figureOf = (
      label: string,
      part: keyof Start,
      samplesOf: readonly Start[],
      content: string,
      aim?: number,
    ): NodeFigure => {
      const empty = median(onEmpty.map((start) => start[part])) ?? 0
      const limit = `${empty.toFixed(0)} ms with an empty store`
      const told = { how: content, limit, ...(aim === undefined ? {} : { aim }) }
      return nodeFigure(
        label,
        'ms',
        samplesOf.map((start) => start[part]),
        told,
      )
    }
    const wholeHow = `${how}, then ${last}`
    const halvedHow = `${how}, half removed, then ${last}`
    const aim = FIRST_READ_MS
    return [
      figureOf('recovery after kill -9: process to first read', 'wholeMs', onWhole, wholeHow, aim),
      figureOf('… createNode to first read', 'openMs', onWhole, wholeHow, aim),
      figureOf('… process until others can connect', 'listeningMs', onWhole, wholeHow),
      figureOf('… process to first read, half deleted', 'wholeMs', onHalved, halvedHow, aim),
      figureOf('… createNode to first read, half deleted', 'openMs', onHalved, halvedHow, aim),
    ]
  })
}

async function fill(dataDir: string, { elements, removed, tail }: Content): Promise<void> {
  const sizes = [elements, removed, tail].map(String)
  const node = new PeerProcess(FILLER, [dataDir, ...sizes])
  try {
    await node.expect('filled')
  } finally {
    await node.kill()
  }
}

/** Milliseconds until the first read. */
interface Start {
  /** From the start of the process, modules of Node.js, libp2p and ours included. */
  readonly wholeMs: number
  /** From the call of `createNode`. */
  readonly openMs: number
  /** From the start of the process until connections are accepted. */
  readonly listeningMs: number
}

async function firstRead(
  library: string,
  dataDir: string,
  { elements, removed, tail }: Content,
): Promise<Start> {
  const size = elements - removed + tail
  const ends = size === 0 ? [] : [0, elements + tail - 1].map((i) => [sequentialKey(i), true])
  const second = size === 0 ? [] : [[sequentialKey(1), removed === 0]]
  const expected = JSON.stringify({ size, has: Object.fromEntries([...ends, ...second]) })
  const start = machineMs()
  const node = new PeerProcess(READER, [library, dataDir, expected])
  try {
    const listening = node.expect('listening')
    const { isRight, size: read, ms } = await node.expect('read')
    const wholeMs = machineMs() - start
    if (isRight !== true) throw new Error(`recovered ${String(read)} of ${size} elements`)
    await listening
    return { wholeMs, openMs: Number(ms), listeningMs: machineMs() - start }
  } finally {
    await node.kill()
  }
}
