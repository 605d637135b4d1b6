import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FakeApi } from './fake-api.ts'

let api: FakeApi

beforeEach(async () => {
  api = new FakeApi()
  await api.start()
})

afterEach(async () => {
  await api.stop()
})

describe('transact', () => {
  const OPERATIONS = [
    { name: 'users', type: 'set', op: 'add', value: 'ada' },
    { name: 'hits', type: 'counter', op: 'add' },
  ]
  const DONE = {
    group: 'main',
    results: [
      { name: 'us\x1bers', type: 'set', changed: 1 },
      { name: 'hits', type: 'counter', changed: 1 },
    ],
  }

  test('sends the list of a file, or of stdin for -, to the group', async () => {
    api.answer('POST /v1/transactions', DONE)
    const file = join(api.runtimeDir, 'changes.json')
    await writeFile(file, JSON.stringify(OPERATIONS))
    const { code, io } = await api.run(['transact', file, '--group', 'team', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(io.out())).toEqual(DONE)
    await api.run(['transact', '-'], { stdin: JSON.stringify(OPERATIONS) })
    for (const { body } of api.seen) expect(JSON.parse(body)).toEqual({ operations: OPERATIONS })
    expect(api.seen[0]?.target).toContain('group=team')
    expect(api.seen[1]?.target).toContain('group=main')
  })

  test('tells people what each operation changed', async () => {
    api.answer('POST /v1/transactions', DONE)
    const { io } = await api.run(['transact', '-'], { stdin: '[]' })
    expect(io.out().split('\n')).toEqual([
      'NAME        TYPE      CHANGED',
      'us\\x1bers   set       1',
      'hits        counter   1',
      '',
    ])
  })

  test.each(['', '{', '{"operations":[]}', '7', 'null'])(
    'refuses %j before sending it, and says the form',
    async (stdin) => {
      const { code, io } = await api.run(['transact', '-'], { stdin })
      expect(code).toBe(2)
      expect(io.err()).toContain('"type":"set"')
      expect(api.seen).toEqual([])
    },
  )

  test('refuses more than 1 MiB, a missing file and a missing operand', async () => {
    const large = await api.run(['transact', '-'], { stdin: ' '.repeat(1024 * 1024 + 1) })
    expect(large.code).toBe(1)
    expect(large.io.err()).toContain('ERR_LIMIT')
    const missing = await api.run(['transact', join(api.runtimeDir, 'none.json')])
    expect(missing.code).toBe(1)
    expect(missing.io.err()).toContain('ENOENT')
    expect((await api.run(['transact'])).code).toBe(2)
    expect(api.seen).toEqual([])
  })

  test('ends with 2 for an operation that the node refuses', async () => {
    const problem = { detail: 'Cannot use operations[1]: …', code: 'ERR_INVALID', hint: '' }
    api.answer('POST /v1/transactions', problem, 400)
    const { code, io } = await api.run(['transact', '-'], { stdin: '[7]' })
    expect(code).toBe(2)
    expect(io.err()).toContain('operations[1]')
  })
})

describe('map leaves', () => {
  test.each([
    [['increment', 'm', 'a.b'], { op: 'increment', value: 1 }],
    [['increment', 'm', 'a.b', '-3'], { op: 'increment', value: -3 }],
    [['add', 'm', 'a.b', 'x', 'y'], { op: 'add', values: ['x', 'y'] }],
    [['discard', 'm', 'a.b', 'x'], { op: 'discard', values: ['x'] }],
  ])('map %j sends the operation and prints what then stands at the path', async (words, sent) => {
    const state = { name: 'm', type: 'map', value: { a: { b: [7] }, other: 1 } }
    api.answer('POST /v1/objects/m', state)
    const { code, io } = await api.run(['map', ...words])
    expect([code, io.out()]).toEqual([0, '[7]\n'])
    expect(JSON.parse(api.seen[0]?.body ?? '')).toEqual({ type: 'map', path: ['a', 'b'], ...sent })
    const json = await api.run(['map', ...words, '--json'])
    expect(JSON.parse(json.io.out())).toEqual(state)
  })

  test('remove takes a path, or --all of the map', async () => {
    api.answer('POST /v1/objects/m', { name: 'm', type: 'map', value: {}, changed: 2 })
    for (const words of [['a.b'], ['--all']]) {
      expect((await api.run(['map', 'remove', 'm', ...words])).code).toBe(0)
    }
    expect(api.seen.map(({ body }) => JSON.parse(body))).toEqual([
      { type: 'map', op: 'remove', path: ['a', 'b'] },
      { type: 'map', op: 'remove', path: [] },
    ])
  })

  test('a discard that leaves nothing prints an empty line', async () => {
    api.answer('POST /v1/objects/m', { name: 'm', type: 'map', value: {}, changed: 1 })
    expect((await api.run(['map', 'discard', 'm', 'a', 'x'])).io.out()).toBe('\n')
  })

  test.each([
    ['increment', 'm'],
    ['increment', 'm', 'a', '1.5'],
    ['increment', 'm', 'a..b'],
    ['remove', 'm'],
    ['remove', 'm', ''],
    ['remove', 'm', 'a', '--all'],
    ['add', 'm', 'a'],
    ['discard', 'm', 'a'],
  ])('map %s %s %s %s ends with 2', async (...words) => {
    expect((await api.run(['map', ...words])).code).toBe(2)
    expect(api.seen).toEqual([])
  })
})

describe('export', () => {
  const csv = (text: string): void => {
    api.answers.set('GET /v1/export', { body: undefined, text })
  }

  test('prints what comes, of all groups unless --group says one', async () => {
    csv('{"a":1}\n')
    const { code, io } = await api.run(['export'])
    expect([code, io.out(), io.err()]).toEqual([0, '{"a":1}\n', ''])
    expect(api.seen[0]?.target).toBe('/v1/export?format=ndjson')
    await api.run(['export', '--format', 'csv', '--group', 'main'])
    expect(api.seen[1]?.target).toBe('/v1/export?format=csv&group=main')
    await api.run(['export'], { env: { HEARSAY_GROUP: 'team' } })
    expect(api.seen[2]?.target).toBe('/v1/export?format=ndjson&group=team')
  })

  test.each([
    ['main,s,set,,=1+1\r\n', true],
    ['main,s,set,,"=1,2"\r\n', true],
    ['main,s,set,,@x\r\n', true],
    ['main,s,set,,-x\r\n', true],
    ['main,s,counter,,-3\r\n', false],
    ['main,s,set,,a=b+c\r\n', false],
  ])('warns of what a spreadsheet would run: %j %s', async (text, isTold) => {
    csv(text)
    const { io } = await api.run(['export', '--format', 'csv'])
    expect(io.err().includes('as formulas')).toBe(isTold)
    expect((await api.run(['export'])).io.err()).toBe('')
  })

  test('ends with 6 when the time limit cuts it, with 1 when the node does', async () => {
    api.answers.set('GET /v1/export', { body: undefined, stream: 'half' })
    const late = await api.run(['export', '--timeout', '100ms'])
    expect(late.code).toBe(6)
    api.answers.set('GET /v1/export', { body: undefined, cut: 'half' })
    const cut = await api.run(['export'])
    expect(cut.code).toBe(1)
    expect(cut.io.err()).toContain('ERR_CUT')
  })
})

test.each([
  [['map', 'increment', 'x', 'p'], 'POST'],
  [['map', 'add', 'x', 'p', 'v'], 'POST'],
  [['map', 'discard', 'x', 'p', 'v'], 'POST'],
  [['counter', 'add', 'x'], 'POST'],
  [['counter', 'get', 'x'], 'GET'],
  [['set', 'add', 'x', 'v'], 'POST'],
  [['set', 'remove', 'x', 'v'], 'POST'],
  [['set', 'has', 'x', 'v'], 'GET'],
  [['set', 'list', 'x'], 'GET'],
  [['register', 'set', 'x', 'v'], 'POST'],
  [['register', 'get', 'x'], 'GET'],
  [['map', 'set', 'x', 'p', '1'], 'POST'],
  [['map', 'get', 'x'], 'GET'],
  [['map', 'remove', 'x', 'p'], 'POST'],
  [['objects'], 'GET'],
  [['converged'], 'GET'],
  [['replicated', '2'], 'GET'],
])('%j takes --group', async (words, method) => {
  await api.run([...words, '--group', 'team'])
  expect(api.seen).toHaveLength(1)
  expect(api.seen[0]?.method).toBe(method)
  expect(new URL(api.seen[0]?.target ?? '', api.url).searchParams.get('group')).toBe('team')
})
