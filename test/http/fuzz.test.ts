import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BASE, fixture, TOKEN } from './ask.ts'

const methods = ['GET', 'PUT', 'POST', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'REPORT']
const prefixes = [
  '/',
  '/v1/',
  '/v1/dht/',
  '/v1/objects/',
  '/v1/transactions',
  '/v1/export',
  '/v1/backup',
  '/v1/undo',
  '/v1/join',
  '/v1/chaos',
  '/v1/broadcasts',
  '/v1/queries',
  '/v1/members/',
  '/v1/converged',
  '/v1/replicated',
  '/v1/tags',
  '/v1/leave',
  '/v1/lab',
]
const part = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(
    '%',
    '%00',
    '%ff',
    '..',
    '%2e%2e',
    '__proto__',
    'constructor',
    'slow%',
    '\\',
    '//',
    ';',
    '%25',
  ),
)
const path = fc
  .tuple(fc.constantFrom(...prefixes), fc.array(part, { maxLength: 3 }))
  .map(([prefix, parts]) => prefix + parts.join('/'))
const query = fc
  .dictionary(
    fc.constantFrom(
      'level',
      'ttl',
      'timeoutMs',
      'group',
      'type',
      'path',
      'has',
      'raw',
      'types',
      'format',
      '__proto__',
    ),
    fc.oneof(
      part,
      fc.constantFrom('set', 'counter', 'register', 'map', '1h', '5', '["a"]', '[', 'one'),
    ),
    { maxKeys: 3 },
  )
  .map((pairs) => new URLSearchParams(Object.entries(pairs)).toString())
const word = fc.constantFrom(
  'counter',
  'set',
  'register',
  'map',
  'add',
  'remove',
  'partition',
  'heal',
  'loss',
  'kill',
)
const field = fc.constantFrom(
  'type',
  'op',
  'value',
  'values',
  'path',
  'action',
  'sides',
  'share',
  'ms',
  'name',
  'addresses',
  'operations',
)
const body = fc.oneof(
  fc.dictionary(field, fc.oneof(word, fc.jsonValue())).map((value) => JSON.stringify(value)),
  fc.json(),
  fc.string({ unit: 'binary' }),
)
const types = fc.constantFrom('application/json', 'text/plain', 'application/octet-stream', '')

test('fetch() never answers 500 and always answers a problem, whatever it is asked', async () => {
  const errors: unknown[] = []
  const { api } = fixture({ chaos: true, onError: (error) => errors.push(error) })
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...methods),
      path,
      query,
      body,
      types,
      async (method, at, asked, sent, type) => {
        const headers = new Headers({ authorization: `Bearer ${TOKEN}` })
        if (type !== '') headers.set('content-type', type)
        const hasBody = method !== 'GET' && method !== 'HEAD'
        const init: RequestInit = { method, headers, signal: AbortSignal.timeout(1_000) }
        if (hasBody) init.body = new TextEncoder().encode(sent)
        const response = await api.fetch(new Request(`${BASE}${at}?${asked}`, init))
        expect(response.status).not.toBe(500)
        const isStream = response.headers.get('content-type') === 'text/event-stream'
        if (isStream) await response.body?.cancel()
        else if (response.status >= 400 && method !== 'HEAD') {
          const problem = JSON.parse(await response.text())
          expect(problem).toMatchObject({ type: 'about:blank', status: response.status })
          expect(problem.code).toMatch(/^ERR_/)
        }
      },
    ),
    { numRuns: 1_500 },
  )
  expect(errors).toEqual([])
})
