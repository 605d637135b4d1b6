import { expect, test } from 'vitest'
import { createRandom } from '../../../src/adapters/platform/random.ts'

test('next() is in [0, 1) and fills it', () => {
  const random = createRandom()
  const counts = new Array<number>(16).fill(0)
  for (let i = 0; i < 16_000; i++) {
    const value = random.next()
    expect(value >= 0 && value < 1).toBe(true)
    const bucket = Math.floor(value * 16)
    counts[bucket] = (counts[bucket] ?? 0) + 1
  }
  // 1000 expected in each; nine standard deviations around it.
  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(280)
})

test('uint32() is an integer below 2^32 and does not repeat with the pool', () => {
  const random = createRandom()
  const seen = new Set<number>()
  for (let i = 0; i < 5_000; i++) {
    const value = random.uint32()
    expect(Number.isInteger(value) && value >= 0 && value < 2 ** 32).toBe(true)
    seen.add(value)
  }
  expect(seen.size).toBeGreaterThan(4_990)
})

test('two sources differ', () => {
  const draw = (): number[] => {
    const random = createRandom()
    return Array.from({ length: 8 }, () => random.uint32())
  }
  expect(draw()).not.toEqual(draw())
})
