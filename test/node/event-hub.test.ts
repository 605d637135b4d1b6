import { expect, test } from 'vitest'
import { EventHub } from '../../src/node/event-hub.ts'
import type { NodeEvent } from '../../src/node/node-types.ts'

const alarm = (reason: string): NodeEvent => ({ at: 0, type: 'alarm', reason })

test('subscribe() ends by its result and by the signal', () => {
  const hub = new EventHub(() => {})
  const seen: string[] = []
  const stop = hub.subscribe((event) => seen.push(`a ${event.type}`))
  const controller = new AbortController()
  hub.subscribe((event) => seen.push(`b ${event.type}`), { signal: controller.signal })
  hub.emit(alarm('one'))
  stop()
  controller.abort()
  hub.emit(alarm('two'))
  expect(seen).toEqual(['a alarm', 'b alarm'])
})

test('emit() removes a listener that throws and serves the others', () => {
  const errors: unknown[] = []
  const hub = new EventHub((error) => errors.push(error))
  let calls = 0
  hub.subscribe(() => {
    throw new Error('mine')
  })
  hub.subscribe(() => {
    calls += 1
  })
  hub.emit(alarm('one'))
  hub.emit(alarm('two'))
  expect(errors).toHaveLength(1)
  expect(calls).toBe(2)
})

test('events() yields what came before the reader asked, and ends after stopped', async () => {
  const hub = new EventHub(() => {})
  const iterator = hub.events()[Symbol.asyncIterator]()
  hub.emit(alarm('one'))
  hub.emit({ at: 1, type: 'stopped' })
  hub.emit(alarm('late'))
  const types: string[] = []
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    types.push(next.value.type)
  }
  expect(types).toEqual(['alarm', 'stopped'])
})

test('events() ends when the signal aborts while it waits', async () => {
  const hub = new EventHub(() => {})
  const controller = new AbortController()
  const iterator = hub.events({ signal: controller.signal })[Symbol.asyncIterator]()
  const next = iterator.next()
  controller.abort()
  expect(await next).toEqual({ value: undefined, done: true })
})

test('events() tells a reader that lags too far instead of losing events silently', async () => {
  const hub = new EventHub(() => {})
  const iterator = hub.events()[Symbol.asyncIterator]()
  for (let i = 0; i <= 65_536; i++) hub.emit(alarm(String(i)))
  let read = 0
  await expect(
    (async () => {
      for (;;) {
        await iterator.next()
        read += 1
      }
    })(),
  ).rejects.toThrow(/too slow/)
  expect(read).toBe(65_536)
})
