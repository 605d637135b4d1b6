import { expect, test } from 'vitest'
import { seededRandom } from '../../src/base/random.ts'
import { decodeFrame } from '../../src/replication/frame-codec.ts'
import { NO_FAULTS, World } from './world.ts'

const SHORT = { snapshotTailBytes: 1 << 16, logBytesMax: 1 }
const ELEMENTS = 200_000
const BATCH = 1_000
const BLOCK = 1_024

/** Two nodes that hold the same half of many elements, in no pattern, and no event that tells which. */
function halved(): { world: World; left: string[] } {
  const world = new World({ seed: 11, nodes: 2, faults: NO_FAULTS, tunables: SHORT })
  const [a, b] = [world.node(0), world.node(1)]
  const random = seededRandom(7)
  const left: string[] = []
  for (let from = 0; from < ELEMENTS; from += BATCH) {
    const values = Array.from({ length: BATCH }, (_, i) => `e${from + i}`)
    const dead = values.filter(() => random.next() < 0.5)
    const gone = new Set(dead)
    left.push(...values.filter((value) => !gone.has(value)))
    world.transact(a, [{ type: 'set-add', object: 's', values }])
    world.transact(a, [{ type: 'set-remove', object: 's', values: dead }])
    world.run(5)
  }
  world.link(a, b)
  expect(world.converge(120_000)).toBeDefined()
  world.cut(a, b)
  return { world, left }
}

test('a map of many holes is compared by blocks, and told where they differ', {
  timeout: 120_000,
}, () => {
  const { world, left } = halved()
  const [a, b] = [world.node(0), world.node(1)]
  const removed = [left[10], left[50_000], left[90_000]].filter((value) => value !== undefined)
  for (const value of removed) {
    world.transact(a, [{ type: 'set-remove', object: 's', values: [value] }])
  }
  // Until no event of these is left in the log.
  for (let i = 0; i < 40; i++) {
    world.transact(a, [
      { type: 'register-set', object: 'r', value: i < 39 ? 'x'.repeat(50_000) : '' },
    ])
    world.run(50)
  }
  const modes = new Map<string, number>()
  let bytes = 0
  let pulls = 0
  world.filter = (from, _to, frame) => {
    const decoded = decodeFrame(frame)
    if (from === a && decoded.ok && decoded.value.type === 'base') {
      bytes += frame.length
      for (const { mode } of decoded.value.items) modes.set(mode, (modes.get(mode) ?? 0) + 1)
    }
    if (from === b && decoded.ok && decoded.value.type === 'pull') pulls += 1
    return true
  }
  world.link(a, b)
  expect(world.converge(20_000)).toBeDefined()
  const gone = new Set(removed)
  const expected = left.filter((value) => !gone.has(value)).sort()
  expect(b.core.view('main').setValues('s')).toEqual(expected)
  expect(modes.get('sums')).toBeGreaterThan(0)
  expect((modes.get('bits') ?? 0) + (modes.get('runs') ?? 0)).toBeLessThanOrEqual(
    removed.length + 1,
  )
  // Eight bytes a block, a map for each that differs, and heads.
  const blocks = Math.ceil((ELEMENTS * 1.5) / BLOCK)
  expect(bytes).toBeLessThanOrEqual(blocks * 8 + removed.length * 160 + 1_000)
  expect(pulls).toBeLessThanOrEqual(3)
  for (const node of world.nodes) expect(world.told(node, 'alarm')).toEqual([])
})
