import { expect, test } from 'vitest'
import { randomInteger, seededRandom, shuffle } from '../../src/base/random.ts'

test('seededRandom() repeats for a seed and differs between seeds', () => {
  const draw = (seed: number): number[] => {
    const random = seededRandom(seed)
    return Array.from({ length: 8 }, () => random.uint32())
  }
  expect(draw(1)).toEqual(draw(1))
  const firsts = new Set(Array.from({ length: 1000 }, (_, seed) => draw(seed)[0]))
  expect(firsts.size).toBe(1000)
})

test('seededRandom() spreads evenly over sixteen cells', () => {
  const random = seededRandom([3, 5])
  const cells = new Array<number>(16).fill(0)
  for (let i = 0; i < 160_000; i++) {
    const cell = randomInteger(random, 16)
    cells[cell] = (cells[cell] ?? 0) + 1
  }
  // Ten standard deviations of a binomial with n = 160,000 and p = 1/16.
  for (const count of cells) expect(Math.abs(count - 10_000)).toBeLessThan(970)
})

test('shuffle() keeps the items', () => {
  const items = Array.from({ length: 50 }, (_, i) => i)
  expect(shuffle(seededRandom(9), [...items]).sort((a, b) => a - b)).toEqual(items)
})
