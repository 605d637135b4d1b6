import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { clip, topLines } from '../../src/cli/top-view.ts'
import { FakeApi } from './fake-api.ts'
import { testIo } from './test-io.ts'

let api: FakeApi

beforeEach(async () => {
  api = new FakeApi()
  await api.start()
})

afterEach(async () => {
  await api.stop()
})

const SENT = { id: 'p-1-1', name: 'deploy', bytes: 2, members: 3 }
const ANSWERS = {
  ...{ id: 'p-1-2', name: 'ping', silent: [], unhandled: [], failed: [], elapsedMs: 9 },
  answers: [
    { from: 'a', peerId: 'pa', payload: 'pong\u001b[2J', encoding: 'utf8', elapsedMs: 1 },
    { from: 'b', peerId: 'pb', payload: '/wA=', encoding: 'base64', elapsedMs: 4 },
  ],
}
const MEMBER = {
  ...{ peerId: 'pa', incarnation: 0, addresses: [], tags: {}, protocol: 2 },
  since: '2026-01-01T00:00:00.000Z',
}
const VIEW = {
  self: 'a',
  viewHash: 'ab',
  digests: 2,
  members: [
    { ...MEMBER, name: 'a', state: 'alive', digest: '11223344aa' },
    { ...MEMBER, name: 'b', peerId: 'pb', state: 'suspect', rttMs: 1.25, digest: '99' },
  ],
}
const STATUS = {
  ...{ name: 'a', peerId: 'pa', network: 'hearsay', version: '0', uptimeMs: 61_000 },
  members: { alive: 1, suspect: 1, failed: 0, left: 0 },
  ...{ groups: [], degraded: false, access: { by: 'open', role: 'member' }, listen: [], drops: {} },
  dht: { records: 0, bytes: 0, replication: 5, mode: 'one-hop' },
  store: { bytes: 0, full: false, tornBytes: 0, damagedRows: 0 },
  traffic: { framesSent: 10, framesReceived: 20, bytesSent: 1_000, bytesReceived: 2_000 },
  broadcasts: {
    ...{ sent: 1, delivered: 2, duplicates: 0, missed: 0, forgotten: 0, late: 0 },
    ...{ stored: 0, storedBytes: 0 },
  },
}

