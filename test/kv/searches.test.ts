import { describe, expect, it } from 'vitest'
import { present } from '../../src/base/assert.ts'
import { utf8 } from '../../src/base/bytes.ts'
import { stampAt } from '../../src/base/hybrid-clock.ts'
import { KV_TUNABLES } from '../../src/kv/options.ts'
import { type DhtRecord, sealRecord } from '../../src/records/record.ts'
import { ed25519Signer } from '../records/ed25519-signer.ts'
import { KvCluster, type KvNode, START } from './kv-cluster.ts'

const FOREIGN = ed25519Signer(99)
const HOUR = 3_600_000

function foreignRecord(key: string, value: string | undefined): DhtRecord {
  const draft = { namespace: 'k', key, stamp: stampAt(START), expiresAt: START + HOUR } as const
  return sealRecord({ ...draft, value: value === undefined ? undefined : utf8(value) }, FOREIGN)
}

/** Twelve members: five replicas, five more that a read asks, and two. */
function cluster(): KvCluster {
  return new KvCluster(12, { hasKademlia: true })
}

/** Reads until the search begins. */
function searching(
  world: KvCluster,
  node: KvNode,
  key: string,
): { request: number; search: number } {
  const request = world.get(node, key)
  world.until(() => world.searches.length > 0)
  return { request, search: present(world.searches.at(-1), 'a search').search }
}

function found(world: KvCluster, node: KvNode, request: number): string | undefined {
  world.until(() => node.answers.has(request))
  const { found: value } = node.answer(request, 'get-done')
  return value === undefined ? undefined : new TextDecoder().decode(value.value)
}

describe('a get that finds nothing at 2 N members', () => {
  it('searches Kademlia for the record key, and tells whom it has asked', () => {
    const world = cluster()
    searching(world, world.node(0), 'a')
    const [search] = world.searches
    expect(search).toMatchObject({ want: 'record', key: utf8('/k/a'), withinMs: 1_000 })
    expect(search?.asked.length).toBeGreaterThanOrEqual(8)
    expect(world.searches.length).toBe(1)
  })

  it('answers with the record found, which its replicas get too', () => {
    const world = cluster()
    const node = world.node(0)
    const { request, search } = searching(world, node, 'a')
    const { bytes } = foreignRecord('a', 'far')
    const record = { bytes, from: FOREIGN.peerId }
    world.input(node, { type: 'searched', search, record, peers: [] })
    expect(found(world, node, request)).toBe('far')
    expect(node.answer(request, 'get-done').found).toMatchObject({ from: FOREIGN.peerId })
    world.run(1_000)
    const held = world.replicas('a').filter((each) => world.held(each, 'a') !== undefined)
    expect(held.length).toBeGreaterThanOrEqual(3)
  })

  it.each([
    ['of another key', foreignRecord('b', 'far').bytes],
    [
      'with a byte changed',
      foreignRecord('a', 'far').bytes.map((byte, i) => (i === 60 ? 1 : byte)),
    ],
    ['that is none', utf8('nonsense')],
    ['that deletes', foreignRecord('a', undefined).bytes],
  ])('has nothing when the search brings a record %s', (_name, bytes) => {
    const world = cluster()
    const node = world.node(0)
    const { request, search } = searching(world, node, 'a')
    const record = { bytes, from: FOREIGN.peerId }
    world.input(node, { type: 'searched', search, record, peers: [] })
    expect(found(world, node, request)).toBeUndefined()
  })

  it('has nothing when the search takes too long, and ignores what it brings then', () => {
    const world = cluster()
    const node = world.node(0)
    const { request, search } = searching(world, node, 'a')
    const begun = world.now
    expect(found(world, node, request)).toBeUndefined()
    expect(world.now - begun).toBe(KV_TUNABLES.searchMs)
    const record = { bytes: foreignRecord('a', 'far').bytes, from: FOREIGN.peerId }
    world.input(node, { type: 'searched', search, record, peers: [] })
    expect(world.held(node, 'a')).toBeUndefined()
  })

  it('never takes longer than a get may', () => {
    const world = new KvCluster(12, { hasKademlia: true, tunables: { searchMs: 60_000 } })
    const begun = world.now
    expect(world.getNow(world.node(0), 'a')).toBeUndefined()
    expect(world.now - begun).toBe(KV_TUNABLES.getTimeoutMs)
  })

  it('goes without where so many searches are under way, and where there is no Kademlia', () => {
    const world = new KvCluster(12, { hasKademlia: true, tunables: { searchesMax: 2 } })
    const node = world.node(0)
    const requests = ['a', 'b', 'c'].map((key) => world.get(node, key))
    world.run(500)
    expect(world.searches.length).toBe(2)
    expect(requests.filter((request) => node.answers.has(request)).length).toBe(1)
    const without = new KvCluster(12)
    expect(without.getNow(without.node(0), 'a')).toBeUndefined()
    expect(without.searches).toEqual([])
  })

  it('does not search for what was deleted, nor before a conditional write', () => {
    const world = cluster()
    const node = world.node(0)
    world.putNow(node, 'a', 'x')
    world.delete(node, 'a')
    world.run(1_000)
    expect(world.getNow(node, 'a')).toBeUndefined()
    world.putNow(node, 'mine', 'x', { kind: 'owned', ifVersion: 'none' })
    expect(world.searches).toEqual([])
  })

  it('finds what this node holds though it is no replica, without a search', () => {
    const world = cluster()
    const others = world.nodes.filter((each) => !world.replicas('a').includes(each))
    const node = present(others[0], 'another member')
    const bytes = foreignRecord('a', 'hint').bytes
    world.input(node, { type: 'offer', request: 9_999, key: utf8('/k/a'), record: bytes })
    const request = world.get(node, 'a')
    expect(found(world, node, request)).toBe('hint')
    expect(world.searches).toEqual([])
  })

  it('is cancelled with its search', () => {
    const world = cluster()
    const node = world.node(0)
    const { request, search } = searching(world, node, 'a')
    world.input(node, { type: 'cancel', request })
    const record = { bytes: foreignRecord('a', 'far').bytes, from: FOREIGN.peerId }
    world.input(node, { type: 'searched', search, record, peers: [] })
    world.run(3_000)
    expect(node.answers.has(request)).toBe(false)
  })
})
