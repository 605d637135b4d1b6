import { expect, test } from 'vitest'
import { holders, linksOf, snapshotOf, stateShares } from '../../src/dashboard/snapshot.ts'
import type { MemberInfo, MembersInfo, PeerId } from '../../src/index.ts'
import type { LabInfo, LabNodeInfo } from '../../src/lab/lab-types.ts'

const id = (name: string): PeerId => `peer-${name}` as PeerId

function member(name: string, rest: Partial<MemberInfo> = {}): MemberInfo {
  return {
    ...{ name, peerId: id(name), state: 'alive', incarnation: 1, addresses: [], tags: {} },
    ...{ protocol: 1, digest: 'told', since: '2026-01-01T00:00:00.000Z' },
    ...rest,
  }
}

const HEARD = { member: 3, sync: 2, kv: 1 }

function members(list: readonly MemberInfo[]): MembersInfo {
  return { self: 'a', viewHash: '', digests: 3, members: list, links: [id('b')], heard: [HEARD] }
}

function labNode(name: string, rest: Partial<LabNodeInfo> = {}): LabNodeInfo {
  const own = { state: 'running', digest: 'x1', viewHash: '', alive: 2, members: [] } as const
  return { name, peerId: id(name), links: [], heard: [], ...own, ...rest }
}

function lab(nodes: readonly LabNodeInfo[]): LabInfo {
  return { nodes, sides: [['a'], ['b']], loss: 0, latencyMs: 0, digests: 1 }
}

test('snapshotOf() shows a plain node what it sees, with its own links', () => {
  const seen = members([member('a'), member('b', { state: 'suspect', digest: '' })])
  const { isLab, digests, peers } = snapshotOf(seen, undefined, 5)
  expect([isLab, digests]).toEqual([false, 3])
  expect(peers.map(({ name, state, digest, isOurs }) => [name, state, digest, isOurs])).toEqual([
    ['a', 'alive', 'told', false],
    ['b', 'suspect', '', false],
  ])
  expect(linksOf(peers)).toEqual([[id('a'), id('b')]])
  expect(peers.map(({ heard }) => heard)).toEqual([[HEARD], []])
})

test('snapshotOf() believes a demo about its nodes, and keeps what the page sees of them', () => {
  const seen = members([member('a'), member('b', { state: 'failed' }), member('guest')])
  const nodes = [labNode('a', { side: 0 }), labNode('b', { side: 1, state: 'paused' })]
  const { peers, sides } = snapshotOf(seen, lab(nodes), 5)
  expect(sides).toEqual([['a'], ['b']])
  expect(
    peers.map(({ name, state, seen, side, isOurs }) => [name, state, seen, side, isOurs]),
  ).toEqual([
    ['a', 'alive', 'alive', 0, true],
    ['b', 'paused', 'failed', 1, true],
    // Digests that members tell are of another kind than those of the demo's nodes.
    ['guest', 'alive', 'alive', undefined, false],
  ])
  expect(peers[2]?.digest).toBe('')
})

test('stateShares() counts who agrees, the most common state first, without who is gone', () => {
  const nodes = [
    ...[labNode('a'), labNode('b', { digest: 'x2' }), labNode('c', { digest: 'x2' })],
    labNode('d', { digest: 'x3', state: 'killed' }),
    labNode('e', { digest: '' }),
  ]
  const shares = stateShares(snapshotOf(members([]), lab(nodes), 5).peers)
  expect(shares.map(({ digest, peers }) => [digest, peers.map((peer) => peer.name)])).toEqual([
    ['x2', ['b', 'c']],
    ['x1', ['a']],
  ])
})

test('holders() counts observers apart, as the page knows them from its node, in a demo too', () => {
  const reader = member('guest', { role: 'observer' })
  const plain = snapshotOf(members([member('a'), member('b'), reader]), undefined, 5).peers
  expect(plain.map(({ isObserver }) => isObserver)).toEqual([false, false, true])
  expect(holders(plain)).toBe('2 replicas and 1 observer')
  expect(holders(plain.slice(0, 1))).toBe('1 replica')
  const demo = snapshotOf(members([member('a'), reader]), lab([labNode('guest')]), 5).peers
  expect(holders(demo)).toBe('1 replica and 1 observer')
})

test('linksOf() has each link once, whoever tells it, and none to strangers', () => {
  const nodes = [
    labNode('a', { links: [id('b'), id('stranger')] }),
    labNode('b', { links: [id('a')] }),
  ]
  const { peers } = snapshotOf(members([]), lab(nodes), 5)
  expect(linksOf(peers)).toEqual([[id('a'), id('b')]])
})
