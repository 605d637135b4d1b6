import { describe, expect, test } from 'vitest'
import { isLoopbackName } from '../../src/http/guard.ts'
import { answer, BASE, fixture, TOKEN } from './ask.ts'

const BEARER = { authorization: `Bearer ${TOKEN}` }

describe('token', () => {
  const refused: readonly [string, Record<string, string>][] = [
    ['is missing', {}],
    ['is wrong', { authorization: `Bearer ${'b'.repeat(43)}` }],
    ['is a prefix', { authorization: `Bearer ${TOKEN.slice(1)}` }],
    ['is too long', { authorization: `Bearer ${TOKEN}a` }],
    ['is empty', { authorization: 'Bearer ' }],
    ['comes by another scheme', { authorization: `Basic ${TOKEN}` }],
    ['comes in a cookie', { cookie: `token=${TOKEN}` }],
  ]
  test.each(refused)('401 when it %s', async (_, headers) => {
    const { api } = fixture()
    const asked = await answer(await api.fetch(new Request(`${BASE}/v1/status`, { headers })))
    expect(asked.status).toBe(401)
    expect(asked.body.code).toBe('ERR_UNAUTHORIZED')
    expect(asked.headers.get('www-authenticate')).toContain('Bearer')
  })

  test('401 when it stands in the URL', async () => {
    const { api } = fixture()
    const request = new Request(`${BASE}/v1/status?token=${TOKEN}&access_token=${TOKEN}`)
    expect((await api.fetch(request)).status).toBe(401)
  })

  test('is accepted with any case of the scheme', async () => {
    const { api } = fixture()
    const headers = { authorization: `bearer ${TOKEN}` }
    expect((await api.fetch(new Request(`${BASE}/v1/status`, { headers }))).status).toBe(200)
  })

  test('is asked before telling whether a path exists', async () => {
    const { api } = fixture()
    expect((await api.fetch(new Request(`${BASE}/v1/secrets`))).status).toBe(401)
    expect((await api.fetch(new Request(`${BASE}/metrics`))).status).toBe(401)
  })

  test.each(['/livez', '/readyz', '/startupz', '/', '/page.js', '/page.css', '/icon.svg'])(
    'is not needed for %s',
    async (path) => {
      const { api } = fixture()
      expect((await api.fetch(new Request(`${BASE}${path}`))).status).toBe(200)
    },
  )

  test('no path variant escapes it', async () => {
    const { api } = fixture()
    for (const path of [
      '/%76%31/status',
      '//v1/status',
      '/v1//status',
      '/livez/../v1/status',
      '/v1/status/',
    ]) {
      const { status } = await api.fetch(new Request(`${BASE}${path}`))
      expect([401, 404], path).toContain(status)
    }
  })
})

describe('Host', () => {
  const allowed = [
    'localhost',
    'LOCALHOST:7400',
    '127.0.0.1',
    '127.0.0.1:1',
    '127.3.2.1:80',
    '[::1]',
    '[::1]:7400',
    'Node.Example:7400',
  ]
  test.each(allowed)('200 for %s', async (host) => {
    const { ask } = fixture({ hosts: ['node.example'] })
    expect((await ask('GET', '/v1/status', undefined, { host })).status).toBe(200)
  })

  const refused = [
    'evil.example',
    'localhost.evil.example',
    'localhost.',
    '127.0.0.1.evil.example',
    '127.0.0.256',
    '10.0.0.1',
    '0.0.0.0:7400',
    '[::2]',
    'localhost:7400:1',
    'user@localhost',
    'localhost/x',
    '127.1',
    '0x7f.0.0.1',
    '[::ffff:127.0.0.1]',
    'node.example.org',
  ]
  test.each(refused)('421 for %s', async (host) => {
    const { ask } = fixture({ hosts: ['node.example'] })
    const asked = await ask('GET', '/v1/status', undefined, { host })
    expect(asked.status).toBe(421)
    expect(asked.body.code).toBe('ERR_HOST')
  })

  test('421 even where no token is needed', async () => {
    const { ask } = fixture()
    expect((await ask('GET', '/livez', undefined, { host: 'evil.example' })).status).toBe(421)
  })

  test('421 when the URL itself names a foreign host', async () => {
    const { api } = fixture()
    const headers = { ...BEARER, host: 'localhost' }
    const { status } = await api.fetch(new Request('http://evil.example/v1/status', { headers }))
    expect(status).toBe(421)
  })

  test('isLoopbackName() takes exactly the loopback names', () => {
    expect(['::1', '127.255.255.255'].every(isLoopbackName)).toBe(true)
    expect(['0.0.0.0', '::', '', '127.0.0', '128.0.0.1', '127.0.0.1 '].some(isLoopbackName)).toBe(
      false,
    )
  })
})

