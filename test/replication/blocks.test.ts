import { expect, test } from 'vitest'
import { seededRandom } from '../../src/base/random.ts'
import { decodeFrame } from '../../src/replication/sync/frame-codec.ts'
import { NO_FAULTS, World } from './world.ts'

const SHORT = { snapshotTailBytes: 1 << 16, logBytesMax: 1 }
const ELEMENTS = 200_000
const BATCH = 1_000
const BLOCK = 1_024

/** Two nodes that hold the same half of many elements, in no pattern, and no event that tells which. */
function halved(elements: number = ELEMENTS): { world: World; left: string[] } {
  const world = new World({ seed: 11, nodes: 2, faults: NO_FAULTS, tunables: SHORT })
  const [a, b] = [world.node(0), world.node(1)]
  const random = seededRandom(7)
  const left: string[] = []
  for (let from = 0; from < elements; from += BATCH) {
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

/** Removes, lets the log forget it, links again. @returns what it took */
function rejoin(removed: readonly string[], { world, left }: ReturnType<typeof halved>) {
  const [a, b] = [world.node(0), world.node(1)]
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
  const modes: string[] = []
  let bytes = 0
  let pulls = 0
  world.filter = (from, _to, frame) => {
    const decoded = decodeFrame(frame)
    if (from === a && decoded.ok && decoded.value.type === 'base') {
      bytes += frame.length
      for (const { mode } of decoded.value.items) modes.push(mode)
    }
    if (from === b && decoded.ok && decoded.value.type === 'pull') pulls += 1
    return true
  }
  world.link(a, b)
  expect(world.converge(20_000)).toBeDefined()
  const gone = new Set(removed)
  const expected = left.filter((value) => !gone.has(value)).sort()
  expect(b.core.view('main').setValues('s')).toEqual(expected)
  for (const node of world.nodes) expect(world.told(node, 'alarm')).toEqual([])
  return {
    sums: modes.filter((mode) => mode === 'sums').length,
    maps: modes.filter(isMapMode),
    bytes,
    pulls,
  }
}

const isMapMode = (mode: string): boolean =>
  mode !== 'sums' && mode !== 'entries' && mode !== 'thinned'
/** What sums take: eight bytes a block, and heads. */
const SUMS_BYTES = Math.ceil((ELEMENTS * 1.5) / BLOCK) * 8 + 300

const TIMEOUT = { timeout: 120_000 }

test(
  'a map of many holes is compared by blocks, whose sums tell what little differs',
  TIMEOUT,
  () => {
    const { world, left } = halved()
    // Two of them in one block.
    const removed = [left[10], left[11], left[50_000], left[90_000]].filter(
      (value) => value !== undefined,
    )
    const told = rejoin(removed, { world, left })
    expect(told.sums).toBeGreaterThan(0)
    expect(told.maps).toEqual([])
    expect(told.bytes).toBeLessThanOrEqual(SUMS_BYTES)
  },
)

test('a shorter map is compared by blocks, too, where little has happened', TIMEOUT, () => {
  const { world, left } = halved(100_000)
  const told = rejoin([left[10] ?? ''], { world, left })
  expect(told.sums).toBeGreaterThan(0)
  expect(told.maps).toEqual([])
})

test('a block in which more differs is told by its map', TIMEOUT, () => {
  const { world, left } = halved()
  const removed = [...left.slice(200, 205), left[50_000] ?? '']
  const told = rejoin(removed, { world, left })
  expect(told.sums).toBeGreaterThan(0)
  expect(told.maps).toEqual(['bits'])
  expect(told.bytes).toBeLessThanOrEqual(SUMS_BYTES + 160)
  expect(told.pulls).toBeLessThanOrEqual(3)
})
