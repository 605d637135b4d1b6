import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sha256 } from '../../src/base/hash.ts'
import { peerIdBytes, peerIdFromPublicKey } from '../../src/base/peer-id.ts'
import { randomBytes, seededRandom } from '../../src/base/random.ts'
import { compareDistance, placeOf, Ring } from '../../src/kv/ring.ts'

const random = seededRandom(4)
const members = Array.from({ length: 200 }, () => {
  const publicKey = randomBytes(random, 32)
  return { publicKey, peerId: peerIdFromPublicKey(publicKey), isSuspect: false }
})

describe('Ring', () => {
  it('closest() equals sorting all members by XOR distance', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.nat({ max: 200 }),
        fc.nat({ max: 40 }),
        (target, size, count) => {
          const some = members.slice(0, size)
          const naive = some
            .map((member) => ({ ...member, id: placeOf(member.publicKey) }))
            .sort((a, b) => compareDistance(target, a.id, b.id))
            .slice(0, count)
          const found = new Ring(some).closest(target, count)
          expect(found.map(({ peerId }) => peerId)).toEqual(naive.map(({ peerId }) => peerId))
        },
      ),
    )
  })

  it('places a peer at the SHA-256 of its multihash, as Kademlia does', () => {
    const [member] = members
    if (member === undefined) throw new Error('No member')
    expect(placeOf(member.publicKey)).toEqual(sha256(peerIdBytes(member.publicKey)))
    expect(new Ring([member]).closest(placeOf(member.publicKey), 1)[0]?.peerId).toBe(member.peerId)
  })

  it('compareDistance() is the order of the XORs as numbers', () => {
    const bytes = fc.uint8Array({ minLength: 4, maxLength: 4 })
    const number = (a: Uint8Array, b: Uint8Array): number => {
      return [...a].reduce((sum, byte, i) => sum * 256 + (byte ^ (b[i] ?? 0)), 0)
    }
    fc.assert(
      fc.property(bytes, bytes, bytes, (origin, a, b) => {
        expect(Math.sign(compareDistance(origin, a, b))).toBe(
          Math.sign(number(origin, a) - number(origin, b)),
        )
      }),
    )
  })

  it('hasSamePeers() looks at the peers, not at their states', () => {
    const ring = new Ring(members.slice(0, 3))
    const suspected = members.slice(0, 3).map((member) => ({ ...member, isSuspect: true }))
    expect(ring.hasSamePeers(new Ring(suspected, ring))).toBe(true)
    expect(ring.hasSamePeers(new Ring(members.slice(1, 4), ring))).toBe(false)
    expect(ring.hasSamePeers(new Ring(members.slice(0, 2), ring))).toBe(false)
  })
})
