import { mkdir, writeFile } from 'node:fs/promises'
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

const PUT = { key: 'k', version: 'v1', acks: 3, required: 2, replicas: ['a', 'b'], elapsedMs: 12 }

describe('put', () => {
  test('sends the value with level and ttl and prints the answer as it is', async () => {
    api.answer('PUT /v1/dht/k', PUT)
    const { code, io } = await api.run(['put', 'k', 'v', '--level', 'all', '--ttl', '1h', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(io.out())).toEqual(PUT)
    const [seen] = api.seen
    expect(seen?.body).toBe('v')
    expect(seen?.token).toBe('Bearer token-of-a')
    const query = new URL(seen?.target ?? '', api.url).searchParams
    expect(query.get('level')).toBe('all')
    expect(query.get('ttl')).toMatch(/^3600000(ms)?$/)
  })

  test('tells people how many replicas hold it', async () => {
    api.answer('PUT /v1/dht/k', PUT)
    const { io } = await api.run(['put', 'k', 'v'])
    expect(io.out()).toBe('stored k on 3 replicas (2 needed) in 12 ms: a, b\n')
  })

  test('reads stdin for -, and a file for --file', async () => {
    api.answer('PUT /v1/dht/k', PUT)
    await api.run(['put', 'k', '-'], { stdin: 'from stdin' })
    const file = join(api.runtimeDir, 'value.txt')
    await writeFile(file, 'from file')
    await api.run(['put', 'k', '--file', file])
    expect(api.seen.map(({ body }) => body)).toEqual(['from stdin', 'from file'])
  })

  test('wants exactly one value', async () => {
    expect((await api.run(['put', 'k'])).code).toBe(2)
    expect((await api.run(['put', 'k', 'v', '--file', 'x'])).code).toBe(2)
    expect(api.seen).toEqual([])
  })

  test('says that a file is missing, and refuses what is too large before sending it', async () => {
    const missing = await api.run(['put', 'k', '--file', join(api.runtimeDir, 'none')])
    expect(missing.code).toBe(1)
    expect(missing.io.err()).toContain('ENOENT')
    const large = await api.run(['put', 'k', '-'], { stdin: 'x'.repeat(2 ** 26 + 1) })
    expect(large.code).toBe(1)
    expect(large.io.err()).toContain('larger than 67108864 bytes')
    expect(api.seen).toEqual([])
  })
})

describe('exit codes of refusals', () => {
  test.each([
    [503, 'ERR_QUORUM', 5],
    [504, 'ERR_TIMEOUT', 6],
    [409, 'ERR_TYPE_CONFLICT', 1],
    [400, 'ERR_INVALID', 2],
    [507, 'ERR_STORE_FULL', 75],
    [500, 'ERR_INTERNAL', 1],
    [401, 'ERR_UNAUTHORIZED', 1],
  ])('%d %s ends with %d', async (status, errorCode, exit) => {
    api.answer('PUT /v1/dht/k', { detail: 'why', code: errorCode, hint: 'do this' }, status)
    const { code, io } = await api.run(['put', 'k', 'v', '--json'])
    expect(code).toBe(exit)
    const { error } = JSON.parse(io.err())
    expect(error.code).toBe(errorCode)
    expect(Object.keys(error)).toEqual(['code', 'message', 'hint'])
    expect(io.out()).toBe('')
  })

  test('a write below its quorum says how many replicas stored it and how many should have', async () => {
    const problem = { detail: 'why', code: 'ERR_QUORUM', acks: 2, required: 3 }
    api.answer('PUT /v1/dht/k', problem, 503)
    const { code, io } = await api.run(['put', 'k', 'v', '--json'])
    expect(code).toBe(5)
    expect(JSON.parse(io.err()).error).toMatchObject({ code: 'ERR_QUORUM', acks: 2, required: 3 })
  })

  test('a missing value, object or path ends with 4', async () => {
    expect((await api.run(['get', 'k'])).code).toBe(4)
    expect((await api.run(['counter', 'get', 'x'])).code).toBe(4)
    expect((await api.run(['map', 'get', 'x', 'a.b'])).code).toBe(4)
  })

  test('a silent node ends with 6 after --timeout', async () => {
    api.answers.set('GET /v1/status', { body: undefined, stream: ' ' })
    const { code, io } = await api.run(['status', '--timeout', '0'])
    expect(code).toBe(6)
    expect(io.err()).toContain('ERR_TIMEOUT')
  })
})

describe('get', () => {
  const VALUE = { key: 'k', version: 'v1', author: 'p', from: 'a', elapsedMs: 1 }

  test('prints bytes as they are', async () => {
    const bytes = Buffer.from([0, 255, 10, 27])
    api.answer('GET /v1/dht/k', { ...VALUE, value: bytes.toString('base64'), encoding: 'base64' })
    const { code, io } = await api.run(['get', 'k'])
    expect(code).toBe(0)
    expect(Buffer.from(io.outBytes())).toEqual(bytes)
  })

  test('ends text with a line end on a terminal only', async () => {
    api.answer('GET /v1/dht/k', { ...VALUE, value: 'text', encoding: 'utf8' })
    expect((await api.run(['get', 'k'])).io.out()).toBe('text')
    expect((await api.run(['get', 'k'], { isTTY: true })).io.out()).toBe('text\n')
  })
})

describe('counter', () => {
  test.each([
    [['likes'], 1],
    [['likes', '3'], 3],
    [['likes', '-3'], -3],
    [['--json', 'likes', '-3'], -3],
    [['likes', '--', '-3'], -3],
  ])('add %j adds %d', async (words, value) => {
    api.answer('POST /v1/objects/likes', { name: 'likes', type: 'counter', value: 7 })
    const { code } = await api.run(['counter', 'add', ...words])
    expect(code).toBe(0)
    expect(JSON.parse(api.seen[0]?.body ?? '')).toEqual({ type: 'counter', op: 'add', value })
  })

  test.each(['1.5', 'x', '9007199254740992', '1e3'])('add refuses %s', async (amount) => {
    expect((await api.run(['counter', 'add', 'likes', amount])).code).toBe(2)
    expect(api.seen).toEqual([])
  })

  test('get prints the sum, and --group chooses the group', async () => {
    api.answer('GET /v1/objects/likes', {
      name: 'likes',
      type: 'counter',
      value: '9007199254740993',
    })
    const { io } = await api.run(['--group', 'team', 'counter', 'get', 'likes'])
    expect(io.out()).toBe('9007199254740993\n')
    expect(api.seen[0]?.target).toContain('group=team')
    expect(api.seen[0]?.target).toContain('type=counter')
  })
})

describe('set', () => {
  test('add sends all values', async () => {
    api.answer('POST /v1/objects/s', { name: 's', type: 'set', size: 5, changed: 1 })
    const { io } = await api.run(['set', 'add', 's', 'red', 'green'])
    expect(JSON.parse(api.seen[0]?.body ?? '')).toMatchObject({
      op: 'add',
      values: ['red', 'green'],
    })
    expect(io.out()).toBe('added 1 of 2, 5 in the set\n')
  })

  test('has prints true or false and ends with 0', async () => {
    api.answer('GET /v1/objects/s', { name: 's', type: 'set', has: false })
    const { code, io } = await api.run(['set', 'has', 's', 'red'])
    expect([code, io.out()]).toEqual([0, 'false\n'])
  })

  test('list shows a hostile value as one harmless line', async () => {
    api.answer('GET /v1/objects/s', { name: 's', type: 'set', values: ['a', 'b\x1b[2J\nc'] })
    const { io } = await api.run(['set', 'list', 's'])
    expect(io.out()).toBe('a\nb\\x1b[2J\\nc\n')
  })
})

describe('register', () => {
  test('get --all prints each concurrent value as JSON', async () => {
    const state = { name: 'r', type: 'register', value: 'x', siblings: ['x', { y: 1 }] }
    api.answer('GET /v1/objects/r', state)
    expect((await api.run(['register', 'get', 'r'])).io.out()).toBe('x\n')
    expect((await api.run(['register', 'get', 'r', '--all'])).io.out()).toBe('"x"\n{"y":1}\n')
    expect(JSON.parse((await api.run(['register', 'get', 'r', '--json'])).io.out())).toEqual(state)
  })
})

describe('map', () => {
  test('set sends the path and the JSON value', async () => {
    api.answer('POST /v1/objects/m', { name: 'm', type: 'map', value: { a: { 'b.c': [1] } } })
    await api.run(['map', 'set', 'm', 'a.b\\.c', '[1]'])
    expect(JSON.parse(api.seen[0]?.body ?? '')).toEqual({
      type: 'map',
      op: 'set',
      path: ['a', 'b.c'],
      value: [1],
    })
  })

  test('get follows a path, also into the JSON of a leaf', async () => {
    api.answer('GET /v1/objects/m', { name: 'm', type: 'map', value: { a: { b: [7], c: null } } })
    const got = async (path: string) => (await api.run(['map', 'get', 'm', path])).io.out()
    expect(await got('a')).toBe('{"b":[7],"c":null}\n')
    expect(await got('a.b.0')).toBe('7\n')
    expect(await got('a.c')).toBe('null\n')
    for (const path of ['a.c.d', 'a.b.1', 'a.b.length', 'toString']) {
      expect((await api.run(['map', 'get', 'm', path])).code).toBe(4)
    }
    const { io } = await api.run(['map', 'get', 'm', 'a.b', '--json'])
    expect(JSON.parse(io.out())).toEqual({ name: 'm', type: 'map', value: [7] })
  })

  test.each(['1e400', '[-1e999]', '{"id":9007199254740993}'])(
    'set and transact refuse %s, which would arrive as another value',
    async (value) => {
      const stdin = `[{"name":"r","type":"register","op":"set","value":${value}}]`
      const set = await api.run(['map', 'set', 'm', 'a', value])
      const transact = await api.run(['transact', '-'], { stdin })
      for (const { code, io } of [set, transact]) {
        expect(code).toBe(2)
        expect(io.err()).toContain('a number is out of range')
      }
      expect(api.seen).toEqual([])
    },
  )

  test('set explains that text needs quotes; an empty part of a path is refused', async () => {
    const { code, io } = await api.run(['map', 'set', 'm', 'a', 'hello'])
    expect(code).toBe(2)
    expect(io.err()).toContain(`'"hello"'`)
    expect((await api.run(['map', 'get', 'm', 'a..b'])).code).toBe(2)
  })
})

test('converged ends with 7 when the members still differ', async () => {
  const answer = { converged: false, digest: 'ab', members: 3, elapsedMs: 10_000 }
  api.answer('GET /v1/converged', answer)
  const { code, io } = await api.run(['converged', '--timeout', '1m', '--json'])
  expect(code).toBe(7)
  expect(JSON.parse(io.out())).toEqual(answer)
  expect(api.seen[0]?.target).toContain('timeoutMs=60000')
})

describe('tags', () => {
  beforeEach(() => api.answer('GET /v1/tags', { tags: { role: 'web', zone: 'a' } }))

  test('prints them', async () => {
    expect((await api.run(['tags'])).io.out()).toBe('role=web\nzone=a\n')
    const json = await api.run(['tags', '--json'])
    expect(JSON.parse(json.io.out())).toEqual({ tags: { role: 'web', zone: 'a' } })
    expect(api.seen.every(({ method }) => method === 'GET')).toBe(true)
  })

  test('sets some, removes some, keeps the others', async () => {
    const tags = { build: 'a=b', role: 'database' }
    api.answer('PUT /v1/tags', { tags })
    const { code, io } = await api.run(['tags', 'role=database', 'zone=', 'build=a=b'])
    expect([code, io.out()]).toEqual([0, 'build=a=b\nrole=database\n'])
    expect(JSON.parse(api.seen[1]?.body ?? '')).toEqual({ tags })
  })

  test.each(['role', '=x', ''])('refuses %j before anything is sent', async (word) => {
    expect((await api.run(['tags', 'zone=', word])).code).toBe(2)
    expect(api.seen).toEqual([])
  })
})

describe('replicated', () => {
  const ANSWER = { replicated: true, replicas: 2, wanted: 2, group: 'main', elapsedMs: 12 }

  test('asks for so many members and tells how many hold it', async () => {
    api.answer('GET /v1/replicated', ANSWER)
    const { code, io } = await api.run(['replicated', '2'])
    expect([code, io.out()]).toEqual([0, 'replicated: durable on 2 linked members, after 12 ms\n'])
    expect(api.seen[0]?.target).toBe('/v1/replicated?replicas=2&timeoutMs=10000&group=main')
    expect(JSON.parse((await api.run(['replicated', '2', '--json'])).io.out())).toEqual(ANSWER)
  })

  test('ends with 6 when time is up, and still prints what was found', async () => {
    const answer = { ...ANSWER, replicated: false, replicas: 1, group: 'te\x1bam' }
    api.answer('GET /v1/replicated', answer)
    const { code, io } = await api.run(['replicated', '2', '--timeout', '1m', '--group', 'x'])
    expect([code, io.out()]).toEqual([
      6,
      'not replicated in te\\x1bam: durable on 1 linked member of 2, after 12 ms\n',
    ])
    expect(api.seen[0]?.target).toContain('timeoutMs=60000')
    const json = await api.run(['replicated', '2', '--json'])
    expect([json.code, JSON.parse(json.io.out())]).toEqual([6, answer])
  })

  test.each(['0', '256', '1.5', 'two', ''])('refuses %j members', async (wanted) => {
    const { code, io } = await api.run(['replicated', wanted])
    expect(code).toBe(2)
    expect(io.err()).toContain('1 … 255')
    expect(api.seen).toEqual([])
  })
})

test('members shows a table in which names cannot act on the terminal', async () => {
  const member = {
    peerId: 'p',
    state: 'alive',
    incarnation: 0,
    addresses: [],
    tags: { zone: 'b' },
    protocol: 1,
    digest: 'abcdef0123',
    since: new Date().toISOString(),
  }
  api.answer('GET /v1/members', {
    self: 'a',
    viewHash: '00',
    members: [
      { ...member, name: 'a' },
      { ...member, name: 'evil\x1b[31m', rttMs: 1.25 },
    ],
  })
  const { io } = await api.run(['members'])
  expect(io.out().split('\n')).toEqual([
    'NAME           STATE   RTT      PROTOCOL   TAGS     DIGEST     SINCE',
    'a *            alive   -        1          zone=b   abcdef01   0s',
    'evil\\x1b[31m   alive   1.3 ms   1          zone=b   abcdef01   0s',
    '* this node',
    '',
  ])
})

describe('watch', () => {
  const BASE = { at: 0, type: 'object-changed', objectType: 'set', group: 'main', origin: 'remote' }
  const DIFF = { type: 'set', added: ['ada'], removed: ['bob'] }
  const stream = (events: readonly object[]): void => {
    const text = events.map(
      (event, index) => `id: e-${index + 8}\ndata: ${JSON.stringify(event)}\n\n`,
    )
    api.answers.set('GET /v1/events', { body: undefined, stream: text.join('') })
  }
  const lines = (text: string): unknown[] =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))

  test('prints one line per change of the object, with its values and its cursor', async () => {
    stream([
      { ...BASE, object: 'x', diff: DIFF },
      { ...BASE, object: 'y', diff: DIFF },
      { ...BASE, object: 'x', group: 'team' },
      { ...BASE, object: 'x' },
    ])
    const words = ['watch', 'x', '--from', 'e-7', '--json', '--timeout', '300ms']
    const { code, io } = await api.run(words)
    expect(code).toBe(0)
    const base = { at: 0, object: 'x', type: 'set', group: 'main', origin: 'remote' }
    expect(lines(io.out())).toEqual([
      { cursor: 'e-8', ...base, added: ['ada'], removed: ['bob'] },
      { cursor: 'e-11', ...base, reset: true },
    ])
    expect(api.seen[0]?.headers['last-event-id']).toBe('e-7')
  })

  test('tells people what was added and removed, by how much a counter moved', async () => {
    const diff = { type: 'counter', value: '9007199254740993', delta: 2 }
    stream([
      { ...BASE, object: 'us\x1bers', diff: DIFF },
      { ...BASE, object: 'hits', objectType: 'counter', diff },
    ])
    const { io } = await api.run(['watch', '--timeout', '300ms'])
    expect(io.out().split('\n')).toEqual([
      '00:00:00.000  us\\x1bers  +ada -bob  remote  e-8',
      '00:00:00.000  hits  9007199254740993 (+2)  remote  e-9',
      '',
    ])
  })

  test('says that changes were missed', async () => {
    stream([{ type: 'reset', at: 5 }])
    const { io } = await api.run(['watch', '--json', '--timeout', '300ms'])
    expect(lines(io.out())).toEqual([{ type: 'reset', cursor: 'e-8', at: 5, reset: true }])
    expect(io.err()).toContain('read the objects again')
  })
})

