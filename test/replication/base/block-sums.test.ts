import { expect, test } from 'vitest'
import { hex } from '../../../src/base/bytes.ts'
import { randomInteger, seededRandom } from '../../../src/base/random.ts'
import { BLOCK_DOTS, blockSums, differingBlocks } from '../../../src/replication/base/block-sums.ts'
import { livingStretches } from '../../../src/replication/base/living-map.ts'
import { replicaOf } from '../../crdt/encoded.ts'
import { Pen } from '../pen.ts'

const A = replicaOf('a')
const BLOCKS = 6
const DOTS = BLOCKS * BLOCK_DOTS - 100

/** A writer's elements, one a dot, of which a random half is gone, and some more. */
function pen(more: readonly number[]): Pen {
  const pen = new Pen(A)
  const values = Array.from({ length: DOTS }, (_, i) => `e${i}`)
  pen.write({ type: 'set-add', object: 's', values })
  pen.group.close()
  const random = seededRandom(4)
  for (let n = 1; n <= DOTS; n++) {
    const isGone = random.next() < 0.5
    if (isGone !== more.includes(n)) pen.group.state.kill(0, n)
  }
  return pen
}

function living(pen: Pen, from: number, to: number): readonly number[] {
  const dots: number[] = []
  pen.group.state.walk(0, from, to, (_slot, n) => {
    dots.push(n)
    return true
  })
  return dots
}

test('sums of a writer’s blocks have golden bytes', () => {
  const pen = new Pen(A)
  pen.write({ type: 'set-add', object: 's', values: ['x', 'y'] })
  pen.group.close()
  expect(hex(blockSums(pen.group.state, 0, 1, 2))).toBe('0b72dcdd6fdbe003')
  pen.group.state.kill(0, 1)
  pen.group.state.kill(0, 2)
  expect(hex(blockSums(pen.group.state, 0, 1, 2))).toBe('0000000000000000')
})

test('differingBlocks() tells the map of a block where one dot or two make the difference', () => {
  const random = seededRandom(8)
  const ours = pen([])
  for (let round = 0; round < 20; round++) {
    // As many changes in each block as its number.
    const changed = new Set<number>()
    for (let block = 0; block < BLOCKS; block++) {
      const first = block * BLOCK_DOTS + 1
      const dots = Math.min(BLOCK_DOTS, DOTS - first + 1)
      for (let before = changed.size; changed.size < before + block; ) {
        changed.add(first + randomInteger(random, dots))
      }
    }
    const theirs = pen([...changed])
    const bytes = blockSums(theirs.group.state, 0, 1, DOTS)
    const differing = differingBlocks(ours.group.state, 0, { from: 1, to: DOTS, bytes })
    expect(differing.map(({ from }) => (from - 1) / BLOCK_DOTS)).toEqual([1, 2, 3, 4, 5])
    expect(differing.map(({ map }) => map !== undefined)).toEqual([true, true, false, false, false])
    for (const { from, to, map } of differing) {
      if (map === undefined) continue
      const stretches = Array.from(livingStretches(map, from, to))
      const dots = living(theirs, from, to)
      const told = dots.filter((n) =>
        stretches.some((first, i) => i % 2 === 0 && first <= n && n <= (stretches[i + 1] ?? 0)),
      )
      expect(told).toEqual(dots)
      let count = 0
      for (let i = 0; i < stretches.length; i += 2) {
        count += (stretches[i + 1] ?? 0) - (stretches[i] ?? 0) + 1
      }
      expect(count).toBe(dots.length)
    }
  }
})
