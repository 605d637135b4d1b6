import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8 } from '../base/bytes.ts'

const SALT = 'hearsay-root-1'
const SEED_BYTES = 32

/**
 * The Ed25519 seed of a network's root key: HKDF-SHA-256 (RFC 5869) of the network key, separate for each
 * network name. So every holder of the network key can invite and revoke, and needs no second file; whoever
 * is invited learns the root's public key alone.
 */
export function rootSeed(networkKey: Uint8Array, network: string): Uint8Array {
  return hkdf(sha256, networkKey, utf8(SALT), utf8(network), SEED_BYTES)
}