test('join and leave tell the node', async () => {
  api.answer('POST /v1/join', { addresses: ['127.0.0.1:1'] }, 202)
  api.answer('POST /v1/leave', { left: true })
  expect((await api.run(['join', '127.0.0.1:1', 'dns:n:2'])).code).toBe(0)
  expect((await api.run(['leave'])).io.out()).toBe('a has left\n')
  expect(JSON.parse(api.seen[0]?.body ?? '')).toEqual({ addresses: ['127.0.0.1:1', 'dns:n:2'] })
})

describe('the choice of the node', () => {
  const STATUS = 'GET /v1/members'
  const EMPTY = { self: 'a', viewHash: '', members: [] }

  test('none ends with 3 and the sentence of the contract', async () => {
    const { code, io } = await api.run(['status'], {
      env: { HEARSAY_RUNTIME_DIR: join(api.runtimeDir, 'none') },
    })
    expect(code).toBe(3)
    expect(io.err()).toContain('no node is running: start one with "hearsay up" or "hearsay demo"')
  })

  test('the oldest of several is taken, with a note that --quiet silences', async () => {
    api.answer(STATUS, EMPTY)
    const later = { name: 'b', peerId: 'peer-b', startedAt: '2026-01-02T00:00:00.000Z' }
    await api.register({ ...later, api: 'http://127.0.0.1:2' })
    const { code, io } = await api.run(['members'])
    expect(code).toBe(0)
    expect(io.err()).toBe(
      'note: 2 nodes run here, using the oldest, a (choose with --node: a, b)\n',
    )
    expect((await api.run(['members', '--quiet'])).io.err()).toBe('')
    expect(api.seen[0]?.token).toBe('Bearer token-of-a')
  })

  test('--node takes a name or a peer id; an unknown one ends with 3 and names the others', async () => {
    api.answer(STATUS, EMPTY)
    expect((await api.run(['members', '--node', 'a'])).code).toBe(0)
    expect((await api.run(['members', '--node', 'peer-a'])).code).toBe(0)
    const { code, io } = await api.run(['members', '--node', 'z'])
    expect(code).toBe(3)
    expect(io.err()).toContain('These run: a')
  })

  test('--api needs no registry and takes the token of the environment', async () => {
    api.answer(STATUS, EMPTY)
    const env = { HEARSAY_RUNTIME_DIR: join(api.runtimeDir, 'none'), HEARSAY_API_TOKEN: 'mine' }
    const host = api.url.replace('http://', '')
    expect((await api.run(['members', '--api', host], { env })).code).toBe(0)
    expect(api.seen[0]?.token).toBe('Bearer mine')
  })

  test('a token of the environment is for --api: a node of the registry has its own', async () => {
    api.answer(STATUS, EMPTY)
    await api.run(['members'], { env: { HEARSAY_API_TOKEN: 'of another' } })
    expect(api.seen[0]?.token).toBe('Bearer token-of-a')
  })

  test('--api at which nothing listens ends with 3', async () => {
    const { code, io } = await api.run(['members', '--api', 'http://127.0.0.1:9'])
    expect(code).toBe(3)
    expect(io.err()).toContain('nothing answers at http://127.0.0.1:9')
  })

  test('a garbage entry is skipped and said', async () => {
    api.answer(STATUS, EMPTY)
    await mkdir(api.runtimeDir, { recursive: true })
    await writeFile(join(api.runtimeDir, 'x.json'), '{')
    const { code, io } = await api.run(['members'])
    expect(code).toBe(0)
    expect(io.err()).toContain('x.json: no JSON')
  })
})