describe('Origin', () => {
  test.each([
    'http://evil.example',
    'null',
    'http://localhost:3000',
    'http://localhost',
    'file://',
    '',
  ])('403 for "%s"', async (origin) => {
    const { ask } = fixture()
    for (const path of ['/v1/status', '/livez']) {
      const asked = await ask('GET', path, undefined, { origin, host: 'localhost:7400' })
      expect(asked.status).toBe(403)
      expect(asked.body.code).toBe('ERR_ORIGIN')
    }
  })

  test('200 for the page of this very node', async () => {
    const { ask } = fixture()
    const origin = 'http://localhost:7400'
    expect((await ask('GET', '/v1/status', undefined, { origin })).status).toBe(200)
  })

  test('no answer ever grants a foreign page access', async () => {
    const { ask } = fixture()
    for (const [method, path] of [
      ['GET', '/v1/status'],
      ['OPTIONS', '/v1/status'],
      ['GET', '/'],
    ] as const) {
      const { headers } = await ask(method, path)
      expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
    }
  })
})

describe('content type', () => {
  const posts = ['/v1/objects/x', '/v1/transactions', '/v1/join', '/v1/leave', '/v1/chaos']
  const types = [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'text/html',
    'application/jsonp',
  ]
  test.each(posts.flatMap((path) => types.map((type) => [path, type] as const)))(
    '415: POST %s as %s',
    async (path, type) => {
      const { ask } = fixture({ chaos: true })
      const asked = await ask('POST', path, '{}', { 'content-type': type })
      expect(asked.status).toBe(415)
      expect(asked.body.code).toBe('ERR_MEDIA_TYPE')
    },
  )

  test('415 when a mutation has none', async () => {
    const { ask } = fixture()
    const asked = await ask('POST', '/v1/objects/x', Buffer.from('{"type":"counter","op":"add"}'))
    expect(asked.status).toBe(415)
  })

  test('parameters and case do not matter', async () => {
    const { ask } = fixture()
    const type = { 'content-type': 'Application/JSON; charset=utf-8' }
    expect((await ask('POST', '/v1/objects/x', '{"type":"counter","op":"add"}', type)).status).toBe(
      200,
    )
  })

  test('PUT of a value takes any type, but not a form type from a page', async () => {
    const { ask } = fixture()
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const origin = { origin: BASE }
    expect((await ask('PUT', '/v1/dht/k', 'v', form)).status).toBe(200)
    expect((await ask('PUT', '/v1/dht/k', 'v', { ...form, ...origin })).status).toBe(415)
    const image = { 'content-type': 'image/png', ...origin }
    expect((await ask('PUT', '/v1/dht/k', 'v', image)).status).toBe(200)
  })
})

describe('headers', () => {
  test('every answer carries the policy, errors included', async () => {
    const { ask } = fixture()
    for (const path of ['/', '/v1/status', '/v1/nothing', '/v1/objects/%ff', '/livez']) {
      const { headers } = await ask('GET', path)
      expect(headers.get('content-security-policy'), path).toContain("default-src 'none'")
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('cache-control')).toBe('no-store')
    }
  })

  test('the page makes no outside request and runs no inline script', async () => {
    const { ask } = fixture()
    const { text } = await ask('GET', '/')
    expect(text).not.toMatch(/https?:\/\//)
    expect(text).not.toMatch(/<script>|<style>| on\w+=/)
    expect((await ask('GET', '/page.js')).text).not.toMatch(
      /outerHTML|insertAdjacent|eval\(|https?:\/\/(?!www\.w3\.org\/)/,
    )
  })

  test('text never becomes markup, whatever a page does', async () => {
    const { ask } = fixture()
    const policy = (await ask('GET', '/')).headers.get('content-security-policy')
    expect(policy).toContain("require-trusted-types-for 'script'; trusted-types 'none'")
  })
})
