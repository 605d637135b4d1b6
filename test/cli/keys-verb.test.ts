import { afterEach, beforeEach, expect, test } from 'vitest'
import { FakeApi } from './fake-api.ts'

const PAGE = {
  keys: [
    {
      key: 'a\x1b[2J',
      kind: 'shared',
      version: 'v1',
      bytes: 3,
      expiresAt: '2026-01-01T00:00:00.000Z',
    },
    { key: 'b', kind: 'own', version: 'v2', bytes: 70_000, expiresAt: '2026-01-02T00:00:00.000Z' },
  ],
  complete: true,
}

let api: FakeApi

beforeEach(async () => {
  api = new FakeApi()
  await api.start()
})

afterEach(async () => {
  await api.stop()
})

test('keys prints a table of the page asked for, and where to go on', async () => {
  api.answer('GET /v1/dht', { ...PAGE, next: '6b2f62' })
  const { code, io } = await api.run(['keys', '--limit', '2', '--from', '6b2f61'])
  expect(code).toBe(0)
  const [, query] = api.seen[0]?.target.split('?') ?? []
  expect(Object.fromEntries(new URLSearchParams(query))).toEqual({
    own: '',
    limit: '2',
    from: '6b2f61',
  })
  const [head, first, second] = io.out().split('\n')
  expect(head?.split(/ +/)).toEqual(['KEY', 'KIND', 'BYTES', 'EXPIRES', 'VERSION'])
  expect(first).not.toContain('\x1b')
  expect(second?.split(/ +/)).toEqual(['b', 'own', '70000', '2026-01-02T00:00:00.000Z', 'v2'])
  expect(io.err()).toContain('--from 6b2f62')
})

test('keys --json prints the page as it is', async () => {
  api.answer('GET /v1/dht', { ...PAGE, next: '6b2f62' })
  const { io } = await api.run(['keys', '--json', '--quiet'])
  expect(JSON.parse(io.out())).toEqual({ ...PAGE, next: '6b2f62' })
  expect(io.err()).toBe('')
})

test('keys says that there are none, or more than are remembered', async () => {
  api.answer('GET /v1/dht', { keys: [], complete: true })
  const none = await api.run(['keys'])
  expect([none.code, none.io.out()]).toEqual([0, ''])
  expect(none.io.err()).toContain('no keys')
  api.answer('GET /v1/dht', { ...PAGE, complete: false })
  expect((await api.run(['keys'])).io.err()).toContain('more keys than it remembers')
})

test.each([['0'], ['10001'], ['many']])('keys --limit %s is a usage error', async (limit) => {
  const { code } = await api.run(['keys', '--limit', limit])
  expect([code, api.seen.length]).toEqual([2, 0])
})