describe('event', () => {
  test('sends name and payload and prints the answer as it is', async () => {
    api.answer('POST /v1/broadcasts', SENT)
    const { code, io } = await api.run(['event', 'deploy', 'v1', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(io.out())).toEqual(SENT)
    expect(JSON.parse(api.seen[0]?.body ?? '')).toEqual({ name: 'deploy', payload: 'v1' })
  })

  test('takes bytes from stdin, and nothing at all', async () => {
    api.answer('POST /v1/broadcasts', SENT)
    const { io } = await api.run(['event', 'deploy', '-'], { stdin: 'v1' })
    await api.run(['event', 'deploy'])
    expect(io.out()).toBe('sent deploy (2 B) to 3 members: p-1-1\n')
    expect(api.seen.map(({ body }) => JSON.parse(body))).toEqual([
      { name: 'deploy', payload: 'djE=', encoding: 'base64' },
      { name: 'deploy' },
    ])
  })

  test('says that a payload is too large before sending it, and that a name is missing', async () => {
    const large = await api.run(['event', 'x', '-'], { stdin: 'x'.repeat(65_537) })
    expect(large.code).toBe(1)
    expect(large.io.err()).toContain('larger than 65536 bytes')
    expect((await api.run(['event'])).code).toBe(2)
    expect(api.seen).toEqual([])
  })
})

describe('query', () => {
  test('prints a table of answers, harmless for the terminal, and notes unless --quiet', async () => {
    api.answer('POST /v1/queries', ANSWERS)
    const { code, io } = await api.run(['query', 'ping', '--timeout', '3s', '--relay-factor', '2'])
    expect(code).toBe(0)
    expect(
      io
        .out()
        .split('\n')
        .map((line) => line.split(/ {2,}/)),
    ).toEqual([
      ['FROM', 'AFTER', 'ANSWER'],
      ['a', '1 ms', 'pong\\x1b[2J'],
      ['b', '4 ms', 'base64:/wA='],
      [''],
    ])
    expect(io.err()).toBe('note: 2 answers in 9 ms\n')
    expect(new URL(api.seen[0]?.target ?? '', api.url).searchParams.get('timeoutMs')).toBe('3000')
    expect(JSON.parse(api.seen[0]?.body ?? '')).toEqual({ name: 'ping', relayFactor: 2 })
    expect((await api.run(['query', 'ping', '--quiet'])).io.err()).toBe('')
  })

  test('ends with 6 when somebody has not answered, and names them', async () => {
    const found = { ...ANSWERS, silent: ['c'], unhandled: ['d'], failed: ['e'] }
    api.answer('POST /v1/queries', found)
    const { code, io } = await api.run(['query', 'ping'])
    expect(code).toBe(6)
    for (const line of ['no answer in time: c', 'no handler: d', 'its handler failed: e']) {
      expect(io.err()).toContain(line)
    }
    const asJson = await api.run(['query', 'ping', '--json'])
    expect(JSON.parse(asJson.io.out())).toEqual(found)
    expect(asJson.code).toBe(6)
  })
})

describe('explain', () => {
  const FOUND = {
    ...{ name: 'b', peerId: 'pb', state: 'failed', epoch: 7, incarnation: 1, linked: false },
    ...{ since: '2026-01-01T00:00:00.000Z', addresses: ['/ip4/10.0.0.1/tcp/1'] },
    history: [
      {
        ...{ at: '2026-01-01T00:00:00.000Z', state: 'failed', epoch: 7, incarnation: 1 },
        evidence: 'suspected by 2, not refuted in time',
      },
    ],
    ...{ forgotten: 3, namesakes: ['px'] },
  }

  test('prints state, timeline and evidence', async () => {
    api.answer('GET /v1/members/b/explain', FOUND)
    const { code, io } = await api.run(['explain', 'b'])
    expect(code).toBe(0)
    expect(io.out()).toContain('b is failed')
    expect(io.out()).toContain('2026-01-01 00:00:00.000   failed   7.1    suspected by 2')
    expect(io.out()).toContain('3 older ones are not kept')
    expect(io.err()).toContain('1 other of this name: px')
    const asJson = await api.run(['explain', 'b', '--json'])
    expect(JSON.parse(asJson.io.out())).toEqual(FOUND)
  })

  test('ends with 4 for a member that nobody knows', async () => {
    const { code, io } = await api.run(['explain', 'nobody'])
    expect(code).toBe(4)
    expect(io.err()).toContain('no member "nobody" is known to a')
  })
})

test.each(['members', 'top', 'status', 'explain b'])('%s says who only reads', async (line) => {
  const [a, b] = VIEW.members
  const observer = { ...b, role: 'observer' }
  api.answer('GET /v1/members', { ...VIEW, members: [a, observer] })
  api.answer('GET /v1/status', { ...STATUS, members: { ...STATUS.members, observers: 1 } })
  const history = { history: [], forgotten: 0, namesakes: [], linked: true, epoch: 1 }
  api.answer('GET /v1/members/b/explain', { ...observer, ...history })
  const { code, io } = await api.run(line.split(' '))
  expect(code).toBe(0)
  if (line !== 'status') expect(io.out()).toMatch(/\bb\b.* suspect, observer /)
  if (line === 'top' || line === 'status') {
    expect(io.out()).toContain('1 alive, 1 suspect, 1 observer among them\n')
  }
})

test('status of an observer counts what it wrote as a member and nobody else holds', async () => {
  const access = { by: 'invite', role: 'observer', state: 'valid', unsent: 1 }
  api.answer('GET /v1/status', { ...STATUS, access })
  const { io } = await api.run(['status'])
  expect(io.out()).toContain('invited as observer, valid, 1 own event that nobody else holds\n')
})

describe('members --watch', () => {
  const changed = {
    ...{ at: 0, type: 'member-changed', name: 'b', peerId: 'pb', state: 'failed' },
    evidence: 'connection refused',
  }
  const stream = `id: x\nevent: member-changed\ndata: ${JSON.stringify(changed)}\n\n`

  test('in a pipe: the table, then one line per change', async () => {
    api.answer('GET /v1/members', VIEW)
    api.answers.set('GET /v1/events', { body: undefined, stream })
    const io = testIo({ env: { HEARSAY_RUNTIME_DIR: api.runtimeDir } })
    const running = runWith(io, ['members', '--watch'])
    await io.until('connection refused')
    io.closeStdout()
    expect(await running).toBe(0)
    expect(io.out()).toMatch(/NAME +STATE/)
    expect(io.out().trimEnd().split('\n').at(-1)).toBe(
      '00:00:00.000  b  failed  connection refused',
    )
  })

  test('with --json: one line per member, then one per change', async () => {
    api.answer('GET /v1/members', VIEW)
    api.answers.set('GET /v1/events', { body: undefined, stream })
    const io = testIo({ env: { HEARSAY_RUNTIME_DIR: api.runtimeDir } })
    const running = runWith(io, ['members', '--watch', '--json'])
    await io.until('connection refused')
    io.closeStdout()
    expect(await running).toBe(0)
    const lines = io
      .out()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines.map(({ name, state }) => `${name} ${state}`)).toEqual([
      ...['a alive', 'b suspect', 'b failed'],
    ])
  })
})