describe('--curl', () => {
  test('prints the call, sends nothing, and keeps the token to itself', async () => {
    const { code, io } = await api.run(['put', "it's", 'v w', '--curl'])
    expect(code).toBe(0)
    expect(api.seen).toEqual([])
    expect(io.out()).toContain('-X PUT')
    expect(io.out()).toContain('Bearer $HEARSAY_API_TOKEN')
    expect(io.out()).toContain(`--data-raw 'v w'`)
    expect(io.out()).not.toContain('token-of-a')
    expect(io.err()).toContain('export HEARSAY_API_TOKEN="$(cat ')
  })
})

describe('chaos', () => {
  test('reaches a whole demo by one call', async () => {
    api.answer('POST /v1/chaos', { ok: true })
    await api.register({ chaos: true, lab: 'demo' })
    await api.register({
      chaos: true,
      lab: 'demo',
      name: 'b',
      peerId: 'peer-b',
      api: `${api.url}/`,
    })
    const { code, io } = await api.run(['chaos', 'partition', 'a,b|c'])
    expect(code).toBe(0)
    expect(api.seen.map(({ body }) => JSON.parse(body))).toEqual([
      { action: 'partition', sides: [['a', 'b'], ['c']] },
    ])
    expect(io.out()).toBe('partitioned: a, b  |  c\n')
  })

  test('tells nodes of their own one by one', async () => {
    api.answer('POST /v1/chaos', { ok: true })
    await api.register({ chaos: true })
    await api.register({ chaos: true, name: 'b', peerId: 'peer-b', api: `${api.url}/` })
    await api.register({ chaos: false, name: 'c', peerId: 'peer-c', api: `${api.url}/?c` })
    expect((await api.run(['chaos', 'latency', '50ms'])).code).toBe(0)
    expect(api.seen.map(({ token }) => token)).toEqual(['Bearer token-of-a', 'Bearer token-of-b'])
    expect((await api.run(['chaos', 'pause', 'b'])).code).toBe(0)
    expect(api.seen.slice(2).map(({ token }) => token)).toEqual(['Bearer token-of-b'])
  })

  test('says how to allow it when nobody does', async () => {
    const { code, io } = await api.run(['chaos', 'heal'])
    expect(code).toBe(1)
    expect(io.err()).toContain('hearsay up --chaos')
  })

  test.each([
    ['partition', 'a,b'],
    ['partition', 'a|'],
    ['partition', 'a,b|b'],
    ['loss', '1.5'],
    ['loss', '-1'],
    ['latency', '50'],
  ])('%s refuses %s', async (verb, argument) => {
    expect((await api.run(['chaos', verb, argument])).code).toBe(2)
  })
})
