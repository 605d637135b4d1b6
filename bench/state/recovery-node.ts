// A node that fills a data directory, and stays until it is killed.
// Started by recovery.ts: node bench/state/recovery-node.ts DATADIR ELEMENTS REMOVED TAIL

import { createNode } from '../../src/index.ts'
import { BATCH } from './case.ts'
import { half, keys, sequentialKey } from './keys.ts'

const GATHERED = 10 * BATCH
const [dataDir = '', ...sizes] = process.argv.slice(2)
const [elements = 0, removed = 0, tail = 0] = sizes.map(Number)
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

await eachBatch(elements, (batch) => set.add(batch))
if (removed > 0) await eachBatch(2 * removed, (batch) => set.remove(half(batch)))
for (let i = 0; i < tail; i += BATCH) {
  const single = keys(BATCH, (index) => sequentialKey(elements + i + index))
  await Promise.all(single.map((key) => set.add(key)))
}
process.send?.({ type: 'filled' })
setInterval(() => {}, 60_000)
