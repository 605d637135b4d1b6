// A node with a data directory: fills it, or starts from it and reads.
// Started by recovery.ts: node bench/state/recovery-node.ts fill|read DATADIR ELEMENTS TAIL

import { createNode } from '../../src/index.ts'
import { keys, sequentialKey } from './keys.ts'

const BATCH = 1_000
const [role = '', dataDir = '', elementsText = '', tailText = ''] = process.argv.slice(2)
const elements = Number(elementsText)
const tail = Number(tailText)
const node = await createNode({ dataDir })
const set = node.set('s')

if (role === 'fill') {
  for (let i = 0; i < elements; i += BATCH * 10) {
    const adds: Promise<number>[] = []
    for (let j = i; j < Math.min(elements, i + BATCH * 10); j += BATCH) {
      adds.push(set.add(keys(BATCH, (index) => sequentialKey(j + index))))
    }
    await Promise.all(adds)
  }
  for (let i = 0; i < tail; i += BATCH) {
    await Promise.all(
      keys(BATCH, (index) => sequentialKey(elements + i + index)).map((key) => set.add(key)),
    )
  }
  process.send?.({ type: 'filled' })
} else {
  const isFirst = set.has(sequentialKey(0))
  const isLast = set.has(sequentialKey(elements + tail - 1))
  process.send?.({ type: 'read', isRight: isFirst && isLast, size: set.size })
}
// Stays until it is killed.
setInterval(() => {}, 60_000)
