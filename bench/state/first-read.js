// An application that starts, opens its node and reads, in plain JavaScript, as one that uses the
// published package: node bench/state/first-read.js LIBRARY DATADIR EXPECTED
// EXPECTED: {"size", "has": {VALUE: whether}} in JSON.

const [library = '', dataDir = '', expected = ''] = process.argv.slice(2)
const { size, has } = JSON.parse(expected)
const { createNode } = await import(library)
const openedAt = performance.now()
const node = await createNode({ dataDir, ready: 'loaded' })
const set = node.set('s')
const isRight =
  set.size === size && Object.entries(has).every(([value, isIn]) => set.has(value) === isIn)
process.send?.({ type: 'read', isRight, size: set.size, ms: performance.now() - openedAt })
await node.listening()
process.send?.({ type: 'listening' })
// Stays until it is killed.
setInterval(() => {}, 60_000)
