import { ed25519 } from '@noble/curves/ed25519.js'
import { sha256 } from '../../base/hash.ts'
import { PUBLIC_KEY_BYTES } from '../../base/ids.ts'
import { peerIdFromPublicKey } from '../../base/peer-id.ts'
import { SIGNATURE_BYTES } from '../../base/signer.ts'
import type { AheadSigner } from './ahead-signer.ts'

/** Bytes of an Ed25519 seed (RFC 8032 §5.1.5: the private key). */
const SEED_BYTES = 32

/**
 * Ed25519 (RFC 8032) in JavaScript, for browsers, whose own answers only later. Nothing is verified ahead: there is
 * no other thread that would.
 * @param seed 32 bytes @throws {RangeError} when it is not
 */
export function createSigner(seed: Uint8Array): AheadSigner {
  if (seed.length !== SEED_BYTES) {
    throw new RangeError(`Cannot use Ed25519 seed: expected ${SEED_BYTES} bytes: ${seed.length}`)
  }
  const secret = seed.slice()
  const publicKey = ed25519.getPublicKey(secret)
  return {
    peerId: peerIdFromPublicKey(publicKey),
    publicKey,
    sign: (message) => ed25519.sign(message, secret),
    verify(claimedKey, message, signature) {
      if (claimedKey.length !== PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) {
        return false
      }
      try {
        return ed25519.verify(signature, message, claimedKey, { zip215: false })
      } catch {
        // Bytes that are no point of the curve: somebody else's nonsense.
        return false
      }
    },
    verifyAhead: () => false,
    sha256,
  }
}
