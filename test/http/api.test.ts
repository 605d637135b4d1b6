import { describe, expect, test } from 'vitest'
import { HearsayError } from '../../src/index.ts'
import { BASE, fixture, TOKEN } from './ask.ts'

describe('/v1/dht/{key}', () => {
  test('PUT answers the put shape', async () => {
    const { ask } = fixture()
    const asked = await ask('PUT', '/v1/dht/hello?level=all&ttl=1h', 'world')
    expect(asked.status).toBe(200)
    expect(asked.body).toEqual({
      ...{ key: 'hello', version: '1', acks: 3, required: 3, elapsedMs: 1 },
      replicas: ['n0', 'n1', 'n2'],
    })
  })

  test('GET answers the get shape', async () => {
    const { ask, node } = fixture()
    await ask('PUT', '/v1/dht/hello', 'wörld')
    expect((await ask('GET', '/v1/dht/hello')).body).toEqual({
      ...{ key: 'hello', value: 'wörld', encoding: 'utf8', version: '1', from: 'n0', elapsedMs: 1 },
      author: node.peerId,
    })
  })

  test('GET answers bytes that are no UTF-8 as base64, and keeps a byte order mark', async () => {
    const { ask } = fixture()
    await ask('PUT', '/v1/dht/bytes', Uint8Array.of(0xff, 0, 1))
    expect((await ask('GET', '/v1/dht/bytes')).body).toMatchObject({
      value: '/wAB',
      encoding: 'base64',
    })
    await ask('PUT', '/v1/dht/bom', '\ufeffx')
    expect((await ask('GET', '/v1/dht/bom')).body).toMatchObject({ value: '\ufeffx' })
  })

  test('GET ?raw answers the bytes, never as a page', async () => {
    const { ask } = fixture()
    await ask('PUT', '/v1/dht/page', '<script>', { 'content-type': 'text/html' })
    const asked = await ask('GET', '/v1/dht/page?raw')
    expect(asked.text).toBe('<script>')
    expect(asked.headers.get('content-type')).toBe('application/octet-stream')
    expect(asked.headers.get('content-disposition')).toBe('attachment')
  })

  test.each([
    ['a%2Fb%2Fc', 'a/b/c'],
    ['a/b/c', 'a/b/c'],
    ['%E2%98%83', '☃'],
    ['a%2F..%2Fb', 'a/../b'],
    ['a%20b+c', 'a b+c'],
    ['100%25', '100%'],
    ['%2525', '%25'],
  ])('the key %s is %s', async (path, key) => {
    const { ask } = fixture()
    expect((await ask('PUT', `/v1/dht/${path}`, 'v')).body.key).toBe(key)
    expect((await ask('GET', `/v1/dht/${encodeURIComponent(key)}`)).body.key).toBe(key)
  })

  test('404 when nothing is found, also after DELETE', async () => {
    const { ask } = fixture()
    expect((await ask('GET', '/v1/dht/none')).body).toMatchObject({
      status: 404,
      code: 'ERR_NOT_FOUND',
    })
    await ask('PUT', '/v1/dht/k', 'v')
    expect((await ask('DELETE', '/v1/dht/k')).body).toMatchObject({ key: 'k', acks: 3 })
    expect((await ask('GET', '/v1/dht/k')).status).toBe(404)
  })

  test('413 above 64 MiB, whether declared or streamed; 200 at the limit', async () => {
    const { ask, api } = fixture()
    expect((await ask('PUT', '/v1/dht/k', new Uint8Array(65_537))).status).toBe(200)
    const declared = { 'content-length': String(2 ** 26 + 1) }
    expect((await ask('PUT', '/v1/dht/k', 'x', declared)).body).toMatchObject({
      status: 413,
      code: 'ERR_LIMIT',
    })
    let pulled = 0
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pulled += 1
        controller.enqueue(new Uint8Array(2 ** 24))
      },
    })
    const init = {
      method: 'PUT',
      body,
      duplex: 'half',
      headers: { authorization: `Bearer ${TOKEN}` },
    }
    expect((await api.fetch(new Request(`${BASE}/v1/dht/k`, init))).status).toBe(413)
    expect(pulled).toBeLessThan(8)
  })

  test('503 below the quorum says acks and required', async () => {
    const { ask, node } = fixture()
    node.replicas = 1
    expect((await ask('PUT', '/v1/dht/k?level=all', 'v')).body).toMatchObject({
      ...{ status: 503, code: 'ERR_QUORUM', acks: 2, required: 3 },
    })
  })

  test('504 when the deadline passes', async () => {
    const { ask } = fixture()
    const asked = await ask('GET', '/v1/dht/slow?timeoutMs=5')
    expect(asked.body).toMatchObject({ status: 504, code: 'ERR_TIMEOUT' })
  })

  test.each([
    'level=some',
    'ttl=1w',
    'ttl=-1',
    'ttl=0',
    'ttl=',
    'ttl=1e9',
    'timeoutMs=x',
    'ttl=99999999999d',
  ])('400 for ?%s', async (query) => {
    const { ask } = fixture()
    expect((await ask('PUT', `/v1/dht/k?${query}`, 'v')).body).toMatchObject({
      status: 400,
      code: 'ERR_INVALID',
    })
  })

  test('kinds of keys and conditions reach the node', async () => {
    const { ask, node } = fixture()
    await ask('PUT', '/v1/dht/k?own&ifVersion=none', 'v')
    expect(node.dhtOptions.at(-1)).toMatchObject({ own: true, ifVersion: 'none' })
    await ask('PUT', '/v1/dht/k?immutable=true', 'v')
    expect(node.dhtOptions.at(-1)).toMatchObject({ immutable: true })
    await ask('PUT', '/v1/dht/k?own=false', 'v')
    expect(node.dhtOptions.at(-1)).not.toHaveProperty('own')
    await ask('GET', '/v1/dht/k?owner=n1&level=quorum')
    expect(node.dhtOptions.at(-1)).toMatchObject({ owner: 'peer-1', level: 'quorum' })
    expect((await ask('PUT', '/v1/dht/k?own=perhaps', 'v')).status).toBe(400)
  })

  test.each([
    ['ERR_STORE_FULL', 507],
    ['ERR_VERSION_CONFLICT', 409],
    ['ERR_TYPE_CONFLICT', 409],
    ['ERR_LIMIT', 413],
    ['ERR_INVALID', 400],
    ['ERR_STOPPED', 503],
    ['ERR_OVERLOADED', 429],
    ['ERR_STORE', 500],
  ] as const)('%s of the node is %i', async (code, status) => {
    const { ask, node } = fixture()
    node.failure = new HearsayError(code, 'Cannot', { hint: 'Do' })
    expect((await ask('PUT', '/v1/dht/k', 'v')).body).toMatchObject({ status, code, hint: 'Do' })
  })

  test('an unexpected failure is 500, tells the operator and not the client', async () => {
    const errors: unknown[] = []
    const { ask, node } = fixture({ onError: (error) => errors.push(error) })
    node.failure = new Error('secret /home/path')
    const asked = await ask('PUT', '/v1/dht/k', 'v')
    expect(asked.body).toMatchObject({ status: 500, code: 'ERR_INTERNAL' })
    expect(asked.text).not.toContain('secret')
    expect(errors).toEqual([node.failure])
  })
})

