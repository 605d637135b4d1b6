import { defaultCrypto } from '@chainsafe/libp2p-noise/crypto'
import { expect, test } from 'vitest'
import { noiseCrypto } from '../../../src/adapters/libp2p/noise-crypto.ts'

const NOTHING = new Uint8Array(0)
const NONCE = Uint8Array.from({ length: 12 }, (_, i) => i)
const KEY = new Uint8Array(32).fill(9)
/** Around where one implementation takes over from another, and as much as a message holds. */
const SIZES = [0, 1, 383, 384, 400, 799, 800, 1_199, 1_200, 65_519]

const message = (bytes: number): Uint8Array => Uint8Array.from({ length: bytes }, (_, i) => i * 7)
const plain = (bytes: { subarray(): Uint8Array }): Uint8Array => Uint8Array.from(bytes.subarray())

test.each(SIZES)('%i bytes are encrypted as noise does it', (bytes) => {
  const crypto = noiseCrypto()
  for (const data of [NOTHING, message(32)]) {
    const sent = [message(bytes), NONCE, data, KEY] as const
    const expected = plain(defaultCrypto.chaCha20Poly1305Encrypt(...sent))
    expect(plain(crypto.chaCha20Poly1305Encrypt(...sent))).toEqual(expected)
    const back = crypto.chaCha20Poly1305Decrypt(expected.slice(), NONCE, data, KEY)
    expect(plain(back)).toEqual(message(bytes))
  }
})

test.each(SIZES)('%i bytes that somebody changed are refused', (bytes) => {
  const crypto = noiseCrypto()
  const sound = plain(crypto.chaCha20Poly1305Encrypt(message(bytes), NONCE, NOTHING, KEY))
  for (const at of [0, sound.length - 1]) {
    const changed = sound.map((byte, i) => (i === at ? byte ^ 1 : byte))
    expect(() => crypto.chaCha20Poly1305Decrypt(changed, NONCE, NOTHING, KEY)).toThrow()
  }
})

test('a key is prepared anew for other bytes', () => {
  const crypto = noiseCrypto()
  const keys = [KEY, new Uint8Array(32).fill(8), KEY.slice()]
  const [first, second, again] = keys.map((key) => {
    return plain(crypto.chaCha20Poly1305Encrypt(message(2_000), NONCE, NOTHING, key))
  })
  expect(first).toEqual(again)
  expect(first).not.toEqual(second)
})
