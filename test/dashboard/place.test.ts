import fc from 'fast-check'
import { expect, test } from 'vitest'
import { peerIdFromPublicKey } from '../../src/base/peer-id.ts'
import { keyPlace, memberPlace, replicaSet, turnOf } from '../../src/dashboard/ring/place.ts'
import { placeOf, Ring } from '../../src/kv/ring.ts'
import { recordId, recordKey } from '../../src/records/record-key.ts'

const publicKey = fc.uint8Array({ minLength: 32, maxLength: 32 })

test('memberPlace() is where the DHT places the peer', () => {
  fc.assert(
    fc.property(publicKey, (key) => {
      expect(memberPlace(peerIdFromPublicKey(key))).toEqual(placeOf(key))
    }),
  )
  expect(memberPlace('not a peer id: 0OIl')).toBeUndefined()
  expect(memberPlace('')).toBeUndefined()
})

test('keyPlace() is where the DHT places a shared key', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (key) => {
      const address = { namespace: 'k', key, author: new Uint8Array() }
      expect(keyPlace(key)).toEqual(recordId(recordKey(address)))
    }),
  )
})

test('replicaSet() is the replica set of the DHT', () => {
  const keys = fc.uniqueArray(publicKey, { minLength: 1, maxLength: 20, selector: String })
  fc.assert(
    fc.property(keys, fc.string({ minLength: 1 }), (members, key) => {
      const peers = members.map((bytes) => ({
        ...{ peerId: peerIdFromPublicKey(bytes), publicKey: bytes, isSuspect: false },
      }))
      const ring = new Ring(peers)
      const places = new Map(
        peers.map(({ peerId, publicKey: bytes }) => [peerId as string, placeOf(bytes)]),
      )
      const expected = ring.closest(keyPlace(key), 3).map(({ peerId }) => peerId)
      expect(replicaSet(places, keyPlace(key), 3)).toEqual(expected)
    }),
  )
})

test('turnOf() goes around the ring once', () => {
  expect(turnOf(new Uint8Array(32))).toBe(0)
  expect(turnOf(new Uint8Array(32).fill(255))).toBeLessThan(1)
  expect(turnOf(Uint8Array.of(0x80, 0, 0, 0))).toBe(0.5)
})
