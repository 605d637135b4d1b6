import { utf8 } from '../base/bytes.ts'
import { sha256 } from '../base/hash.ts'

/** Who may write under a key. Reserved for later: `o` owned by one author, `h` named by their own hash. */
export type Namespace = 'k'

/** Namespaces that this version stores; records of any other are refused. */
export const NAMESPACES: readonly string[] = ['k']

/** Longest key, UTF-8 bytes. */
export const KEY_BYTES_MAX = 1024
/** Longest record key: `/k/` and the key. */
export const RECORD_KEY_BYTES_MAX: number = KEY_BYTES_MAX + 3
/** Bytes of the place of a record or a peer in the key space (SHA-256). */
export const ID_BYTES = 32

/** Why a user's key cannot be used, or undefined when it can. */
export function keyFault(key: string): 'empty' | 'malformed' | 'oversized' | undefined {
  if (key.length === 0) return 'empty'
  if (key.length > KEY_BYTES_MAX) return 'oversized'
  if (!key.isWellFormed()) return 'malformed'
  return utf8(key).length > KEY_BYTES_MAX ? 'oversized' : undefined
}

/** The bytes that Kademlia calls the key of the record: UTF-8 of `/k/KEY`. The key must be well-formed. */
export function recordKey(namespace: string, key: string): Uint8Array {
  return utf8(`/${namespace}/${key}`)
}

/**
 * Where a record lives: SHA-256 of its record key. The members whose SHA-256 of the peer id's
 * multihash is closest by XOR hold it (Maymounkov and Mazières, Kademlia, IPTPS 2002).
 */
export function recordId(key: Uint8Array): Uint8Array {
  return sha256(key)
}
