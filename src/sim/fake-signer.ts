import { concatBytes, equalBytes, hex, utf8 } from '../base/bytes.ts'
import { sha256 } from '../base/hash.ts'
import { peerIdFromPublicKey } from '../base/peer-id.ts'
import { type Random, randomBytes } from '../base/random.ts'
import type { Signer } from '../base/signer.ts'

const SECRET_BYTES = 32

/**
 * Signatures for a closed world: a keyed hash under a secret that only this book knows. Deterministic and fast;
 * as unforgeable as the simulation needs, since no simulated node can reach into the book.
 */
export class SignerBook {
  readonly #secrets: Map<string, Uint8Array> = new Map()

  /** A signer with a new key pair from the stream. */
  create(random: Random): Signer {
    const secret = randomBytes(random, SECRET_BYTES)
    const publicKey = sha256(concatBytes([utf8('public'), secret]))
    this.#secrets.set(hex(publicKey), secret)
    return {
      peerId: peerIdFromPublicKey(publicKey),
      publicKey,
      sign: (message) => seal(secret, message),
      verify: (key, message, signature) => {
        const known = this.#secrets.get(hex(key))
        return known !== undefined && equalBytes(seal(known, message), signature)
      },
      sha256,
    }
  }
}

function seal(secret: Uint8Array, message: Uint8Array): Uint8Array {
  const half = sha256(concatBytes([secret, message]))
  return concatBytes([half, half])
}
