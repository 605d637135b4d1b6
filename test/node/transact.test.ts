import { expect, test } from 'vitest'
import type { Transaction } from '../../src/node/state-types.ts'
import { localNode } from './local-node.ts'

test('transact() writes all types at once and says what each operation changed', async () => {
  const { node } = localNode()
  await node.set('users').add(['ada', 'bob'])
  const done = await node.transact((t) => {
    t.set('users').add(['ada', 'cyd'])
    t.set('users').remove('bob')
    t.counter('hits').add(2)
    t.counter('hits').add()
    t.register('motto').set({ text: 'trust' })
    t.map('profile').set(['name', 'first'], 'Ada')
    t.map('profile').remove(['nothing'])
  })
  expect(done).toEqual({
    group: 'main',
    results: [
      { name: 'users', type: 'set', changed: 1 },
      { name: 'users', type: 'set', changed: 1 },
      { name: 'hits', type: 'counter', changed: 1 },
      { name: 'hits', type: 'counter', changed: 1 },
      { name: 'motto', type: 'register', changed: 1 },
      { name: 'profile', type: 'map', changed: 1 },
      { name: 'profile', type: 'map', changed: 0 },
    ],
  })
  expect(node.set('users').values).toEqual(['ada', 'cyd'])
  expect(node.counter('hits').value).toBe(3)
  expect(node.register('motto').value).toEqual({ text: 'trust' })
  expect(node.map('profile').value).toEqual({ name: { first: 'Ada' } })
})

test('transact() of a group writes to that group alone', async () => {
  const { node } = localNode()
  const done = await node.group('team').transact((t) => t.counter('hits').add(1))
  expect(done.group).toBe('team')
  expect(node.counter('hits').value).toBe(0)
  expect(node.group('team').counter('hits').value).toBe(1)
  expect(node.groups()).toEqual(['main', 'team'])
})

test('transact() without operations changes nothing', async () => {
  const { node } = localNode()
  const before = node.digest()
  expect(await node.transact(() => {})).toEqual({ group: 'main', results: [] })
  expect(node.digest()).toBe(before)
})

test.each([
  ['a later operation that is refused', (t: Transaction) => t.counter('votes').add(-1)],
  ['an amount that is no integer', (t: Transaction) => t.counter('votes').add(0.5)],
  ['an empty path', (t: Transaction) => t.map('m').set([], 1)],
  ['an empty name', (t: Transaction) => t.register('').set(1)],
  ['a value that is no JSON', (t: Transaction) => t.register('r').set(Number.NaN)],
  [
    'too many operations',
    (t: Transaction) => {
      for (let i = 0; i < 4096; i++) t.counter('c').add(1)
    },
  ],
  [
    'a callback that throws',
    () => {
      throw new RangeError('mine')
    },
  ],
])('transact() is all or nothing: %s', async (_what, refused) => {
  const { node } = localNode()
  await node.counter('votes').add(1, { growOnly: true })
  const before = node.digest()
  const writing = node.transact((t) => {
    t.set('users').add('ada')
    refused(t)
  })
  await expect(writing).rejects.toThrow()
  expect(node.digest()).toBe(before)
  expect(node.set('users').size).toBe(0)
})

test('the transaction is dead after its callback, and so are handles taken from it', async () => {
  const { node } = localNode()
  const kept: Transaction[] = []
  const handles: ReturnType<Transaction['counter']>[] = []
  await node.transact((t) => {
    kept.push(t)
    handles.push(t.counter('hits'))
  })
  expect(() => kept[0]?.set('users').add('late')).toThrow('its callback has returned')
  expect(() => handles[0]?.add(1)).toThrow(TypeError)
  await expect(
    node.transact((t) => {
      kept.push(t)
      throw new Error('mine')
    }),
  ).rejects.toThrow('mine')
  expect(() => kept[1]?.set('users').add('late')).toThrow(TypeError)
  expect(node.objects()).toEqual([])
})

test('transact() refuses an async callback and leaves no rejection unhandled', async () => {
  const { node } = localNode()
  const writing = node.transact(async (t) => {
    t.set('users').add('ada')
    await Promise.resolve()
    t.set('users').add('bob')
  })
  await expect(writing).rejects.toThrow(TypeError)
  await new Promise((resolve) => setImmediate(resolve))
  expect(node.objects()).toEqual([])
})

test('transact() keeps no hold on lists of the caller', async () => {
  const { node } = localNode()
  const values = ['ada']
  const path = ['a']
  await node.transact((t) => {
    t.set('users').add(values)
    t.map('m').set(path, 1)
    values.push('bob')
    path[0] = 'b'
  })
  expect(node.set('users').values).toEqual(['ada'])
  expect(node.map('m').value).toEqual({ a: 1 })
})

test('transact() rejects with the reason of an aborted signal and does not begin', async () => {
  const { node } = localNode()
  const signal = AbortSignal.abort('enough')
  await expect(node.transact((t) => t.counter('hits').add(1), { signal })).rejects.toBe('enough')
  expect(node.counter('hits').value).toBe(0)
})

test('transact() tells when the store has failed, and when the node has stopped', async () => {
  const failing = localNode()
  failing.disk.failure = new Error('disk on fire')
  await expect(failing.node.transact((t) => t.counter('hits').add(1))).rejects.toMatchObject({
    code: 'ERR_STORE',
  })
  const { node } = localNode()
  await node.stop()
  await expect(node.transact((t) => t.counter('hits').add(1))).rejects.toMatchObject({
    code: 'ERR_STOPPED',
  })
})
