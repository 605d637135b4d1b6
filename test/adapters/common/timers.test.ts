import { expect, test } from 'vitest'
import { createSoon, delay, soon, unref } from '../../../src/adapters/common/timers.ts'

test.each([
  ['of Node.js', () => soon],
  ['by messages', createSoon],
])('soon() %s runs all, in order, after the turn that asked', async (_name, make) => {
  const run = make()
  const done: string[] = []
  const last = new Promise<void>((resolve) => {
    run(() => {
      done.push('first')
      run(() => {
        done.push('asked by the first')
        resolve()
      })
    })
    run(() => done.push('second'))
  })
  await Promise.resolve()
  expect(done).toEqual([])
  await last
  expect(done).toEqual(['first', 'second', 'asked by the first'])
})

test('a failure of one takes nothing from the next', async () => {
  const run = createSoon()
  const failed = new Promise((resolve) => process.once('uncaughtException', resolve))
  run(() => {
    throw new Error('mine')
  })
  await new Promise<void>((resolve) => run(resolve))
  await expect(failed).resolves.toMatchObject({ message: 'mine' })
})

test('unref() gives back what it is given, of Node.js or of a browser', async () => {
  const timer = setTimeout(() => {}, 1)
  expect(unref(timer)).toBe(timer)
  expect(timer.hasRef()).toBe(false)
  expect(unref(7)).toBe(7)
  await delay(1)
})
