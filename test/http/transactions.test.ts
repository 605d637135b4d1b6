import { describe, expect, test } from 'vitest'
import { createHttpApi } from '../../src/http/api.ts'
import { createClient } from '../../src/http/client.ts'
import { localNode } from '../node/local-node.ts'
import { BASE, fixture, TOKEN } from './ask.ts'

const ADD = { name: 'users', type: 'set', op: 'add', value: 'ada' }

describe('POST /v1/transactions', () => {
  test('writes every type and answers one result per operation', async () => {
    const { ask, node } = fixture()
    const operations = [
      { name: 'users', type: 'set', op: 'add', values: ['ada', 'bob'] },
      { name: 'users', type: 'set', op: 'remove', value: 'nobody' },
      { name: 'hits', type: 'counter', op: 'add', value: 3 },
      { name: 'hits', type: 'counter', op: 'add' },
      { name: 'motto', type: 'register', op: 'set', value: [null] },
      { name: 'profile', type: 'map', op: 'set', path: ['a.b', 'c'], value: 1 },
      { name: 'profile', type: 'map', op: 'remove', path: ['x'] },
    ]
    const asked = await ask('POST', '/v1/transactions', { operations })
    expect(asked.status).toBe(200)
    expect(asked.body).toEqual({
      group: 'main',
      results: [
        { name: 'users', type: 'set', changed: 2 },
        { name: 'users', type: 'set', changed: 0 },
        { name: 'hits', type: 'counter', changed: 1 },
        { name: 'hits', type: 'counter', changed: 1 },
        { name: 'motto', type: 'register', changed: 1 },
        { name: 'profile', type: 'map', changed: 1 },
        { name: 'profile', type: 'map', changed: 0 },
      ],
    })
    expect(node.counter('hits').value).toBe(4)
    expect(node.map('profile').value).toEqual({ 'a.b': { c: 1 } })
  })

  test('?group= chooses the group', async () => {
    const { ask, node } = fixture()
    const asked = await ask('POST', '/v1/transactions?group=team', { operations: [ADD] })
    expect(asked.body.group).toBe('team')
    expect(node.group('team').set('users').values).toEqual(['ada'])
    expect(node.set('users').values).toEqual([])
  })

  test.each([
    [{}, 'Cannot use operations: expected a list: it is missing'],
    [{ operations: {} }, 'expected a list'],
    [{ operations: [], group: 'team' }, 'unknown field: "group"'],
    [{ operations: [ADD, 7] }, 'Cannot use operations[1]: expected an object'],
    [{ operations: [null] }, 'operations[0]'],
    [{ operations: [{ ...ADD, name: '' }] }, 'Cannot use operations[0].name: expected a name'],
    [{ operations: [{ ...ADD, name: 7 }] }, 'Cannot use operations[0].name: expected a name'],
    [
      { operations: [ADD, { ...ADD, op: 'set' }] },
      'Cannot use operations[1].op: expected add or remove',
    ],
    [{ operations: [{ ...ADD, group: 'team' }] }, 'unknown field: "group"'],
    [{ operations: [{ ...ADD, type: 'list' }] }, 'Cannot use operations[0].type: expected counter'],
  ])('400 for %j, and nothing is written', async (body, detail) => {
    const { ask, node } = fixture()
    const asked = await ask('POST', '/v1/transactions', body)
    expect(asked.body).toMatchObject({ status: 400, code: 'ERR_INVALID' })
    expect(asked.body.detail).toContain(detail)
    expect(node.objects()).toEqual([])
  })

  test('415 without JSON', async () => {
    const { ask } = fixture()
    expect((await ask('POST', '/v1/transactions', '{"operations":[]}')).status).toBe(415)
  })

  test('413 above 4,096 operations; one that is refused takes back the others', async () => {
    const { node } = localNode()
    const api = createHttpApi(node, { token: TOKEN })
    const client = createClient({ url: BASE, token: TOKEN, fetch: (request) => api.fetch(request) })
    const add = { name: 'c', type: 'counter', op: 'add' } as const
    await expect(client.transact(Array.from({ length: 4097 }, () => add))).rejects.toMatchObject({
      status: 413,
      code: 'ERR_LIMIT',
    })
    await client.change('c', { type: 'counter', op: 'add', growOnly: true })
    await expect(
      client.transact([
        { name: 'users', type: 'set', op: 'add', value: 'ada' },
        { name: 'c', type: 'counter', op: 'add', value: -1 },
      ]),
    ).rejects.toMatchObject({ status: 400 })
    expect(node.set('users').size).toBe(0)
    expect(node.counter('c').value).toBe(1)
    api.close()
  })
})

test('GET /v1/objects lists all groups, ?group= one', async () => {
  const { ask } = fixture()
  await ask('POST', '/v1/transactions', { operations: [ADD] })
  await ask('POST', '/v1/transactions?group=team', { operations: [ADD] })
  const names = async (query: string): Promise<unknown> =>
    (await ask('GET', `/v1/objects${query}`)).body.objects
  const users = { name: 'users', type: 'set' }
  expect(await names('')).toEqual([
    { ...users, group: 'main' },
    { ...users, group: 'team' },
  ])
  expect(await names('?group=team')).toEqual([{ ...users, group: 'team' }])
})

test('the client writes a transaction to a group', async () => {
  const { api, node } = fixture()
  const client = createClient({ url: BASE, token: TOKEN, fetch: (request) => api.fetch(request) })
  const done = await client.transact(
    [
      { name: 'users', type: 'set', op: 'add', value: 'ada' },
      { name: 'hits', type: 'counter', op: 'add', value: 2 },
    ],
    { group: 'team' },
  )
  expect(done.results.map(({ changed }) => changed)).toEqual([1, 1])
  expect(node.group('team').counter('hits').value).toBe(2)
})
