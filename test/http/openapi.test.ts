import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EventLog } from '../../src/cli/log.ts'
import { createHttpApi, type HttpApi } from '../../src/http/api.ts'
import { createClient } from '../../src/http/client.ts'
import { COMPONENTS } from '../../src/http/schemas/components.ts'
import { createLab } from '../../src/lab/lab.ts'
import type { Lab } from '../../src/lab/lab-types.ts'
import { testIo } from '../cli/test-io.ts'
import { BASE, fixture, TOKEN } from './ask.ts'
import { type Description, describedBy, expectDescribed, expectShape } from './described.ts'

const LOG = { level: 'info', format: 'json', now: () => 0 } as const

let lab: Lab
let api: HttpApi
let description: Description

beforeAll(async () => {
  lab = await createLab({ nodes: 2 })
  await lab.ready({ signal: AbortSignal.timeout(60_000) })
  api = createHttpApi(lab.node('a'), { token: TOKEN, lab, log: new EventLog(testIo(), LOG) })
  description = await describedBy(api)
})

afterAll(async () => {
  api.close()
  await lab.stop()
})

/** One request of every operation but those that never end, end the node or need a private network. */
const REQUESTS: readonly (readonly [method: string, path: string, body?: unknown])[] = [
  ['GET', '/livez'],
  ['GET', '/readyz'],
  ['GET', '/startupz'],
  ['GET', '/metrics'],
  ['GET', '/openapi.json'],
  ['GET', '/v1/status'],
  ['GET', '/v1/members'],
  ['GET', '/v1/members/b/explain'],
  ['GET', '/v1/tags'],
  ['PUT', '/v1/tags', { tags: { zone: 'a' } }],
  ['POST', '/v1/join', { addresses: ['127.0.0.1:1'] }],
  ['POST', '/v1/broadcasts', { name: 'deploy', payload: 'aGk=', encoding: 'base64' }],
  ['POST', '/v1/queries?timeoutMs=2s', { name: 'ping', relayFactor: 1 }],
  ['PUT', '/v1/dht/key?level=one&ttl=1h', 'value'],
  ['GET', '/v1/dht/key'],
  ['GET', '/v1/dht/key?raw'],
  ['GET', '/v1/dht?own&limit=1'],
  ['POST', '/v1/dht?level=one', { put: [{ key: 'b1', value: 'eA==', encoding: 'base64' }] }],
  ['POST', '/v1/dht', { get: ['b1', 'none'] }],
  ['DELETE', '/v1/dht/key'],
  ['POST', '/v1/objects/votes', { type: 'counter', op: 'add', value: 3 }],
  ['POST', '/v1/objects/guests', { type: 'set', op: 'add', values: ['ada', 'bob'] }],
  ['POST', '/v1/objects/motto', { type: 'register', op: 'set', value: { a: [null] } }],
  ['POST', '/v1/objects/profile', { type: 'map', op: 'set', path: ['a', 'b'], value: 1 }],
  ['POST', '/v1/objects/profile', { type: 'map', op: 'remove', path: [] }],
  ['POST', '/v1/objects/profile', { type: 'map', op: 'increment', path: ['n'] }],
  ['POST', '/v1/objects/profile', { type: 'map', op: 'add', path: ['s'], value: 'x' }],
  ['GET', '/v1/objects'],
  ['GET', '/v1/objects?limit=1'],
  ['GET', '/v1/objects/votes'],
  ['GET', '/v1/objects/guests?limit=1'],
  ['GET', '/v1/objects/guests?has=ada'],
  ['GET', '/v1/objects/motto'],
  ['GET', '/v1/objects/profile?path=n'],
  ['POST', '/v1/transactions', { operations: [{ name: 'votes', type: 'counter', op: 'add' }] }],
  ['GET', '/v1/undo'],
  ['POST', '/v1/undo', {}],
  ['GET', '/v1/export'],
  ['GET', '/v1/export?format=csv&group=main'],
  ['GET', '/v1/backup'],
  ['GET', '/v1/converged?timeoutMs=10s'],
  ['GET', '/v1/replicated?replicas=1&timeoutMs=10s'],
  ['GET', '/v1/log'],
  ['PUT', '/v1/log', { level: 'debug' }],
  ['PUT', '/v1/log', { level: 'warn', component: 'links' }],
  ['GET', '/v1/lab'],
  ['GET', '/v1/lab/nodes/b/v1/status'],
  ['PUT', '/v1/lab/nodes/b/v1/dht/key', 'value'],
  ['POST', '/v1/lab/nodes/b/v1/objects/votes', { type: 'counter', op: 'add' }],
  ['DELETE', '/v1/lab/nodes/b/v1/dht/key'],
  ['POST', '/v1/chaos', { action: 'loss', share: 0 }],
  ['POST', '/v1/chaos', { action: 'heal' }],
  ['GET', '/'],
  ['GET', '/page.css'],
  ['GET', '/page.js'],
  ['GET', '/icon.svg'],
]
const UNASKED: ReadonlySet<string> = new Set(['events', 'leave', 'invite', 'invites', 'revoke'])