describe('/v1/objects', () => {
  const post = (name: string, body: unknown): readonly ['POST', string, unknown] => [
    'POST',
    `/v1/objects/${name}`,
    body,
  ]

  test('counter add and get', async () => {
    const { ask } = fixture()
    expect((await ask(...post('votes', { type: 'counter', op: 'add', value: 3 }))).body).toEqual({
      name: 'votes',
      type: 'counter',
      value: 3,
    })
    expect((await ask(...post('votes', { type: 'counter', op: 'add' }))).body.value).toBe(4)
    expect((await ask('GET', '/v1/objects/votes')).body).toEqual({
      name: 'votes',
      type: 'counter',
      value: 4,
    })
  })

  test('a counter above 2^53 - 1 is a string', async () => {
    const { ask } = fixture()
    const value = Number.MAX_SAFE_INTEGER
    await ask(...post('votes', { type: 'counter', op: 'add', value }))
    expect((await ask(...post('votes', { type: 'counter', op: 'add', value }))).body.value).toBe(
      '18014398509481982',
    )
  })

  test('growOnly refuses to subtract', async () => {
    const { ask } = fixture()
    const body = { type: 'counter', op: 'add', value: -1, growOnly: true }
    expect((await ask(...post('hits', body))).body).toMatchObject({
      status: 400,
      code: 'ERR_INVALID',
    })
  })

  test('set add, remove, list, has', async () => {
    const { ask } = fixture()
    expect(
      (await ask(...post('tags', { type: 'set', op: 'add', values: ['b', 'a', 'b'] }))).body,
    ).toEqual({ name: 'tags', type: 'set', size: 2, changed: 2 })
    expect((await ask(...post('tags', { type: 'set', op: 'add', value: 'a' }))).body).toEqual({
      name: 'tags',
      type: 'set',
      size: 2,
      changed: 0,
    })
    expect((await ask('GET', '/v1/objects/tags')).body).toEqual({
      name: 'tags',
      type: 'set',
      values: ['a', 'b'],
    })
    expect((await ask('GET', '/v1/objects/tags?has=a')).body).toEqual({
      name: 'tags',
      type: 'set',
      has: true,
    })
    expect((await ask(...post('tags', { type: 'set', op: 'remove', value: 'a' }))).body).toEqual({
      name: 'tags',
      type: 'set',
      size: 1,
      changed: 1,
    })
    expect((await ask('GET', '/v1/objects/tags?type=set&has=a')).body.has).toBe(false)
  })

  test('register set and get, null included', async () => {
    const { ask } = fixture()
    expect(
      (await ask(...post('mode', { type: 'register', op: 'set', value: { a: [1] } }))).body,
    ).toEqual({ name: 'mode', type: 'register', value: { a: [1] }, siblings: [{ a: [1] }] })
    await ask(...post('mode', { type: 'register', op: 'set', value: null }))
    expect((await ask('GET', '/v1/objects/mode')).body).toEqual({
      name: 'mode',
      type: 'register',
      value: null,
      siblings: [null],
    })
  })

  test('map set, get by path, remove', async () => {
    const { ask } = fixture()
    await ask(...post('config', { type: 'map', op: 'set', path: ['a', 'b.c'], value: 1 }))
    const both = await ask(
      ...post('config', { type: 'map', op: 'set', path: ['a', 'd'], value: 2 }),
    )
    expect(both.body).toEqual({ name: 'config', type: 'map', value: { a: { 'b.c': 1, d: 2 } } })
    expect((await ask('GET', '/v1/objects/config?path=a.d')).body).toMatchObject({
      path: ['a', 'd'],
      value: 2,
    })
    const path = encodeURIComponent('["a","b.c"]')
    expect((await ask('GET', `/v1/objects/config?path=${path}`)).body.value).toBe(1)
    expect((await ask('GET', '/v1/objects/config?path=a.x')).status).toBe(404)
    expect((await ask(...post('config', { type: 'map', op: 'remove', path: ['a'] }))).body).toEqual(
      { name: 'config', type: 'map', value: {}, changed: 2 },
    )
  })

  test('what does not exist: 404 without type; empty, zero or 404 with it', async () => {
    const { ask } = fixture()
    expect((await ask('GET', '/v1/objects/x')).status).toBe(404)
    expect((await ask('GET', '/v1/objects/x?type=counter')).body.value).toBe(0)
    expect((await ask('GET', '/v1/objects/x?type=set')).body.values).toEqual([])
    expect((await ask('GET', '/v1/objects/x?type=register')).status).toBe(404)
    expect((await ask('GET', '/v1/objects/x?type=map')).body.value).toEqual({})
    expect((await ask('GET', '/v1/objects/x?type=map&path=a')).status).toBe(404)
    expect((await ask('GET', '/v1/objects')).body).toEqual({ objects: [] })
  })

  test('one name with two types is 409 until ?type= chooses', async () => {
    const { ask } = fixture()
    await ask(...post('x', { type: 'counter', op: 'add' }))
    await ask(...post('x', { type: 'set', op: 'add', value: 'a' }))
    expect((await ask('GET', '/v1/objects/x')).body).toMatchObject({
      status: 409,
      code: 'ERR_TYPE_CONFLICT',
    })
    expect((await ask('GET', '/v1/objects/x?type=set')).body.values).toEqual(['a'])
  })

  test('?group= keeps objects apart; names may hold slashes', async () => {
    const { ask } = fixture()
    await ask(...post('a%2Fb?group=team', { type: 'counter', op: 'add' }))
    expect((await ask('GET', '/v1/objects/a%2Fb')).status).toBe(404)
    expect((await ask('GET', '/v1/objects/a%2Fb?group=team')).body).toMatchObject({
      name: 'a/b',
      value: 1,
    })
    expect((await ask('GET', '/v1/objects')).body).toEqual({
      objects: [{ name: 'a/b', type: 'counter', group: 'team' }],
    })
    expect((await ask('GET', '/v1/objects?group=main')).body).toEqual({ objects: [] })
  })

  const refused: readonly unknown[] = [
    {},
    { type: 'list' },
    { type: 'counter' },
    { type: 'counter', op: 'sub' },
    { type: 'counter', op: 'add', value: 1.5 },
    { type: 'counter', op: 'add', value: '3' },
    { type: 'counter', op: 'add', value: 2 ** 53 },
    { type: 'counter', op: 'add', growOnly: 1 },
    { type: 'counter', op: 'add', group: 'team' },
    { type: 'set', op: 'add' },
    { type: 'set', op: 'add', value: 1 },
    { type: 'set', op: 'add', value: 'a', values: ['b'] },
    { type: 'set', op: 'add', values: ['a', 1] },
    { type: 'set', op: 'clear', value: 'a' },
    { type: 'register', op: 'set' },
    { type: 'register', op: 'get', value: 1 },
    { type: 'map', op: 'set', path: [], value: 1 },
    { type: 'map', op: 'set', path: 'a.b', value: 1 },
    { type: 'map', op: 'increment', path: [] },
    { type: 'map', op: 'add', path: [], value: 'x' },
    { type: 'map', op: 'remove' },
    { type: 'map', op: 'remove', path: '' },
    { type: 'map', op: 'set', path: ['a'] },
    { type: 'map', op: 'remove', path: ['a'], value: 1 },
    { type: 'map', op: 'set', path: Array(33).fill('a'), value: 1 },
    { type: 'map', op: 'get', path: ['a'], value: 1 },
    [],
    'text',
    3,
    null,
  ]
  test.each(refused.map((body) => [JSON.stringify(body).slice(0, 80), body] as const))(
    '400 for %s',
    async (_, body) => {
      const { ask } = fixture()
      const asked = await ask('POST', '/v1/objects/x', JSON.stringify(body), {
        'content-type': 'application/json',
      })
      expect(asked.body).toMatchObject({ status: 400, code: 'ERR_INVALID' })
      expect(asked.headers.get('content-type')).toBe('application/problem+json')
      expect((await ask('GET', '/v1/objects')).body).toEqual({ objects: [] })
    },
  )

  const malformed: readonly [string, string | Uint8Array][] = [
    ['nothing', ''],
    ['half a body', '{"type":"counter"'],
    ['no UTF-8', Uint8Array.of(0x22, 0xff, 0x22)],
    ['deep nesting', `{"type":"register","op":"set","value":${'['.repeat(64)}${']'.repeat(64)}}`],
    ['very deep nesting', '['.repeat(500_000)],
    ['__proto__', '{"type":"register","op":"set","value":{"__proto__":{"a":1}}}'],
    ['__proto__ at the top', '{"__proto__":{"type":"counter","op":"add"}}'],
    ['an infinite number', '{"type":"register","op":"set","value":1e999}'],
    ['an integer that is no double', '{"type":"register","op":"set","value":9007199254740993}'],
    ['a lone surrogate', '{"type":"set","op":"add","value":"\\ud800"}'],
  ]
  test.each(malformed)('400 for a body with %s', async (_, body) => {
    const { ask } = fixture()
    const asked = await ask('POST', '/v1/objects/x', body, { 'content-type': 'application/json' })
    expect(asked.body).toMatchObject({ status: 400, code: 'ERR_INVALID', title: 'Bad Request' })
  })

  test('200 for nesting of 64 levels; brackets in texts do not count', async () => {
    const { ask } = fixture()
    const json = { 'content-type': 'application/json' }
    const deep = `{"type":"register","op":"set","value":${'['.repeat(63)}${']'.repeat(63)}}`
    expect((await ask('POST', '/v1/objects/x', deep, json)).status).toBe(200)
    const text = `{"type":"register","op":"set","value":"\\"${'['.repeat(99)}"}`
    expect((await ask('POST', '/v1/objects/x', text, json)).status).toBe(200)
  })

  test('413 above 1 MiB', async () => {
    const { ask } = fixture()
    const value = 'x'.repeat(1024 * 1024)
    expect((await ask(...post('x', { type: 'register', op: 'set', value }))).body).toMatchObject({
      status: 413,
      code: 'ERR_LIMIT',
    })
  })
})

