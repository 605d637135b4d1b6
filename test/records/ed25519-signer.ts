import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { sha256 } from '../../src/base/hash.ts'
import { peerIdFromPublicKey } from '../../src/base/peer-id.ts'
import { randomBytes, seededRandom } from '../../src/base/random.ts'
import type { Signer } from '../../src/base/signer.ts'

/** PKCS #8 and SPKI heads of Ed25519 keys (RFC 8410). */
const PRIVATE_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex')
const PUBLIC_HEAD = Buffer.from('302a300506032b6570032100', 'hex')

/** A real Ed25519 signer whose key follows from a number: the same in every run. */
export function ed25519Signer(seed: number): Signer {
  const secret = randomBytes(seededRandom([seed, 0x5eed]), 32)
  const key = createPrivateKey({
    key: Buffer.concat([PRIVATE_HEAD, secret]),
    format: 'der',
    type: 'pkcs8',
  })
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  const publicKey = new Uint8Array(spki.subarray(PUBLIC_HEAD.length))
  return {
    peerId: peerIdFromPublicKey(publicKey),
    publicKey,
    sign: (message) => new Uint8Array(sign(null, message, key)),
    verify: (author, message, signature) => {
      try {
        const spkiKey = Buffer.concat([PUBLIC_HEAD, author])
        const publicKeyObject = createPublicKey({ key: spkiKey, format: 'der', type: 'spki' })
        return verify(null, message, publicKeyObject, signature)
      } catch {
        return false
      }
    },
    sha256,
  }
}
