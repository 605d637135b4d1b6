import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { equalBytes } from '../../src/base/bytes.ts'
import { parsePeerId, peerIdFromPublicKey, publicKeyOf } from '../../src/base/peer-id.ts'

test('peerIdFromPublicKey() equals what libp2p makes of the key', async () => {
  for (let seed = 0; seed < 8; seed++) {
    const key = await generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(seed))
    expect(peerIdFromPublicKey(key.publicKey.raw)).toBe(peerIdFromPrivateKey(key).toString())
  }
})

test('publicKeyOf() reverses peerIdFromPublicKey()', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
      expect(publicKeyOf(peerIdFromPublicKey(key))).toEqual(key)
    }),
  )
})

test('parsePeerId() refuses other text without throwing', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(parsePeerId(text)).toBeUndefined()
    }),
  )
  const id = peerIdFromPublicKey(new Uint8Array(32).fill(7))
  expect(parsePeerId(`${id}1`)).toBeUndefined()
  expect(parsePeerId(`Q${id.slice(1)}`)).toBeUndefined()
  expect(equalBytes(publicKeyOf(id) ?? new Uint8Array(), new Uint8Array(32).fill(7))).toBe(true)
})
