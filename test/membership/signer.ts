import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { concatBytes, fromHex, hex } from '../../src/base/bytes.ts'
import { sha256 } from '../../src/base/hash.ts'
import { peerIdFromPublicKey } from '../../src/base/peer-id.ts'
import type { Signer } from '../../src/base/signer.ts'

const PKCS8 = fromHex('302e020100300506032b657004220420') ?? new Uint8Array()
const SPKI = fromHex('302a300506032b6570032100') ?? new Uint8Array()

/** A real Ed25519 signer whose key is made of one number; counts its work. */
export class TestSigner implements Signer {
  readonly peerId: Signer['peerId']
  readonly publicKey: Uint8Array
  readonly #key: KeyObject
  readonly #publicKeys = new Map<string, KeyObject>()
  readonly sha256: Signer['sha256'] = sha256
  signed = 0
  verified = 0

  constructor(seed: number) {
    const secret = new Uint8Array(32)
    new DataView(secret.buffer).setUint32(0, seed)
    const pkcs8 = Buffer.from(concatBytes([PKCS8, secret]))
    this.#key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
    const spki = createPublicKey(this.#key).export({ format: 'der', type: 'spki' })
    this.publicKey = new Uint8Array(spki.subarray(SPKI.length))
    this.peerId = peerIdFromPublicKey(this.publicKey)
  }

  sign(message: Uint8Array): Uint8Array {
    this.signed += 1
    return new Uint8Array(sign(null, message, this.#key))
  }

  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    this.verified += 1
    try {
      const id = hex(publicKey)
      let key = this.#publicKeys.get(id)
      if (key === undefined) {
        const spki = Buffer.from(concatBytes([SPKI, publicKey]))
        key = createPublicKey({ key: spki, format: 'der', type: 'spki' })
        this.#publicKeys.set(id, key)
      }
      return verify(null, message, key, signature)
    } catch {
      return false
    }
  }
}
