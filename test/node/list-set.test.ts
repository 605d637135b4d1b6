import { expect, test } from 'vitest'
import { localNode } from './local-node.ts'

test.each([0, 1, 8, 9, 1_000, 30_000])(
  'a set of %d elements is listed as it is read at once',
  async (count) => {
    const { node } = localNode()
    const set = node.set('s')
    const values = Array.from({ length: count }, (_, i) => `${(i * 7_919) % 30_011} ü`)
    for (let i = 0; i < count; i += 10_000) await set.add(values.slice(i, i + 10_000))
    expect(await set.list()).toEqual(set.values)
    expect(set.size).toBe(count)
  },
)

test('whoever lists a large set is not alone on the event loop', async () => {
  const { node } = localNode()
  const set = node.set('s')
  for (let i = 0; i < 60_000; i += 10_000) {
    await set.add(Array.from({ length: 10_000 }, (_, j) => `${i + j}`))
  }
  let turns = 0
  const timer = setInterval(() => {
    turns += 1
  }, 0)
  const listed = await set.list()
  clearInterval(timer)
  expect(listed).toHaveLength(60_000)
  expect(turns).toBeGreaterThan(1)
})