describe('paths and methods', () => {
  test.each(['/v1/dht/%', '/v1/dht/%zz', '/v1/objects/%ff', '/v1/dht/%ed%a0%80'])(
    '400 for bad encoding: %s',
    async (path) => {
      const { ask } = fixture()
      expect((await ask('GET', path)).body).toMatchObject({ status: 400, code: 'ERR_INVALID' })
    },
  )

  test.each(['/v1/dht/', '/v1/dht', '/v1/objects/'])(
    '400 or 404 without a name: %s',
    async (path) => {
      const { ask } = fixture()
      expect([400, 404]).toContain((await ask('GET', path)).status)
    },
  )

  test.each(['/v1', '/v2/status', '/v1/nothing', '/favicon.ico'])('404 for %s', async (path) => {
    const { ask } = fixture()
    expect((await ask('GET', path)).body).toMatchObject({ status: 404, code: 'ERR_NOT_FOUND' })
  })

  test.each([
    ['POST', '/v1/status', 'GET'],
    ['DELETE', '/v1/members', 'GET'],
    ['PATCH', '/v1/dht/k', 'PUT, GET, DELETE'],
    ['PUT', '/v1/objects/x', 'GET, POST'],
    ['GET', '/v1/join', 'POST'],
    ['OPTIONS', '/v1/dht/k', 'PUT, GET, DELETE'],
    ['HEAD', '/v1/events', 'GET'],
  ])('405 for %s %s says what is allowed', async (method, path, allow) => {
    const { ask } = fixture()
    const asked = await ask(method, path)
    expect(asked.status).toBe(405)
    expect(asked.headers.get('allow')).toBe(allow)
  })

  test('414 above 4 KiB', async () => {
    const { ask } = fixture()
    expect((await ask('GET', `/v1/dht/${'k'.repeat(4096)}`)).body).toMatchObject({
      status: 414,
      code: 'ERR_LIMIT',
    })
  })
})

