import type { Scale } from './case.ts'
import { type NodeFigure, nodeFigure, withDirectory } from './node-figure.ts'
import { machineMs, PeerProcess } from './peer-process.ts'

/** From the start of a process until the first read, on a data directory whose last owner was killed. */
export async function recoveryFigures(scale: Scale): Promise<readonly NodeFigure[]> {
  const elements = scale === 'full' ? 1_000_000 : 50_000
  const tail = scale === 'full' ? 100_000 : 5_000
  const starts = scale === 'full' ? 5 : 1
  return await withDirectory(async (dataDir) => {
    const sizes = [String(elements), String(tail)]
    const first = new PeerProcess('./recovery-node.ts', ['fill', dataDir, ...sizes])
    try {
      await first.expect('filled')
    } finally {
      await first.kill()
    }
    const samples: number[] = []
    for (let i = 0; i < starts; i++) {
      const start = machineMs()
      const node = new PeerProcess('./recovery-node.ts', ['read', dataDir, ...sizes])
      try {
        const { isRight, size } = await node.expect('read')
        samples.push(machineMs() - start)
        if (isRight !== true || size !== elements + tail) {
          throw new Error(`recovered ${String(size)} of ${elements + tail} elements`)
        }
      } finally {
        await node.kill()
      }
    }
    const how = `${elements} elements, 1,000 a transaction, then ${tail} single ones; process start included`
    return [nodeFigure('recovery after kill -9: first read', 'ms', samples, { how })]
  })
}
