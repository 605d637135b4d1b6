import { expect, test } from 'vitest'
import type { PeerId } from '../../src/base/ids.ts'
import { Observers } from '../../src/engine/observers.ts'
import { Strangers } from '../../src/engine/strangers.ts'
import { World } from './driver-world.ts'

const [A, B, SELF] = ['a', 'b', 'self'] as [PeerId, PeerId, PeerId]
const DETAILS = { direction: 'inbound', remoteAddress: '/ip4/127.0.0.1/tcp/1' } as const

test('Observers are those of the ledger, and those that a link has shown to be', () => {
  const observers = new Observers({ self: SELF, isSelf: false })
  const before = observers.all
  observers.linkUp(A, 'member')
  expect(observers.all).toBe(before)
  observers.linkUp(A, 'observer')
  observers.tell(new Set([B]))
  expect([...observers.all].sort()).toEqual([A, B])
  observers.linkDown(A)
  observers.linkDown(B)
  expect([...observers.all]).toEqual([B])
})

test('Observers.isSelf is how the node was started, or what the ledger calls it now', () => {
  const observers = new Observers({ self: SELF, isSelf: false })
  expect(observers.isSelf).toBe(false)
  observers.tell(new Set([SELF]))
  expect(observers.isSelf).toBe(true)
  observers.tell(new Set([B]))
  expect(observers.isSelf).toBe(false)
  expect(new Observers({ self: SELF, isSelf: true }).isSelf).toBe(true)
})

test('nothing that an observer has found, and no observer, counts as found', () => {
  const observers = new Observers({ self: SELF, isSelf: false })
  observers.tell(new Set([B]))
  const record = { bytes: new Uint8Array(1), from: B }
  const peers = [A, B].map((peer) => ({ peer, addresses: [] }))
  const found = observers.withoutFinds({ record, peers }, new Strangers())
  expect(found).toEqual({ record: undefined, peers: [A] })
  const sound = { record: { ...record, from: A }, peers }
  expect(observers.withoutFinds(sound, new Strangers()).record?.from).toBe(A)
})

test('casts, pieces and answers of an observer go no further; its wants are heard', () => {
  const world = new World()
  const peer = world.link()
  world.listener?.linkUp(peer, { ...DETAILS, role: 'observer' })
  const count = (reason: string): number => world.driver.engine.drops.get(reason) ?? 0
  for (const type of [32, 33, 37]) world.listener?.frame(peer, 'member', Uint8Array.of(type))
  expect(count('cast of an observer')).toBe(3)
  expect(count('frame-malformed')).toBe(0)
  for (const type of [34, 35]) world.listener?.frame(peer, 'member', Uint8Array.of(type))
  expect(count('cast of an observer')).toBe(3)
  expect(count('frame-malformed')).toBe(2)
})
