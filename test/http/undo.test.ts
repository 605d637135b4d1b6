import { expect, test } from 'vitest'
import { fixture } from './ask.ts'

test('POST /v1/undo undoes the last transaction, GET lists what can be undone', async () => {
  const { node, ask } = fixture()
  await node.set('s').add(['a', 'b'])
  await node.counter('c').add(2)
  const listed = { transactions: [{ transaction: 2 }, { transaction: 1 }], group: 'main' }
  expect((await ask('GET', '/v1/undo')).body).toMatchObject(listed)
  expect((await ask('POST', '/v1/undo', {})).body).toEqual({
    group: 'main',
    transaction: 2,
    undoneBy: 3,
    undone: [{ name: 'c', type: 'counter', changed: 1 }],
    kept: [],
  })
  const first = await ask('POST', '/v1/undo', { transaction: 1 })
  expect(first.body).toMatchObject({ undone: [{ name: 's', changed: 2 }] })
  expect(node.set('s').values).toEqual([])
})

test.each([
  ['nothing to undo', '/v1/undo?group=none', {}, 404, 'ERR_NOT_FOUND'],
  ['no such transaction', '/v1/undo', { transaction: 7 }, 404, 'ERR_NOT_FOUND'],
  ['no number', '/v1/undo', { transaction: 'last' }, 400, 'ERR_INVALID'],
  ['a number below one', '/v1/undo', { transaction: 0 }, 400, 'ERR_INVALID'],
])('%s', async (_what, path, body, status, code) => {
  const { node, ask } = fixture()
  await node.counter('c').add(1)
  expect((await ask('POST', path, body)).body).toMatchObject({ status, code })
  expect(node.counter('c').value).toBe(1)
})