describe('the node', () => {
  test('/v1/status and /v1/members answer what the node says', async () => {
    const { ask, node } = fixture()
    expect((await ask('GET', '/v1/status')).body).toEqual({ ...node.status() })
    const { self, viewHash, members } = (await ask('GET', '/v1/members')).body
    expect({ self, viewHash, members }).toEqual({
      self: 'n0',
      viewHash: 'abcd',
      members: node.members.list(),
    })
  })

  test('/v1/converged answers either way', async () => {
    const { ask, node } = fixture()
    expect((await ask('GET', '/v1/converged?timeoutMs=5')).body).toMatchObject({
      converged: true,
      members: 3,
    })
    node.hasConverged = false
    const asked = await ask('GET', '/v1/converged?timeoutMs=5')
    expect(asked.status).toBe(200)
    expect(asked.body).toMatchObject({ converged: false, members: 3, digest: node.digest() })
  })

  test('/v1/replicated answers either way', async () => {
    const { ask } = fixture()
    expect((await ask('GET', '/v1/replicated?replicas=2&group=team')).body).toEqual({
      ...{ replicated: true, replicas: 2, wanted: 2, group: 'team', elapsedMs: 1 },
    })
    const asked = await ask('GET', '/v1/replicated?replicas=3&timeoutMs=5')
    expect(asked.status).toBe(200)
    expect(asked.body).toEqual({
      ...{ replicated: false, replicas: 2, wanted: 3, group: 'main' },
      elapsedMs: expect.any(Number),
    })
  })

  test.each(['', '?replicas=', '?replicas=0', '?replicas=256', '?replicas=1.5', '?replicas=-1'])(
    '/v1/replicated%s is refused',
    async (query) => {
      const { status, body } = await fixture().ask('GET', `/v1/replicated${query}`)
      expect([status, body.code]).toEqual([400, 'ERR_INVALID'])
      expect(body.detail).toContain('1 … 255')
    },
  )

  test('/v1/tags replaces the tags as a whole and refuses what is none', async () => {
    const { ask } = fixture()
    expect((await ask('GET', '/v1/tags')).body).toEqual({ tags: {} })
    const set = await ask('PUT', '/v1/tags', { tags: { role: 'web', __proto__x: '' } })
    expect([set.status, set.body]).toEqual([200, { tags: { role: 'web', __proto__x: '' } }])
    await ask('PUT', '/v1/tags', { tags: { zone: 'a' } })
    for (const tags of [undefined, [], 'x', { a: 1 }, { a: 'x'.repeat(512) }]) {
      expect((await ask('PUT', '/v1/tags', { tags })).body).toMatchObject({ status: 400 })
    }
    expect((await ask('GET', '/v1/tags')).body).toEqual({ tags: { zone: 'a' } })
  })

  test('/v1/join hands addresses to the node and refuses what is none', async () => {
    const { ask, node } = fixture()
    expect((await ask('POST', '/v1/join', { addresses: ['h:1', '/dns/x/tcp/1'] })).status).toBe(202)
    expect(node.joined).toEqual(['h:1', '/dns/x/tcp/1'])
    expect((await ask('POST', '/v1/join', { addresses: ['nowhere'] })).body).toMatchObject({
      status: 400,
      code: 'ERR_ADDRESS',
    })
    for (const body of [
      {},
      { addresses: [] },
      { addresses: 'h:1' },
      { addresses: Array(65).fill('h:1') },
      { addresses: [`h:${'1'.repeat(2000)}`] },
    ]) {
      expect((await ask('POST', '/v1/join', body)).status).toBe(400)
    }
  })

  test('/v1/leave says goodbye, then asks the process to stop', async () => {
    let left = 0
    const { ask } = fixture({ onLeave: () => left++ })
    expect((await ask('POST', '/v1/leave')).body).toEqual({ left: true })
    expect(left).toBe(1)
    expect((await ask('GET', '/readyz')).status).toBe(503)
  })

  test('/readyz lists checks with reasons and is false once shutdown begins', async () => {
    const { ask, api } = fixture()
    const before = await ask('GET', '/readyz')
    expect(before.status).toBe(200)
    expect(before.body).toMatchObject({ ready: true })
    api.beginShutdown()
    const after = await ask('GET', '/readyz')
    expect(after.status).toBe(503)
    expect(after.body.checks).toContainEqual({
      name: 'shutdown',
      ok: false,
      reason: 'shutting down',
    })
    expect((await ask('GET', '/livez')).status).toBe(200)
  })

  test('/readyz and /livez turn false on a fatal failure of the store', async () => {
    const { ask, node } = fixture()
    node.emit({ at: 1, type: 'fatal', reason: 'disk gone', code: 'ERR_STORE' })
    expect((await ask('GET', '/livez')).status).toBe(503)
    const checks = (await ask('GET', '/readyz')).body.checks
    expect(checks).toContainEqual({ name: 'store', ok: false, reason: 'ERR_STORE: disk gone' })
  })

  test('/readyz turns false when the node stops', async () => {
    const { ask, node } = fixture()
    await node.stop()
    expect((await ask('GET', '/readyz')).status).toBe(503)
  })

  test('close() takes its hands off the node, twice without harm', () => {
    const { api, node } = fixture()
    expect(node.subscribers).toBe(1)
    api.close()
    api.close()
    expect(node.subscribers).toBe(0)
  })
})
