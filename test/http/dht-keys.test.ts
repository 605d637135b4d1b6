import { describe, expect, it } from 'vitest'
import { createClient } from '../../src/http/client.ts'
import { fixture, TOKEN } from './ask.ts'

describe('GET /v1/dht?own', () => {
  it('lists the keys of the node in pages', async () => {
    const { ask } = fixture()
    for (const key of ['a', 'b', 'c']) await ask('PUT', `/v1/dht/${key}`, 'xy')
    const first = await ask('GET', '/v1/dht?own&limit=2')
    const key = { kind: 'shared', bytes: 2, expiresAt: expect.any(String) }
    expect(first.body).toEqual({
      keys: [
        { key: 'a', version: '1', ...key },
        { key: 'b', version: '2', ...key },
      ],
      complete: true,
      next: '2',
    })
    const second = await ask('GET', `/v1/dht?own=true&limit=2&from=${first.body.next}`)
    expect(second.body).toEqual({ keys: [{ key: 'c', version: '3', ...key }], complete: true })
  })

  it.each([
    ['', 400],
    ['?own=false', 400],
    ['?own&limit=ten', 400],
    ['?own&limit=10001', 400],
  ])('GET /v1/dht%s is %d', async (query, status) => {
    const { ask } = fixture()
    const asked = await ask('GET', `/v1/dht${query}`)
    expect([asked.status, asked.body.code]).toEqual([status, 'ERR_INVALID'])
  })

  it('leaves other methods, and keys, to the routes of keys', async () => {
    const { ask } = fixture()
    expect((await ask('DELETE', '/v1/dht')).status).toBe(400)
    await ask('PUT', '/v1/dht/own', 'x')
    expect((await ask('GET', '/v1/dht/own')).body).toMatchObject({ value: 'x' })
  })

  it('is the client’s keys()', async () => {
    const { ask, api } = fixture()
    await ask('PUT', '/v1/dht/a', 'x')
    await ask('PUT', '/v1/dht/b', 'x')
    const client = createClient({
      url: 'http://localhost:7400',
      token: TOKEN,
      fetch: (request) => api.fetch(request),
    })
    const page = await client.keys({ limit: 1 })
    expect([page.keys.map(({ key }) => key), page.next]).toEqual([['a'], '1'])
  })
})