describe('top', () => {
  beforeEach(() => {
    api.answer('GET /v1/members', VIEW)
    api.answer('GET /v1/status', STATUS)
  })

  test('in a pipe it prints once', async () => {
    const { code, io } = await api.run(['top'])
    expect(code).toBe(0)
    expect(io.out()).toContain('1 alive, 1 suspect')
    expect(io.out()).toContain('spreading: 2 states')
    expect(io.out()).not.toContain('\u001b')
    const asJson = JSON.parse((await api.run(['top', '--json'])).io.out())
    expect(asJson).toEqual({ ...VIEW, traffic: STATUS.traffic, states: 2 })
  })

  test('on a terminal it takes another screen, and q gives the old one back', async () => {
    const io = testIo({ isTTY: true, env: { HEARSAY_RUNTIME_DIR: api.runtimeDir } })
    const running = runWith(io, ['top'])
    await io.until('q quits')
    io.press('x')
    io.press('q')
    expect(await running).toBe(0)
    expect(io.out().startsWith('\u001b[?1049h')).toBe(true)
    expect(io.out().endsWith('\u001b[?1049l')).toBe(true)
    expect(io.out().split('\r\n').length).toBeLessThanOrEqual(24)
  })

  test('rates are those between two moments, and a low window says how many it hides', () => {
    const plain = (_style: unknown, text: string): string => text
    const moment = (at: number, framesSent: number) => ({
      at,
      status: { ...STATUS, traffic: { ...STATUS.traffic, framesSent } } as never,
      view: {
        ...VIEW,
        members: Array.from({ length: 30 }, (_, i) => ({
          ...MEMBER,
          name: `m${i}`,
          state: 'alive',
          digest: '',
        })),
      } as never,
    })
    const top = {
      now: moment(3_000, 50),
      before: moment(1_000, 10),
      digests: [1, 3, 1],
      recent: [],
    }
    const lines = topLines(top, { columns: 70, rows: 20 }, plain)
    expect(lines.join('\n')).toContain('20 frames/s')
    expect(lines.join('\n')).toContain('▁▃▁')
    expect(lines.at(-1)).toContain('more members')
    expect(lines.length).toBeLessThanOrEqual(20)
    const busy = { ...top, recent: Array.from({ length: 6 }, (_, i) => `event ${i}`) }
    expect(topLines(busy, { columns: 70, rows: 14 }, plain).join('\n')).not.toContain('event')
    const some = topLines(busy, { columns: 70, rows: 21 }, plain)
    expect(some.slice(-2)).toEqual(['event 4', 'event 5'])
    expect(some.length).toBeLessThanOrEqual(21)
  })

  test('clip() counts what is seen, not colours, and ends them', () => {
    expect(clip('abc', 3)).toBe('abc')
    expect(clip('abcd', 3)).toBe('abc')
    expect(clip('\u001b[31mabcd\u001b[39m', 3)).toBe('\u001b[31mabc\u001b[0m')
  })
})

async function runWith(io: ReturnType<typeof testIo>, argv: readonly string[]): Promise<number> {
  const { run } = await import('../../src/cli/main.ts')
  return await run(argv, io)
}
