import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createHttpApi } from '../../src/http/api.ts'
import { EventHub } from '../../src/http/event-hub.ts'
import { EventSourceParser } from '../../src/http/event-source.ts'
import type { NodeEvent } from '../../src/index.ts'
import type { LabControl, LabEvent } from '../../src/lab/lab-types.ts'
import { BASE, type Fixture, fixture, TOKEN } from './ask.ts'
import { memoryNode } from './memory-node.ts'

/** A numbered event of `bytes` bytes and more. */
function alarm(number: number, bytes = 0): NodeEvent {
  return { at: number, type: 'alarm', reason: `${number} ${'x'.repeat(bytes)}` }
}

/** Opens a stream and reads it event by event. */
async function open(
  { api }: Pick<Fixture, 'api'>,
  options: { readonly lastEventId?: string | undefined; readonly query?: string } = {},
) {
  const abort = new AbortController()
  const headers = new Headers({ authorization: `Bearer ${TOKEN}` })
  if (options.lastEventId !== undefined) headers.set('last-event-id', options.lastEventId)
  const url = `${BASE}/v1/events${options.query ?? ''}`
  const response = await api.fetch(new Request(url, { headers, signal: abort.signal }))
  const reader = response.body?.getReader()
  const parser = new EventSourceParser(undefined)
  const decoder = new TextDecoder()
  let text = ''
  const read = async () => {
    const step = await reader?.read()
    if (step?.value === undefined) return undefined
    const chunk = decoder.decode(step.value, { stream: true })
    text += chunk
    return parser.push(chunk)
  }
  return {
    response,
    abort: () => abort.abort(),
    read,
    get text() {
      return text
    },
    get lastEventId() {
      return parser.lastEventId
    },
    /** The next `count` events. */
    take: async (count: number) => {
      const events = []
      while (events.length < count) {
        const more = await read()
        if (more === undefined) break
        events.push(...more)
      }
      return events
    },
  }
}

