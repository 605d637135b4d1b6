import { expect, test } from 'vitest'
import { localNode } from './local-node.ts'

test('undo() takes back the last transaction of all types, and undo again is redo', async () => {
  const { node } = localNode()
  await node.set('users').add(['ada', 'bob'])
  await node.register('motto').set('old')
  await node.transact((t) => {
    t.set('users').add('cyd')
    t.set('users').remove('bob')
    t.counter('hits').add(3)
    t.register('motto').set('new')
    t.map('profile').set(['name', 'first'], 'Ada')
  })
  const done = await node.undo()
  expect(done).toEqual({
    group: 'main',
    transaction: 3,
    undoneBy: 4,
    undone: [
      { name: 'users', type: 'set', changed: 2 },
      { name: 'motto', type: 'register', changed: 1 },
      { name: 'profile', type: 'map', changed: 1 },
      { name: 'hits', type: 'counter', changed: 1 },
    ],
    kept: [],
  })
  const values = () => [node.set('users').values, node.counter('hits').value]
  expect(values()).toEqual([['ada', 'bob'], 0])
  expect(node.register('motto').value).toBe('old')
  expect(node.map('profile').value).toEqual({})
  expect(node.undoable()[0]).toEqual({
    transaction: 4,
    undoes: 3,
    objects: expect.arrayContaining([{ name: 'users', type: 'set' }]),
  })
  expect(await node.undo()).toMatchObject({ transaction: 4, undoneBy: 5 })
  expect(values()).toEqual([['ada', 'cyd'], 3])
  expect(node.register('motto').value).toBe('new')
})

test('undo() of a group is of that group alone; a number chooses', async () => {
  const { node } = localNode()
  await node.counter('hits').add(1)
  await node.group('team').counter('hits').add(2)
  await node.group('team').counter('hits').add(3)
  expect(await node.undo({ group: 'team', transaction: 1 })).toMatchObject({ group: 'team' })
  expect(node.group('team').counter('hits').value).toBe(3)
  expect(node.counter('hits').value).toBe(1)
  const again = node.group('team').undo({ transaction: 1 })
  await expect(again).rejects.toMatchObject({ code: 'ERR_INVALID' })
  await expect(node.undo({ transaction: 9 })).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' })
  await expect(node.undo({ group: 'none' })).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' })
  await expect(node.undo({ group: '' })).rejects.toMatchObject({ code: 'ERR_INVALID' })
  expect(node.groups()).toEqual(['main', 'team'])
})

test('undo() tells watchers like any other transaction, and fails with the disk', async () => {
  const { node, disk } = localNode()
  await node.set('s').add('x')
  const changes = node.set('s').watch()[Symbol.asyncIterator]()
  await node.undo()
  expect((await changes.next()).value).toMatchObject({ added: [], removed: ['x'], origin: 'local' })
  disk.failure = new Error('gone')
  await expect(node.undo()).rejects.toMatchObject({ code: 'ERR_STORE' })
})
