import { expect, test } from 'vitest'
import { peerIdFromPublicKey } from '../../src/base/peer-id.ts'
import type { Driver } from '../../src/engine/driver.ts'
import { MemberHistory } from '../../src/node/member-history.ts'
import type { NodeEvent } from '../../src/node/node-types.ts'
import { localNode } from './local-node.ts'

test('broadcast() resolves with the id that the event has, and bytes that are no text come as base64', async () => {
  const { node } = localNode()
  const events: NodeEvent[] = []
  node.subscribe((event) => events.push(event))
  const sent = await node.broadcast('raw', Uint8Array.of(0xff, 0))
  const told = events.find((event) => event.type === 'broadcast')
  expect(told).toMatchObject({ id: sent.id, name: 'raw', payload: '/wA=', encoding: 'base64' })
  if (told?.type !== 'broadcast') throw new Error('a broadcast was told')
  expect([...Buffer.from(told.payload, told.encoding)]).toEqual([0xff, 0])
})

test('query() asks handlers; one that throws, and none at all, are answers too', async () => {
  const { node } = localNode()
  node.onQuery('sum', async (question) => String(question.text().length))
  node.onQuery('broken', () => {
    throw new Error('no')
  })
  node.onQuery('long', () => 'x'.repeat(1_025))
  expect((await node.query('sum', 'abc')).answers).toMatchObject([{ from: 'one', payload: '3' }])
  expect((await node.query('broken')).failed).toEqual(['one'])
  expect((await node.query('long')).failed).toEqual(['one'])
  expect((await node.query('other')).unhandled).toEqual(['one'])
})

test('onQuery() takes one handler a question, until it is taken back or its signal aborts', async () => {
  const { node } = localNode()
  const stop = node.onQuery('q', () => 'first')
  expect(() => node.onQuery('q', () => 'second')).toThrow(TypeError)
  stop()
  const ends = new AbortController()
  node.onQuery('q', () => 'second', { signal: ends.signal })
  expect((await node.query('q')).answers).toMatchObject([{ payload: 'second' }])
  ends.abort()
  expect((await node.query('q')).unhandled).toEqual(['one'])
})

test('a handler replaces a built-in answer, which comes back after it', async () => {
  const { node } = localNode()
  const stop = node.onQuery('version', () => 'mine')
  expect((await node.query('version')).answers).toMatchObject([{ payload: 'mine' }])
  stop()
  expect((await node.query('version')).answers).toMatchObject([{ payload: '0' }])
})

test('query() rejects with the reason of its signal', async () => {
  const { node } = localNode()
  node.onQuery('slow', () => new Promise(() => {}))
  const ends = new AbortController()
  const asked = node.query('slow', '', { signal: ends.signal })
  ends.abort(new Error('enough'))
  await expect(asked).rejects.toThrow('enough')
  await expect(node.query('ping', '', { withinMs: 0 })).rejects.toThrow(RangeError)
})

test('MemberHistory keeps the last 64 moments of a member and says how many it forgot', () => {
  const history = new MemberHistory()
  const { membership } = memberOnly('b')
  const [member] = membership.members()
  if (member === undefined) throw new Error('there is one')
  for (let i = 0; i < 70; i++) {
    const change = {
      kind: 'changed',
      member: { ...member, incarnation: i },
      evidence: `${i}`,
    } as const
    history.note(change, i)
  }
  const found = history.explain(memberOnly('b'), 'b')
  expect(found?.history.length).toBe(64)
  expect(found?.history[0]?.evidence).toBe('6')
  expect(found?.forgotten).toBe(6)
  expect(history.explain(memberOnly('b'), 'c')).toBeUndefined()
})

/** As much of an engine as an explanation looks at. */
function memberOnly(name: string): Driver['engine'] {
  const publicKey = new Uint8Array(32).fill(2)
  const member = {
    ...{ name, publicKey, peerId: peerIdFromPublicKey(publicKey), state: 'alive' as const },
    ...{ epoch: 1, incarnation: 0, addresses: [], tags: {}, protocol: { min: 1, max: 1 } },
    ...{ digest: undefined, rttMs: 1, since: 0 },
  }
  return {
    membership: { members: () => [member] },
    observers: new Set(),
    linked: new Set(),
  } as unknown as Driver['engine']
}
