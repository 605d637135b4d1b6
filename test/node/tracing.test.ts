import { type Attributes, type Span, trace } from '@opentelemetry/api'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createNode } from '../../src/index.ts'
import { createTracing } from '../../src/node/tracing.ts'

interface Recorded {
  readonly name: string
  readonly attributes: Attributes
  readonly startTime: number
  failure: string | undefined
  endedAt: number | undefined
}

let spans: Recorded[]

/** What an SDK does, as far as spans are asked for here. */
function startSpan(name: string, options: { attributes?: Attributes; startTime?: unknown } = {}) {
  const { attributes = {}, startTime } = options
  const recorded: Recorded = {
    ...{ name, attributes: { ...attributes }, failure: undefined, endedAt: undefined },
    startTime: typeof startTime === 'number' ? startTime : Date.now(),
  }
  spans.push(recorded)
  const span: Pick<Span, 'setAttributes' | 'recordException' | 'setStatus' | 'end'> = {
    setAttributes: (more) => {
      Object.assign(recorded.attributes, more)
      return span as Span
    },
    recordException: () => {},
    setStatus: ({ message }) => {
      recorded.failure = message
      return span as Span
    },
    end: () => {
      recorded.endedAt = Date.now()
    },
  }
  return span as Span
}

beforeEach(() => {
  spans = []
  trace.setGlobalTracerProvider({
    getTracer: () => ({
      startSpan,
      startActiveSpan: () => {
        throw new Error('not asked for')
      },
    }),
  })
})

afterEach(() => {
  trace.disable()
})

test('put, get and delete are spans that say how it went, and no key', async () => {
  await using node = await createNode()
  await node.dht.put('secret-key', 'hello')
  await node.dht.get('secret-key')
  await node.dht.putMany([['other', 'x']])
  await node.dht.delete('secret-key')
  await expect(node.dht.put('k'.repeat(2_000), 'x')).rejects.toThrow()
  expect(spans.map(({ name, attributes }) => [name, attributes])).toEqual([
    [
      'hearsay.put',
      { 'hearsay.level': 'quorum', 'hearsay.bytes': 5, 'hearsay.acks': 1, 'hearsay.required': 1 },
    ],
    ['hearsay.get', { 'hearsay.level': 'one', 'hearsay.found': true, 'hearsay.bytes': 5 }],
    [
      'hearsay.put',
      { 'hearsay.level': 'quorum', 'hearsay.bytes': 1, 'hearsay.acks': 1, 'hearsay.required': 1 },
    ],
    ['hearsay.delete', { 'hearsay.level': 'quorum', 'hearsay.acks': 1, 'hearsay.required': 1 }],
    ['hearsay.put', { 'hearsay.level': 'quorum', 'hearsay.bytes': 1 }],
  ])
  expect(spans.map(({ failure }) => failure !== undefined)).toEqual([
    ...[false, false, false, false, true],
  ])
  expect(spans.every(({ endedAt }) => endedAt !== undefined)).toBe(true)
})

test('a sync is a span from the question to the answer', async () => {
  await using a = await createNode({ name: 'a' })
  await a.set('guests').add(Array.from({ length: 100 }, (_, index) => `guest ${index}`))
  const join = a.status().listen
  await using b = await createNode({ name: 'b', join })
  const signal = AbortSignal.timeout(30_000)
  const isSynced = (): boolean => spans.some(({ name }) => name === 'hearsay.sync')
  const events = b.events({ signal })[Symbol.asyncIterator]()
  // Perhaps before this test could listen.
  while (!isSynced() && (await events.next()).done !== true);
  const sync = spans.find(({ name }) => name === 'hearsay.sync')
  expect(sync?.attributes).toMatchObject({ 'hearsay.peer': a.peerId, 'hearsay.events': 100 })
  expect(Number(sync?.attributes['hearsay.bytes'])).toBeGreaterThan(100)
  expect(sync?.endedAt).toBeGreaterThanOrEqual(sync?.startTime ?? Number.NaN)
})

test('without an SDK there is nothing', async () => {
  trace.disable()
  Reflect.deleteProperty(globalThis, Symbol.for('opentelemetry.js.api.1'))
  expect(await createTracing('1')).toBeUndefined()
})
