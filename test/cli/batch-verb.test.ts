import { afterEach, beforeEach, expect, test } from 'vitest'
import { FakeApi } from './fake-api.ts'

const STORED = { key: 'a', version: 'v', acks: 3, required: 3, replicas: ['ada'], elapsedMs: 1 }
const FOUND = {
  key: 'a',
  value: 'x\x1b[2J',
  encoding: 'utf8',
  version: 'v',
  author: 'p',
  from: 'ada',
  elapsedMs: 1,
}

let api: FakeApi

beforeEach(async () => {
  api = new FakeApi()
  await api.start()
})

afterEach(async () => {
  await api.stop()
})

/** The bodies of the requests seen. */
function bodies(): readonly Record<string, unknown>[] {
  return api.seen.map(({ body }) => JSON.parse(body) as Record<string, unknown>)
}

test('batch put sends the lines of a file, with the level and lifetime asked for', async () => {
  api.answer('POST /v1/dht', { put: [{ ...STORED, degraded: true, superseded: true }] })
  const stdin = '{"key":"a","value":"1"}\n\n{"key":"b","value":"AA==","encoding":"base64"}\r\n'
  const { code, io } = await api.run(['batch', 'put', '-', '--level', 'all', '--ttl', '1h'], {
    stdin,
  })
  expect([code, io.out()]).toEqual([0, 'stored 1 value\n'])
  expect(api.seen[0]?.target).toBe('/v1/dht?level=all&ttl=3600000')
  expect(bodies()).toEqual([
    {
      put: [
        { key: 'a', value: '1', encoding: 'utf8' },
        { key: 'b', value: 'AA==', encoding: 'base64' },
      ],
    },
  ])
  expect(io.err()).toContain('newer value')
  expect(io.err()).toContain('fewer members than replicas')
})

test('batch put sends many values in several requests, by number and by size', async () => {
  api.answer('POST /v1/dht', { put: [STORED] })
  const lines = Array.from({ length: 1_002 }, (_, i) => {
    return JSON.stringify({ key: `k${i}`, value: i >= 1_000 ? 'x'.repeat(3 << 20) : '' })
  })
  const { code, io } = await api.run(['batch', 'put', '-', '--json'], { stdin: lines.join('\n') })
  expect(code).toBe(0)
  expect(JSON.parse(io.out())).toEqual({ put: [STORED, STORED, STORED] })
  expect(bodies().map(({ put }) => (put as unknown[]).length)).toEqual([1_000, 1, 1])
})

test.each([
  ['no json', '{"key":"a","value":"1"}\nno', 'line 2'],
  ['no value', '{"key":"a"}', 'line 1'],
  ['a number', '{"key":"a","value":1}', 'line 1'],
  ['a list', '[]', 'line 1'],
  ['null', 'null', 'line 1'],
  ['another encoding', '{"key":"a","value":"1","encoding":"hex"}', 'line 1'],
  ['nothing', ' \n', 'is empty'],
])('batch put refuses %s, and stores nothing', async (_, stdin, told) => {
  const { code, io } = await api.run(['batch', 'put', '-'], { stdin })
  expect(code).toBe(2)
  expect(io.err()).toContain(told)
  expect(api.seen).toEqual([])
})

test('batch get prints what it finds as text without control characters, and exits with 4 when a key has none', async () => {
  api.answer('POST /v1/dht', { values: [FOUND], missing: ['b', 'c'] })
  const { code, io } = await api.run(['batch', 'get', 'a', 'b', 'c'])
  expect(code).toBe(4)
  const [head, row] = io.out().split('\n')
  expect(head?.split(/ +/)).toEqual(['KEY', 'VALUE'])
  expect(row).toMatch(/^a +x/)
  expect(row).not.toContain('\x1b')
  expect(io.err()).toContain('No value found for b and 1 other key')
  expect(bodies()).toEqual([{ get: ['a', 'b', 'c'] }])
})

test('batch get reads keys from stdin', async () => {
  api.answer('POST /v1/dht', { values: [FOUND], missing: [] })
  const { code, io } = await api.run(['batch', 'get', '--file', '-', '--json'], {
    stdin: 'a\nb c\n',
  })
  expect(code).toBe(0)
  expect(JSON.parse(io.out())).toEqual({ values: [FOUND], missing: [] })
  expect(bodies()).toEqual([{ get: ['a', 'b c'] }])
})

test.each([[['batch', 'get']], [['batch', 'get', 'a', '--file', '-']]])(
  '%j is a usage error',
  async (line) => {
    expect((await api.run(line, { stdin: 'a' })).code).toBe(2)
  },
)
