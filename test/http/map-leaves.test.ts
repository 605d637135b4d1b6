import { describe, expect, test } from 'vitest'
import { fixture } from './ask.ts'

const PATH = ['ada', 'x']

describe('POST /v1/objects/{name} for leaves of maps', () => {
  test('increment, add and discard answer the map', async () => {
    const { ask } = fixture()
    const post = async (body: object) => {
      const asked = await ask('POST', '/v1/objects/m', { type: 'map', ...body })
      expect(asked.status).toBe(200)
      return asked.body
    }
    const answer = (value: object) => ({ name: 'm', type: 'map', value })
    const visits = ['ada', 'visits']
    const tags = ['ada', 'tags']
    expect(await post({ op: 'increment', path: visits })).toEqual(answer({ ada: { visits: 1 } }))
    await post({ op: 'increment', path: visits, value: -3 })
    expect(await post({ op: 'add', path: tags, values: ['b', 'a'] })).toEqual({
      ...answer({ ada: { visits: -2, tags: ['a', 'b'] } }),
      changed: 2,
    })
    expect(await post({ op: 'add', path: tags, value: 'a' })).toMatchObject({ changed: 0 })
    expect(await post({ op: 'discard', path: tags, value: 'a' })).toEqual({
      ...answer({ ada: { visits: -2, tags: ['b'] } }),
      changed: 1,
    })
    const asked = await ask('GET', '/v1/objects/m?path=ada.visits')
    expect(asked.body.value).toBe(-2)
  })

  test.each([
    [{ op: 'increment', path: PATH, value: 0.5 }, 'value'],
    [{ op: 'increment', path: PATH, value: '1' }, 'value'],
    [{ op: 'increment', path: PATH, values: ['a'] }, 'unknown field: "values"'],
    [{ op: 'increment', path: [] }, 'path'],
    [{ op: 'add', path: PATH }, 'value'],
    [{ op: 'add', path: PATH, value: 'a', values: ['b'] }, 'value and values'],
    [{ op: 'discard', path: PATH, values: [1] }, 'values'],
    [{ op: 'count', path: PATH }, 'set, remove, increment, add or discard'],
  ])('400 for %j', async (body, detail) => {
    const { ask, node } = fixture()
    const asked = await ask('POST', '/v1/objects/m', { type: 'map', ...body })
    expect(asked.body).toMatchObject({ status: 400, code: 'ERR_INVALID' })
    expect(asked.body.detail).toContain(detail)
    expect(node.objects()).toEqual([])
  })

  test('a transaction takes them too', async () => {
    const { ask, node } = fixture()
    const leaf = { name: 'm', type: 'map' }
    const operations = [
      { ...leaf, op: 'increment', path: ['c'], value: 5 },
      { ...leaf, op: 'add', path: ['s'], values: ['a', 'b'] },
      { ...leaf, op: 'discard', path: ['s'], value: 'b' },
    ]
    const asked = await ask('POST', '/v1/transactions', { operations })
    expect(asked.body.results).toMatchObject([{ changed: 1 }, { changed: 2 }, { changed: 1 }])
    expect(node.map('m').value).toEqual({ c: 5, s: ['a'] })
  })
})

test('map remove with the empty path clears the map, alone and in a transaction', async () => {
  const { ask } = fixture()
  const change = (body: object) => ask('POST', '/v1/objects/config', { type: 'map', ...body })
  const set = { op: 'set', path: ['a', 'x'], value: 1 }
  await change(set)
  const remove = { op: 'remove', path: [] }
  const cleared = { name: 'config', type: 'map', value: {}, changed: 1 }
  expect((await change(remove)).body).toEqual(cleared)
  await change(set)
  const operations = [{ name: 'config', type: 'map', ...remove }]
  const done = await ask('POST', '/v1/transactions', { operations })
  expect(done.body.results).toEqual([{ name: 'config', type: 'map', changed: 1 }])
  expect((await ask('GET', '/v1/objects/config?type=map')).body.value).toEqual({})
})
