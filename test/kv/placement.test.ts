import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { present } from '../../src/base/assert.ts'
import { sha256 } from '../../src/base/hash.ts'
import { peerIdFromPublicKey } from '../../src/base/peer-id.ts'
import { REGION_MS, Regions } from '../../src/kv/regions.ts'
import { compareDistance, Ring, type RingMember } from '../../src/kv/ring.ts'
import { KvCluster } from './kv-cluster.ts'

const BUCKET = 20

function ringOf(count: number): Ring {
  const members = Array.from({ length: count }, (_, i) => {
    const publicKey = sha256(Uint8Array.of(i, i >>> 8))
    return { peerId: peerIdFromPublicKey(publicKey), publicKey, isSuspect: false }
  })
  return new Ring(members)
}

function names(members: readonly RingMember[]): readonly string[] {
  return members.map(({ peerId }) => peerId)
}

/** An id that begins with these bits; `serial` sets it apart from others that do. */
function idOf(bits: readonly number[], serial: number): Uint8Array {
  const id = new Uint8Array(32)
  for (const [at, bit] of bits.entries()) {
    id[at >>> 3] = (id[at >>> 3] ?? 0) | (bit << (7 - (at & 7)))
  }
  id[31] = serial
  return id
}

function memberAt(id: Uint8Array): RingMember {
  return { id, publicKey: id, peerId: peerIdFromPublicKey(id), isSuspect: false }
}

function closest(members: readonly RingMember[], id: Uint8Array): RingMember[] {
  return members.toSorted((a, b) => compareDistance(id, a.id, b.id))
}

describe('Regions', () => {
  it('knows the replicas of whatever it knows any of', () => {
    // Few bits, of which some are rare: crowded and empty corners of the key space.
    const bits = fc.array(fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.constant(1)), {
      minLength: 10,
      maxLength: 10,
    })
    const cases = fc.record({
      members: fc.array(bits, { minLength: 1, maxLength: 120, size: 'max' }),
      replication: fc.integer({ min: 1, max: 7 }),
      searched: fc.array(bits, { minLength: 1, maxLength: 5 }),
      read: fc.array(bits, { minLength: 1, maxLength: 30, size: 'max' }),
    })
    let known = 0
    fc.assert(
      fc.property(cases, ({ members: places, replication, searched, read }) => {
        const members = places.map((place, i) => memberAt(idOf(place, i + 1)))
        const self = memberAt(idOf([1, 1, 1], 0))
        const all = [...members, self]
        const regions = new Regions(replication)
        for (const place of searched) {
          const id = idOf(place, 0)
          regions.note(id, closest(members, id).slice(0, BUCKET), self, 0)
        }
        for (const place of read) {
          const id = idOf(place, 0)
          const found = regions.closest(id, replication, 0)
          if (found === undefined) continue
          known += 1
          expect(names(found)).toEqual(names(closest(all, id).slice(0, replication)))
        }
      }),
      { numRuns: 1_000 },
    )
    expect(known).toBeGreaterThan(1_000)
  })

  it('serves a region of many ids for a minute', () => {
    const ring = ringOf(64)
    const self = present(ring.members()[0], 'a member')
    const regions = new Regions(3)
    const id = sha256(Uint8Array.of(1))
    regions.note(id, ring.closest(id, BUCKET), self, 0)
    const near = id.map((byte, i) => (i > 8 ? 255 - byte : byte))
    const far = id.map((byte) => 255 - byte)
    expect(regions.closest(near, 3, REGION_MS - 1)).toEqual(ring.closest(near, 3))
    expect(regions.closest(far, 3, 0)).toBeUndefined()
    expect(regions.closest(near, 3, REGION_MS)).toBeUndefined()
  })
})

/** Six members of whom each node sees only the first three, in a network too large for one hop. */
function largeWorld(): KvCluster {
  const world = new KvCluster(6, {
    hasKademlia: true,
    replication: 3,
    tunables: { oneHopMembersMax: 2 },
  })
  world.view({ members: world.nodes.slice(0, 3) })
  return world
}

/** Answers all searches with everybody, as Kademlia would: closest first, the asker left out. */
function answerSearches(world: KvCluster): number {
  const searches = world.searches.splice(0)
  for (const { node, search } of searches) {
    const others = world.nodes.filter((each) => each !== node).map(({ peerId }) => peerId)
    world.input(node, { type: 'searched', search, record: undefined, peers: others })
  }
  return searches.length
}

describe('above the limit of members', () => {
  it('is in the mode kademlia, and below it, or without Kademlia, in one-hop', () => {
    const [large] = largeWorld().nodes
    expect(large?.kv.mode).toBe('kademlia')
    const tunables = { oneHopMembersMax: 2 }
    expect(new KvCluster(2, { hasKademlia: true, tunables }).node(0).kv.mode).toBe('one-hop')
    expect(new KvCluster(3, { tunables }).node(0).kv.mode).toBe('one-hop')
    expect(new KvCluster(3, { hasKademlia: true, tunables }).node(0).kv.mode).toBe('kademlia')
  })

  it('writes to the peers closest to the key that a search finds, members or not', () => {
    const world = largeWorld()
    const all = new Ring(
      world.nodes.map(({ peerId, signer }) => {
        return { peerId, publicKey: signer.publicKey, isSuspect: false }
      }),
    )
    for (let i = 0; i < 20; i++) {
      const key = `key ${i}`
      const request = world.put(world.node(0), key, 'x', { level: 'all' })
      answerSearches(world)
      world.until(() => world.node(0).answers.has(request))
      const { replicas } = world.node(0).answer(request, 'put-done')
      const id = sha256(new TextEncoder().encode(`/k/${key}`))
      expect(new Set(replicas)).toEqual(new Set(names(all.closest(id, 3))))
    }
  })

  it('searches once a minute for the keys of a region, and reads there what was written there', () => {
    const world = largeWorld()
    const node = world.node(0)
    const request = world.put(node, 'a', 'x')
    expect(answerSearches(world)).toBe(1)
    world.until(() => node.answers.has(request))
    expect(world.getNow(node, 'a')).toBe('x')
    expect(world.searches.length).toBe(0)
    world.run(REGION_MS)
    world.get(node, 'a')
    expect(answerSearches(world)).toBe(1)
  })

  it('asks the members it knows when the search comes to nothing', () => {
    const world = largeWorld()
    const { replicas } = world.putNow(world.node(0), 'a', 'x', { level: 'all' })
    const known = world.nodes.slice(0, 3).map(({ peerId }) => peerId)
    expect(new Set(replicas)).toEqual(new Set(known))
  })

  it('does not begin what its caller gave up during the search', () => {
    const world = largeWorld()
    const request = world.put(world.node(0), 'a', 'x')
    world.input(world.node(0), { type: 'cancel', request })
    answerSearches(world)
    world.run(5_000)
    expect(world.count('put')).toBe(0)
  })
})