describe('GET /v1/events', () => {
  test('each event has id, event and data', async () => {
    const { api, node } = fixture()
    const stream = await open({ api })
    expect(stream.response.headers.get('content-type')).toBe('text/event-stream')
    node.emit(alarm(1))
    const [first] = await stream.take(1)
    expect(first?.event).toEqual(alarm(1))
    expect(stream.text).toContain(
      `id: ${first?.id}\nevent: alarm\ndata: ${JSON.stringify(alarm(1))}\n\n`,
    )
  })

  test('the id of a change is its cursor, that of another event says how many came since', async () => {
    const { api, node } = fixture()
    const stream = await open({ api })
    node.emit(alarm(1))
    node.emit(alarm(2))
    await node.counter('hits').add(1)
    node.emit(alarm(3))
    const events = (await stream.take(4 + 1)).filter(({ event }) => event.type !== 'digest-changed')
    const [epoch] = node.cursor.split('-')
    expect(events.map(({ id, event }) => [id, event.type])).toEqual([
      [`${epoch}-0.1`, 'alarm'],
      [`${epoch}-0.2`, 'alarm'],
      [node.cursor, 'object-changed'],
      [expect.stringContaining(`${epoch}-1.`), 'alarm'],
    ])
  })

  test('a cursor of the library resumes the stream after its change', async () => {
    const { api, node } = fixture()
    await node.counter('a').add(1)
    const { cursor } = node
    await node.counter('b').add(1)
    await node.counter('c').add(1)
    const query = '?types=object-changed'
    const events = await (await open({ api }, { lastEventId: cursor, query })).take(2)
    expect(events.map(({ event }) => event.type === 'object-changed' && event.object)).toEqual([
      'b',
      'c',
    ])
  })

  test('sums beyond 2^53 - 1 arrive as bigints', async () => {
    const { api, node } = fixture()
    const stream = await open({ api })
    const diff = { type: 'counter', value: 2n ** 60n, delta: -(2n ** 60n) } as const
    const change = { object: 'c', objectType: 'counter', group: 'main', origin: 'local' } as const
    node.emit({ at: 1, type: 'object-changed', ...change, cursor: 'x', diff })
    expect((await stream.take(1))[0]?.event).toMatchObject({ diff })
  })

  test('chatter costs no reader of changes its place; 10,000 changes do', async () => {
    const { api, node } = fixture()
    const { cursor } = node
    await node.counter('hits').add(1)
    for (let i = 0; i < 5000; i++) node.emit(alarm(i))
    const reader = { lastEventId: cursor, query: '?types=object-changed' }
    expect((await (await open({ api }, reader)).take(1))[0]?.event.type).toBe('object-changed')
    expect((await (await open({ api }, { lastEventId: cursor })).take(1))[0]?.event.type).toBe(
      'reset',
    )
    const [epoch] = cursor.split('-')
    const change = { object: 'c', objectType: 'counter', group: 'main', origin: 'local' } as const
    for (let i = 2; i <= 10_001; i++) {
      node.emit({ at: 1, type: 'object-changed', ...change, cursor: `${epoch}-${i}` })
    }
    expect((await (await open({ api }, reader)).take(1))[0]?.event.type).toBe('reset')
    const second = { ...reader, lastEventId: `${epoch}-1` }
    expect((await (await open({ api }, second)).take(1))[0]?.id).toBe(`${epoch}-2`)
  })

  test('another start of the node tells open streams and old cursors to read again', async () => {
    const hub = new EventHub(() => 7, `${'a'.repeat(16)}-5`)
    const { signal } = new AbortController()
    const read = async (reader: ReadableStreamDefaultReader<Uint8Array>) =>
      new TextDecoder().decode((await reader.read()).value)
    const reader = hub.open({ signal }).getReader()
    expect(await read(reader)).toContain(`id: ${'a'.repeat(16)}-5\n`)
    hub.push(alarm(1))
    await read(reader)
    hub.restart(`${'b'.repeat(16)}-0`)
    expect(await read(reader)).toBe(
      `id: ${'b'.repeat(16)}-0\nevent: reset\ndata: {"type":"reset","at":7}\n\n`,
    )
    hub.push(alarm(2))
    expect(await read(reader)).toContain(`id: ${'b'.repeat(16)}-0.1\nevent: alarm`)
    const old = hub.open({ signal, lastEventId: `${'a'.repeat(16)}-5` }).getReader()
    expect(await read(old)).toContain('event: reset')
    hub.close()
  })

  test('?types= chooses', async () => {
    const { api, node } = fixture()
    const stream = await open({ api }, { query: '?types=stopped,dropped' })
    node.emit(alarm(1))
    node.emit({ at: 2, type: 'dropped', reason: 'r', count: 1 })
    node.emit(alarm(3))
    node.emit({ at: 4, type: 'stopped' })
    expect((await stream.take(2)).map(({ event }) => event.at)).toEqual([2, 4])
  })

  test('Last-Event-ID resumes without loss, wherever the stream was cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 8 }),
        async (bursts) => {
          const { api, node } = fixture()
          const seen: number[] = []
          let lastEventId: string | undefined
          let next = 0
          for (const burst of bursts) {
            const stream = await open({ api }, { lastEventId })
            seen.push(...((await stream.read()) ?? []).map(({ event }) => event.at))
            for (let i = 0; i < burst; i++) node.emit(alarm(next++))
            seen.push(...(await stream.take(Math.floor(burst / 2))).map(({ event }) => event.at))
            lastEventId = stream.lastEventId
            stream.abort()
          }
          const rest = await open({ api }, { lastEventId })
          node.emit({ at: -1, type: 'stopped' })
          while (seen.at(-1) !== -1) seen.push(...(await rest.take(1)).map(({ event }) => event.at))
          const first = bursts.length === 0 ? [] : Array.from({ length: next }, (_, i) => i)
          expect(seen).toEqual([...first, -1])
        },
      ),
      { numRuns: 50 },
    )
  })

  test('resuming reaches back 4,096 events', async () => {
    const { api, node } = fixture()
    const stream = await open({ api })
    await stream.read()
    const lastEventId = stream.lastEventId
    stream.abort()
    for (let i = 0; i < 4096; i++) node.emit(alarm(i))
    const resumed = await open({ api }, { lastEventId })
    expect((await resumed.take(4096)).map(({ event }) => event.at)).toEqual(
      Array.from({ length: 4096 }, (_, i) => i),
    )
    node.emit(alarm(4096))
    const late = await open({ api }, { lastEventId })
    expect((await late.take(1))[0]?.event.type).toBe('reset')
  })

  test.each(['1', 'abc', `${'f'.repeat(16)}-0`, '-1', '7216389463703552'])(
    'the foreign id %s is answered by reset, then by what happens from now on',
    async (lastEventId) => {
      const { api, node } = fixture()
      node.emit(alarm(0))
      const stream = await open({ api }, { lastEventId })
      node.emit(alarm(1))
      const events = await stream.take(2)
      expect(events.map(({ event }) => event.type)).toEqual(['reset', 'alarm'])
      expect(events[1]?.event.at).toBe(1)
      const again = await open({ api }, { lastEventId: events[0]?.id })
      expect((await again.take(1))[0]?.event.at).toBe(1)
    },
  )

  test('a stream whose client leaves more than 1 MiB unread is closed, and others are not', async () => {
    const { api, node } = fixture()
    const slow = await open({ api })
    await slow.read()
    const quick = await open({ api })
    await quick.read()
    for (let i = 0; i < 20; i++) {
      node.emit(alarm(i, 64 * 1024))
      await quick.take(1)
    }
    await expect(slow.read()).rejects.toThrow('too slowly')
    const resumed = await open({ api }, { lastEventId: slow.lastEventId })
    expect((await resumed.take(20)).map(({ event }) => event.at)).toEqual(
      Array.from({ length: 20 }, (_, i) => i),
    )
  })

  test('32 streams at a time: one more is 429, and a closed one makes room', async () => {
    const { api } = fixture()
    const streams = await Promise.all(Array.from({ length: 32 }, () => open({ api })))
    const refused = await open({ api })
    expect(refused.response.status).toBe(429)
    expect(refused.response.headers.get('retry-after')).toBe('1')
    streams[7]?.abort()
    expect((await open({ api })).response.status).toBe(200)
  })

  test('a request that is gone before it is served takes no place', async () => {
    const { api } = fixture()
    for (let i = 0; i < 40; i++) {
      const signal = AbortSignal.abort()
      await api.fetch(
        new Request(`${BASE}/v1/events`, { headers: { authorization: `Bearer ${TOKEN}` }, signal }),
      )
    }
    expect((await open({ api })).response.status).toBe(200)
  })

  test('close() ends streams at once', async () => {
    const { api } = fixture()
    const stream = await open({ api })
    await stream.read()
    const reading = stream.read()
    api.close()
    expect(await reading).toBeUndefined()
    expect((await open({ api })).response.status).toBe(503)
  })
})

