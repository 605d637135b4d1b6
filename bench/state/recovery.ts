import type { Scale } from './case.ts'
import { median } from './median.ts'
import { type NodeFigure, nodeFigure, withDirectory } from './node-figure.ts'
import { machineMs, PeerProcess } from './peer-process.ts'

const SCRIPT = './recovery-node.ts'
const FIRST_READ_MS = 500

interface Content {
  readonly elements: number
  readonly removed: number
  readonly tail: number
}

/** From the start of a process until the first read, on a data directory whose last owner was killed. */
export async function recoveryFigures(scale: Scale): Promise<readonly NodeFigure[]> {
  const elements = scale === 'full' ? 1_000_000 : 100_000
  const tail = scale === 'full' ? 100_000 : 10_000
  const starts = scale === 'full' ? 5 : 2
  const whole = { elements, removed: 0, tail }
  const halved = { elements, removed: elements / 2, tail }
  return await withDirectory(async (root) => {
    const contents = [
      { dataDir: `${root}/whole`, content: whole },
      { dataDir: `${root}/halved`, content: halved },
      { dataDir: `${root}/empty`, content: { elements: 0, removed: 0, tail: 0 } },
    ]
    for (const { dataDir, content } of contents) await fill(dataDir, content)
    const samples = contents.map((): number[] => [])
    for (let i = 0; i < starts; i++) {
      for (const [index, { dataDir, content }] of contents.entries()) {
        samples[index]?.push(await firstRead(dataDir, content))
      }
    }
    const [onWhole = [], onHalved = [], onEmpty = []] = samples
    const limit = `${(median(onEmpty) ?? 0).toFixed(0)} ms with an empty store`
    const told = { limit, aim: FIRST_READ_MS }
    const how = `${elements} elements, 1,000 a transaction`
    const last = `${tail} single adds; process start included`
    return [
      nodeFigure('recovery after kill -9: first read', 'ms', onWhole, {
        how: `${how}, then ${last}`,
        ...told,
      }),
      nodeFigure('… half deleted', 'ms', onHalved, {
        how: `${how}, half removed, then ${last}`,
        ...told,
      }),
    ]
  })
}

async function fill(dataDir: string, { elements, removed, tail }: Content): Promise<void> {
  const sizes = [elements, removed, tail].map(String)
  const node = new PeerProcess(SCRIPT, ['fill', dataDir, ...sizes])
  try {
    await node.expect('filled')
  } finally {
    await node.kill()
  }
}

async function firstRead(dataDir: string, { elements, removed, tail }: Content): Promise<number> {
  const sizes = [elements, removed, tail].map(String)
  const start = machineMs()
  const node = new PeerProcess(SCRIPT, ['read', dataDir, ...sizes])
  try {
    const { isRight, size } = await node.expect('read')
    const ms = machineMs() - start
    const live = elements - removed + tail
    if (isRight !== true || size !== live) {
      throw new Error(`recovered ${String(size)} of ${live} elements`)
    }
    return ms
  } finally {
    await node.kill()
  }
}
