import { expect, test } from 'vitest'
import { Closers } from '../../src/node/closers.ts'

test('closes in the opposite order, one after the other, each once', async () => {
  const closers = new Closers()
  const log: string[] = []
  closers.defer(() => log.push('first'))
  closers.defer(async () => {
    await Promise.resolve()
    log.push('second')
  })
  closers.defer(() => log.push('third'))
  await closers.close()
  await closers.close()
  expect(log).toEqual(['third', 'second', 'first'])
})

test('closes the rest after a failure, and tells the first', async () => {
  const closers = new Closers()
  const log: string[] = []
  const failing = (name: string) => () => {
    log.push(name)
    throw new Error(name)
  }
  closers.defer(() => log.push('opened first'))
  closers.defer(failing('b'))
  closers.defer(failing('a'))
  await expect(closers.close()).rejects.toThrow('a')
  expect(log).toEqual(['a', 'b', 'opened first'])
})
