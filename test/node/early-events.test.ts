import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { EarlyEvents } from '../../src/node/early-events.ts'
import { EventHub } from '../../src/node/event-hub.ts'
import type { NodeEvent } from '../../src/node/node-types.ts'

const alarm = (reason: string): NodeEvent => ({ at: 0, type: 'alarm', reason })
const fatal: NodeEvent = { at: 0, type: 'fatal', reason: 'disk gone', code: 'ERR_STORE' }
const digests: NodeEvent = { at: 0, type: 'digests-changed' }

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('alarms and failures wait for whoever subscribes when the node is handed out', () => {
  const hub = new EventHub(() => {})
  const events = new EarlyEvents(hub)
  for (const event of [alarm('a'), digests, fatal, alarm('b')]) events.emit(event)
  events.release()
  const seen: NodeEvent[] = []
  hub.subscribe((event) => seen.push(event))
  events.emit(alarm('c'))
  events.emit(digests)
  expect(seen).toEqual([digests])
  vi.runAllTimers()
  events.emit(alarm('d'))
  expect(seen).toEqual([digests, alarm('a'), fatal, alarm('b'), alarm('c'), alarm('d')])
})

test('a flood of early alarms is bounded and cannot drown a failure', () => {
  const hub = new EventHub(() => {})
  const events = new EarlyEvents(hub)
  for (let i = 0; i < 1_000; i++) events.emit(alarm(String(i)))
  events.emit(fatal)
  const seen: NodeEvent[] = []
  hub.subscribe((event) => seen.push(event))
  events.release()
  vi.runAllTimers()
  expect(seen).toHaveLength(257)
  expect(seen.at(-1)).toBe(fatal)
})
