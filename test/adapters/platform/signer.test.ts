import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createSigner as browserSigner } from '../../../src/adapters/platform/browser-signer.ts'
import { createSigner as nodejsSigner } from '../../../src/adapters/platform/nodejs-signer.ts'
import { fromHex, hex, utf8 } from '../../../src/base/bytes.ts'
import { sha256 } from '../../../src/base/hash.ts'
import { publicKeyOf } from '../../../src/base/peer-id.ts'

function bytes(text: string): Uint8Array {
  const parsed = fromHex(text)
  if (parsed === undefined) throw new Error('test vector is not hexadecimal')
  return parsed
}

// RFC 8032 §7.1, tests 1 to 3.
const VECTORS: readonly (readonly [string, string, string, string])[] = [
  [
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
]

describe.each([
  ['Node.js', nodejsSigner],
  ['browsers', browserSigner],
])('createSigner() of %s', (_platform, createSigner) => {
  test.each(VECTORS)(
    'sign() gives the signatures of RFC 8032 §7.1: %s',
    (seed, key, message, signature) => {
      const signer = createSigner(bytes(seed))
      expect(hex(signer.publicKey)).toBe(key)
      expect(hex(signer.sign(bytes(message)))).toBe(signature)
      expect(signer.verify(bytes(key), bytes(message), bytes(signature))).toBe(true)
    },
  )

  test('peerId carries the public key', () => {
    const signer = createSigner(new Uint8Array(32).fill(7))
    expect(publicKeyOf(signer.peerId)).toEqual(signer.publicKey)
  })

  test('sha256() is SHA-256, in an array of its own', () => {
    const signer = createSigner(new Uint8Array(32).fill(7))
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (message) => {
        expect(hex(signer.sha256(message))).toBe(hex(sha256(message)))
      }),
    )
    expect(signer.sha256(utf8('a')).buffer.byteLength).toBe(32)
  })

  test('verify() refuses another message, key or signature', () => {
    const signer = createSigner(new Uint8Array(32).fill(1))
    const other = createSigner(new Uint8Array(32).fill(2))
    const message = utf8('member/1 hello')
    const signature = signer.sign(message)
    expect(other.verify(signer.publicKey, message, signature)).toBe(true)
    expect(other.verify(other.publicKey, message, signature)).toBe(false)
    expect(other.verify(signer.publicKey, utf8('member/1 hullo'), signature)).toBe(false)
    const changed = signature.slice()
    changed[40] = (changed[40] ?? 0) ^ 1
    expect(other.verify(signer.publicKey, message, changed)).toBe(false)
  })

  test('verify() never throws and refuses random bytes', () => {
    const signer = createSigner(new Uint8Array(32).fill(3))
    const any = fc.uint8Array({ maxLength: 80 })
    const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
    const signature = fc.uint8Array({ minLength: 64, maxLength: 64 })
    fc.assert(
      fc.property(fc.oneof(any, key), any, fc.oneof(any, signature), (k, m, s) => {
        expect(signer.verify(k, m, s)).toBe(false)
      }),
    )
  })

  test.each([0, 31, 33, 64])('createSigner() refuses a seed of %i bytes', (length) => {
    expect(() => createSigner(new Uint8Array(length))).toThrow(RangeError)
  })
})

test('verify() still knows keys after many others', () => {
  const signer = nodejsSigner(new Uint8Array(32).fill(4))
  const message = utf8('m')
  const signature = signer.sign(message)
  expect(signer.verify(signer.publicKey, message, signature)).toBe(true)
  for (let i = 0; i < 5_000; i++) {
    const key = new Uint8Array(32)
    new DataView(key.buffer).setUint32(0, i)
    signer.verify(key, message, signature)
  }
  expect(signer.verify(signer.publicKey, message, signature)).toBe(true)
})

test('both take the same signatures for true', () => {
  const signer = nodejsSigner(new Uint8Array(32).fill(5))
  const other = browserSigner(new Uint8Array(32).fill(6))
  const flip = fc.option(fc.nat(64 * 8 - 1))
  let sound = 0
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), flip, (message, bit) => {
      for (const { publicKey, sign } of [signer, other]) {
        const signature = sign(message)
        if (bit !== null) signature[bit >> 3] = (signature[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        const verdict = signer.verify(publicKey, message, signature)
        expect(verdict).toBe(bit === null)
        expect(other.verify(publicKey, message, signature)).toBe(verdict)
        if (verdict) sound += 1
      }
    }),
  )
  expect(sound).toBeGreaterThan(0)
})