async function ask(method: string, path: string, body: unknown): Promise<void> {
  const headers = {
    authorization: `Bearer ${TOKEN}`,
    ...(typeof body === 'object' ? { 'content-type': 'application/json' } : {}),
  }
  const sent =
    body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
  const response = await api.fetch(new Request(`${BASE}${path}`, { method, headers, ...sent }))
  const type = response.headers.get('content-type') ?? ''
  const text = await response.text()
  expect(response.status, `${method} ${path}: ${text.slice(0, 200)}`).toBeLessThan(400)
  expectDescribed(description, { method, path }, { status: response.status, type, text })
}

describe('GET /openapi.json', () => {
  test('describes the answer of every operation of nodes that run', async () => {
    for (const [method, path, body] of REQUESTS) await ask(method, path, body)
  })

  test('describes the events of a node that runs', async () => {
    const headers = { authorization: `Bearer ${TOKEN}` }
    const stop = new AbortController()
    const url = `${BASE}/v1/events`
    const response = await api.fetch(new Request(url, { headers, signal: stop.signal }))
    const node = lab.node('a')
    await node.counter('n').add(1)
    await node.set('s').add('x')
    await node.register('r').set({ a: 1 })
    await node.map('m').set(['a'], 1)
    await node.map('m').remove([])
    await node.broadcast('deploy')
    await node.dht.put('k', 'v', { level: 'one' })
    const decoder = new TextDecoder()
    let text = ''
    for await (const bytes of response.body ?? []) {
      text += decoder.decode(bytes, { stream: true })
      if (['object-changed', 'broadcast', 'digest-changed'].every((type) => text.includes(type))) {
        break
      }
    }
    stop.abort()
    const type = 'text/event-stream'
    expectDescribed(description, { method: 'GET', path: '/v1/events' }, { status: 200, type, text })
    expect(text.match(/^data: /gm)?.length).toBeGreaterThan(5)
  })

  test('leaves no operation out of that', () => {
    const templates = Object.entries(description.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { operationId }]) => ({ path, method, operationId })),
    )
    const asked = templates.filter(({ path, method }) => {
      const pattern = new RegExp(`^${path.replaceAll(/\{\w+\}/g, '.+')}$`)
      return REQUESTS.some(
        ([verb, target]) =>
          verb.toLowerCase() === method && pattern.test(target.replace(/\?.*/, '')),
      )
    })
    const missing = templates.filter((one) => !asked.includes(one))
    expect(missing.map(({ operationId }) => operationId).toSorted()).toEqual(
      [...UNASKED].toSorted(),
    )
  })

  test('needs no token, names the version, and gives every operation an id of its own', async () => {
    expect(description.openapi).toBe('3.1.1')
    expect(description.info.version).toBe(lab.node('a').status().version)
    const ids = Object.values(description.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    )
    expect(new Set(ids).size).toBe(ids.length)
    const client = Object.keys(createClient({ url: BASE, token: '' }))
    const served = new Set(ids)
    // getRaw, setHas and setTags are ways to ask; all others are operations.
    expect(client.filter((name) => !served.has(name))).toEqual(['getRaw', 'setHas'])
  })

  test('refers only to schemas that it brings, and brings no other', () => {
    const text = JSON.stringify(description)
    const names = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name)
    expect([...new Set(names)].toSorted()).toEqual(
      Object.keys(description.components.schemas).toSorted(),
    )
    expect(Object.keys(description.components.schemas).toSorted()).toEqual(
      Object.keys(COMPONENTS).toSorted(),
    )
    expect(text).not.toContain('$id')
  })

  test('JSON answers are schemas with a name', () => {
    for (const [path, methods] of Object.entries(description.paths)) {
      for (const [method, { responses, operationId }] of Object.entries(methods)) {
        for (const { content } of Object.values(responses)) {
          const json = content['application/json']
          if (json === undefined || operationId === 'openapi') continue
          expect(json.schema?.$ref, `${method} ${path}`).toMatch(/^#\/components\/schemas\/\w+$/)
        }
      }
    }
  })
})

describe('what is described is asked for', () => {
  test('a field of the query that is none of its schema is refused everywhere', async () => {
    const { ask: send } = fixture()
    for (const [method, path] of REQUESTS) {
      const { pathname } = new URL(path, BASE)
      const template = Object.entries(description.paths).find(([one]) =>
        new RegExp(`^${one.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(pathname),
      )
      for (const { name, in: place, schema } of template?.[1][method.toLowerCase()]?.parameters ??
        []) {
        const isFree = Object.keys(schema).every((key) => key === 'type')
        if (place !== 'query' || isFree || pathname.startsWith('/v1/lab/')) continue
        const body = method === 'GET' ? undefined : {}
        const tried = await Promise.all(
          ['%00', ''].map((value) => send(method, `${pathname}?${name}=${value}`, body)),
        )
        expect([method, pathname, name, ...new Set(tried.map(({ status }) => status))]).toContain(
          400,
        )
      }
    }
  })

  test('a checker finds what is too much, too little, or of another kind', () => {
    const good = { name: 'votes', type: 'counter', value: 3 }
    expectShape('Counter', good, 'here')
    for (const bad of [{ ...good, more: 1 }, { ...good, value: true }, { name: 'votes' }]) {
      expect(() => expectShape('Counter', bad, 'here')).toThrow()
    }
  })
})
