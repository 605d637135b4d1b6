import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'
import type { NoiseInit } from '@chainsafe/libp2p-noise'
import { defaultCrypto } from '@chainsafe/libp2p-noise/crypto'

type NoiseCrypto = NonNullable<NoiseInit['crypto']>
type Encrypt = NoiseCrypto['chaCha20Poly1305Encrypt']
type Decrypt = NoiseCrypto['chaCha20Poly1305Decrypt']

const ALGORITHM = 'chacha20-poly1305'
const TAG_BYTES = 16
/** Below, what noise uses by itself (WebAssembly) takes less time: measured, µs at 800 bytes 13 and 13. */
const ENCRYPT_BYTES_MIN = 800
/** At 400 bytes 7.5 and 6.4 µs. */
const DECRYPT_BYTES_MIN = 400

/**
 * What noise encrypts with, by node:crypto as noise does it, but the key is prepared once a connection and not once a
 * message: to encrypt 16 KiB takes 39 µs so, not 58, to decrypt them 18, not 57.
 */
export function noiseCrypto(): NoiseCrypto {
  // As long as noise keeps the bytes of a key, which it neither changes nor copies.
  const keys = new WeakMap<Uint8Array, KeyObject>()
  const prepared = (bytes: Uint8Array): KeyObject => {
    const known = keys.get(bytes)
    if (known !== undefined) return known
    const key = createSecretKey(bytes)
    keys.set(bytes, key)
    return key
  }
  const encrypt: Encrypt = (plaintext, nonce, data, key) => {
    if (plaintext.byteLength < ENCRYPT_BYTES_MIN) {
      return defaultCrypto.chaCha20Poly1305Encrypt(plaintext, nonce, data, key)
    }
    const options = { authTagLength: TAG_BYTES }
    const cipher = createCipheriv(ALGORITHM, prepared(key), nonce, options)
    if (data.length > 0) cipher.setAAD(data, { plaintextLength: plaintext.byteLength })
    const parts = partsOf(plaintext).map((part) => cipher.update(part))
    cipher.final()
    return Buffer.concat([...parts, cipher.getAuthTag()])
  }
  const decrypt: Decrypt = (ciphertext, nonce, data, key, into) => {
    if (ciphertext.byteLength < DECRYPT_BYTES_MIN) {
      return defaultCrypto.chaCha20Poly1305Decrypt(ciphertext, nonce, data, key, into)
    }
    const options = { authTagLength: TAG_BYTES }
    const decipher = createDecipheriv(ALGORITHM, prepared(key), nonce, options)
    const length = ciphertext.byteLength - TAG_BYTES
    if (data.length > 0) decipher.setAAD(data, { plaintextLength: length })
    decipher.setAuthTag(ciphertext.subarray(length))
    const parts = partsOf(ciphertext, length).map((part) => decipher.update(part))
    // Nothing of it leaves here before this has found that nobody changed it.
    decipher.final()
    const [only] = parts
    if (ciphertext instanceof Uint8Array || parts.length === 1) return only ?? new Uint8Array(0)
    const list = ciphertext.sublist(0, 0)
    for (const part of parts) list.append(part)
    return list
  }
  return {
    ...defaultCrypto,
    chaCha20Poly1305Encrypt: encrypt,
    chaCha20Poly1305Decrypt: decrypt,
  }
}

/** The first bytes, in the pieces that they came in. */
function partsOf(bytes: Parameters<Encrypt>[0], length = bytes.byteLength): readonly Uint8Array[] {
  if (bytes instanceof Uint8Array) return [bytes.subarray(0, length)]
  return [...bytes.sublist(0, length)]
}
