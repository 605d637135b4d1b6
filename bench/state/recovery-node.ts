// A node with a data directory: fills it, or starts from it and reads.
// Started by recovery.ts: node bench/state/recovery-node.ts fill|read DATADIR ELEMENTS REMOVED TAIL

import { createNode } from '../../src/index.ts'
import { BATCH } from './case.ts'
import { half, keys, sequentialKey } from './keys.ts'

const GATHERED = 10 * BATCH
const [role = '', dataDir = '', ...sizes] = process.argv.slice(2)
const [elements = 0, removed = 0, tail = 0] = sizes.map(Number)
const openedAt = performance.now()
const node = await createNode({ dataDir })
const set = node.set('s')

/** Some transactions of many values at once; a part begins at `from`. */
async function eachBatch(
  upTo: number,
  write: (batch: readonly string[]) => Promise<unknown>,
): Promise<void> {
  for (let from = 0; from < upTo; from += GATHERED) {
    const written: Promise<unknown>[] = []
    for (let i = from; i < Math.min(upTo, from + GATHERED); i += BATCH) {
      const length = Math.min(BATCH, upTo - i)
      written.push(write(keys(length, (index) => sequentialKey(i + index))))
    }
    await Promise.all(written)
  }
}

if (role === 'fill') {
  await eachBatch(elements, (batch) => set.add(batch))
  if (removed > 0) await eachBatch(2 * removed, (batch) => set.remove(half(batch)))
  for (let i = 0; i < tail; i += BATCH) {
    const single = keys(BATCH, (index) => sequentialKey(elements + i + index))
    await Promise.all(single.map((key) => set.add(key)))
  }
  process.send?.({ type: 'filled' })
} else {
  const has = (index: number): boolean => set.has(sequentialKey(index))
  const isRight =
    elements + tail === 0 || (has(0) && has(elements + tail - 1) && has(1) === (removed === 0))
  const { size } = set
  process.send?.({ type: 'read', isRight, size, ms: performance.now() - openedAt })
}
// Stays until it is killed.
setInterval(() => {}, 60_000)
