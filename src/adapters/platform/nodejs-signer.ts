import { createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto'
import { hex } from '../../base/bytes.ts'
import { PUBLIC_KEY_BYTES } from '../../base/ids.ts'
import { peerIdFromPublicKey } from '../../base/peer-id.ts'
import { SIGNATURE_BYTES } from '../../base/signer.ts'
import type { AheadSigner, Proof } from './ahead-signer.ts'

/** Bytes of an Ed25519 seed (RFC 8032 §5.1.5: the private key). */
export const SEED_BYTES = 32
/** Public keys kept parsed: parsing one takes 17 of the 87 µs of a verification. About 2 KiB each. */
const KEYS_MAX = 4_096

/** DER around a raw key (RFC 8410 §7 and §4). */
const PKCS8_PREFIX = Uint8Array.from([
  0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
])
const SPKI_PREFIX = Uint8Array.from([
  0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
])

/**
 * Ed25519 (RFC 8032) by node:crypto, synchronous; ahead of time on the threads of libuv.
 * @param seed 32 bytes @throws {RangeError} when it is not
 */
export function createSigner(seed: Uint8Array): AheadSigner {
  if (seed.length !== SEED_BYTES) {
    throw new RangeError(`Cannot use Ed25519 seed: expected ${SEED_BYTES} bytes: ${seed.length}`)
  }
  const der = Buffer.concat([PKCS8_PREFIX, seed])
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  der.fill(0)
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  const publicKey = new Uint8Array(spki.subarray(SPKI_PREFIX.length))
  const answers = new Map<string, Answer>()
  return {
    peerId: peerIdFromPublicKey(publicKey),
    publicKey,
    sign: (message) => new Uint8Array(sign(null, message, privateKey)),
    verify(claimedKey, message, signature) {
      if (claimedKey.length !== PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) {
        return false
      }
      const answer = answers.size === 0 ? undefined : answers.get(nameOf(signature))
      if (answer !== undefined && isAbout(answer, claimedKey, message)) return answer.isSound
      try {
        return verify(null, message, KEYS.parsed(claimedKey), signature)
      } catch {
        // OpenSSL throws on bytes that are no point of the curve: somebody else's nonsense.
        return false
      }
    },
    verifyAhead(proof, done) {
      const { publicKey: claimedKey, message, signature } = proof
      if (claimedKey.length !== PUBLIC_KEY_BYTES) return false
      try {
        verify(null, message, KEYS.parsed(claimedKey), signature, (error, isSound) => {
          const name = nameOf(signature)
          if (error === null) answers.set(name, { proof, isSound })
          done(() => answers.delete(name))
        })
        return true
      } catch {
        // As in verify(): it will say so.
        return false
      }
    },
    sha256: (bytes) => new Uint8Array(hash('sha256', bytes, 'buffer')),
  }
}

interface Answer {
  readonly proof: Proof
  readonly isSound: boolean
}

/** Whether it is the answer about this message of this key. */
function isAbout({ proof }: Answer, publicKey: Uint8Array, message: Uint8Array): boolean {
  return (
    Buffer.compare(proof.publicKey, publicKey) === 0 && Buffer.compare(proof.message, message) === 0
  )
}

function nameOf(signature: Uint8Array): string {
  return Buffer.from(signature.buffer, signature.byteOffset, signature.length).toString('latin1')
}

/** Parsed public keys, the least recently used one leaving first. */
class KeyCache {
  readonly #keys = new Map<string, KeyObject>()
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  parsed(publicKey: Uint8Array): KeyObject {
    const name = hex(publicKey)
    const known = this.#keys.get(name)
    // Map keeps the order of insertion: what is used goes to the end.
    if (known !== undefined) this.#keys.delete(name)
    const key = known ?? parse(publicKey)
    this.#keys.set(name, key)
    const [oldest] = this.#keys.keys()
    if (this.#keys.size > this.#max && oldest !== undefined) this.#keys.delete(oldest)
    return key
  }
}

/** One for all nodes of a process: what a key is does not depend on who asks. */
const KEYS = new KeyCache(KEYS_MAX)

function parse(publicKey: Uint8Array): KeyObject {
  const der = Buffer.concat([SPKI_PREFIX, publicKey])
  return createPublicKey({ key: der, format: 'der', type: 'spki' })
}