test('a stream of a demo goes on with the restarted node, which is read again first', async () => {
  const nodes = [memoryNode({ seed: 1 }), memoryNode({ seed: 2 })]
  let running = nodes[0]
  const listeners = new Set<(event: LabEvent) => void>()
  const lab: Partial<LabControl> = {
    running: () => running,
    subscribe: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  const options = { token: TOKEN, lab: lab as LabControl }
  const api = createHttpApi(memoryNode({ seed: 1 }), options)
  const stream = await open({ api })
  await nodes[0]?.counter('hits').add(1)
  await stream.take(1)
  running = nodes[1]
  for (const listener of listeners) listener({ at: 1, type: 'restarted', name: 'n0' })
  await nodes[0]?.counter('gone').add(1)
  await nodes[1]?.counter('hits').add(1)
  const events = (await stream.take(3)).filter(({ event }) => event.type !== 'digest-changed')
  expect(events.map(({ id, event }) => [id, event.type])).toEqual([
    [nodes[1]?.cursor.replace(/1$/, '0'), 'reset'],
    [nodes[1]?.cursor, 'object-changed'],
  ])
  api.close()
})

describe('EventHub', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  test('a heartbeat every 15 s moves the id past events that were not asked for', async () => {
    vi.useFakeTimers()
    const { api, node } = fixture()
    const stream = await open({ api }, { query: '?types=stopped' })
    await stream.read()
    const before = stream.lastEventId
    for (let i = 0; i < 10; i++) node.emit(alarm(i))
    const reading = stream.read()
    await vi.advanceTimersByTimeAsync(14_999)
    expect(stream.text).not.toContain(': heartbeat')
    await vi.advanceTimersByTimeAsync(1)
    await reading
    expect(stream.text).toContain(': heartbeat')
    expect(stream.lastEventId).toBe(`${before}.10`)
  })

  test('no timer runs without a stream', async () => {
    vi.useFakeTimers()
    const { api } = fixture()
    expect(vi.getTimerCount()).toBe(0)
    const stream = await open({ api })
    expect(vi.getTimerCount()).toBe(1)
    stream.abort()
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('EventSourceParser', () => {
  test('an event is the same however the stream is cut', () => {
    const text =
      'retry: 1000\r\nid: 1\n\n: comment\nid: 2\nevent: alarm\ndata: {"at":\ndata:5}\n\nid: 3\ndata: {}'
    fc.assert(
      fc.property(fc.array(fc.nat(text.length)), (cuts) => {
        const parser = new EventSourceParser(undefined)
        const edges = [0, ...cuts.sort((a, b) => a - b), text.length]
        const events = edges.slice(1).flatMap((end, i) => parser.push(text.slice(edges[i], end)))
        expect(events).toEqual([{ id: '2', event: { at: 5 } }])
        // The third event is not whole: resuming after it would lose it.
        expect(parser.lastEventId).toBe('2')
      }),
    )
  })

  test('an endless line is refused', () => {
    const parser = new EventSourceParser(undefined)
    expect(() => parser.push('x'.repeat(5 * 1024 * 1024))).toThrow(RangeError)
  })
})
