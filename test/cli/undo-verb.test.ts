import { afterEach, beforeEach, expect, test } from 'vitest'
import { FakeApi } from './fake-api.ts'

let api: FakeApi
beforeEach(async () => {
  api = new FakeApi()
  await api.start()
})
afterEach(() => api.stop())

const DONE = {
  group: 'main',
  transaction: 3,
  undoneBy: 4,
  undone: [{ name: 'users', type: 'set', changed: 2 }],
  kept: [
    { name: 'users', type: 'set', value: 'ada', reason: 'changed-since' },
    { name: 'hits', type: 'counter', reason: 'grow-only' },
    { name: 'm', type: 'map', path: ['a', 'b'], reason: 'changed-since' },
  ],
}

test('undo says what changed, what stays and why, and how to redo', async () => {
  api.answer('POST /v1/undo', DONE)
  const { code, io } = await api.run(['undo'])
  expect([code, io.out()]).toEqual([0, 'set users: 2 changes undone\n'])
  expect(io.err()).toBe(
    [
      'note: set users, ada stays: somebody has written there since',
      'note: counter hits stays: it only grows',
      'note: map m, a.b stays: somebody has written there since',
      'note: redo with: hearsay undo --transaction 4\n',
    ].join('\n'),
  )
  expect(api.seen[0]).toMatchObject({ target: '/v1/undo?group=main', body: '{}' })
  await api.run(['undo', '--transaction', '3', '--group', 'team'])
  expect(api.seen[1]).toMatchObject({ target: '/v1/undo?group=team', body: '{"transaction":3}' })
  expect(JSON.parse((await api.run(['undo', '--json'])).io.out())).toEqual(DONE)
})

test('undo --list is a table', async () => {
  const objects = [
    { name: 'users', type: 'set' },
    { name: 'hits', type: 'counter' },
  ]
  const transactions = [
    { transaction: 4, undoes: 3, objects },
    { transaction: 2, objects },
  ]
  api.answer('GET /v1/undo', { group: 'main', transactions })
  const { io } = await api.run(['undo', '--list'])
  expect(io.out().split('\n')[1]).toMatch(/^4 +set users, counter hits +3$/)
})

test.each([
  [['undo', '--transaction', 'last'], 2],
  [['undo', '--transaction', '0'], 2],
  [['undo', '--list', '--transaction', '1'], 2],
  [['undo', 'users'], 2],
  [['undo'], 4],
])('%j ends with %i', async (argv, exit) => {
  expect((await api.run(argv)).code).toBe(exit)
})
