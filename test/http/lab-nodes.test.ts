import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createHttpApi, type HttpApi } from '../../src/http/api.ts'
import { createClient } from '../../src/http/client.ts'
import { createLab } from '../../src/lab/lab.ts'
import type { Lab } from '../../src/lab/lab-types.ts'
import { BASE, fixture, TOKEN } from './ask.ts'

let lab: Lab
let api: HttpApi

beforeAll(async () => {
  lab = await createLab({ nodes: 3 })
  await lab.ready({ signal: AbortSignal.timeout(60_000) })
  api = createHttpApi(lab.node('a'), { token: TOKEN, lab })
})

afterAll(async () => {
  api.close()
  await lab.stop()
})

const through = (path: string): ReturnType<typeof createClient> =>
  createClient({ url: `${BASE}${path}`, token: TOKEN, fetch: (request) => api.fetch(request) })

describe('/v1/lab/nodes/{name}/v1/…', () => {
  test('is as if that node had been asked', async () => {
    const client = through('/v1/lab/nodes/b')
    expect(await client.status()).toMatchObject({ name: 'b' })
    expect((await client.members()).self).toBe('b')
    await client.change('votes', { type: 'counter', op: 'add', value: 3 })
    expect(lab.node('b').counter('votes').value).toBe(3)
    expect(await client.object('votes')).toMatchObject({ value: 3 })
    await client.put('key', 'value')
    expect(await client.get('key')).toMatchObject({ value: 'value' })
    expect(await client.explain('a')).toMatchObject({ name: 'a' })
  })

  test('serves what is asked of one node, and nothing about the whole', async () => {
    for (const path of ['/v1/lab', '/v1/events', '/v1/leave', '/livez', '/', '/v1/backup']) {
      const method = path === '/v1/leave' ? 'POST' : 'GET'
      const headers = { authorization: `Bearer ${TOKEN}` }
      const url = `${BASE}/v1/lab/nodes/b${path}`
      expect([path, (await api.fetch(new Request(url, { method, headers }))).status]).toEqual([
        path,
        404,
      ])
    }
  })

  test('wants the token, a node that runs, and a demo', async () => {
    expect((await api.fetch(new Request(`${BASE}/v1/lab/nodes/b/v1/status`))).status).toBe(401)
    const nobody = through('/v1/lab/nodes/nobody').status()
    await expect(nobody).rejects.toMatchObject({ status: 404, code: 'ERR_NOT_FOUND' })
    const { ask } = fixture()
    expect((await ask('GET', '/v1/lab/nodes/a/v1/status')).status).toBe(404)
    expect((await ask('GET', '/v1/lab/nodes/%E0/v1/status')).status).toBe(404)
  })
})

test('GET /v1/lab tells the links, and leaves out who sees whom when asked to', async () => {
  const { nodes } = await through('').lab()
  expect(nodes.map((node) => [node.name, node.links.length, node.members.length])).toEqual([
    ['a', 2, 3],
    ['b', 2, 3],
    ['c', 2, 3],
  ])
  const brief = await through('').lab({ members: false })
  expect(brief.nodes.map((node) => [node.alive, node.members])).toEqual(Array(3).fill([3, []]))
  expect((await through('').members()).links).toEqual(lab.node('a').members.links())
})

test('GET /v1/objects counts all and shows as many as are wanted', async () => {
  const { ask, node } = fixture()
  for (const name of ['x1', 'x2', 'x3', 'y']) await node.counter(name).add(1)
  await node.set('many').add(['c', 'a', 'b'])
  const found = (await ask('GET', '/v1/objects?match=x&limit=2')).body
  expect(found).toMatchObject({ total: 3, objects: [{ name: 'x1' }, { name: 'x2' }] })
  expect((await ask('GET', '/v1/objects')).body.objects).toHaveLength(5)
  expect((await ask('GET', '/v1/objects/many?limit=2')).body).toEqual({
    ...{ name: 'many', type: 'set', values: ['a', 'b'], size: 3 },
  })
  expect((await ask('GET', '/v1/objects?limit=-1')).status).toBe(400)
})
