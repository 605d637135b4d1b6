import { hex, utf8 } from '../base/bytes.ts'
import { sha256 } from '../base/hash.ts'
import { peerIdFromPublicKey } from '../base/peer-id.ts'
import type { Signer } from '../base/signer.ts'

/** Who may write under a key: `k` every member, `o` one author alone, `h` nobody: the key is the value's hash. */
export type Namespace = 'k' | 'o' | 'h'

/** Where a value lives in the DHT. */
export interface RecordAddress {
  readonly namespace: Namespace
  /** A user's text; in `h` the SHA-256 of the value in lower-case hex. */
  readonly key: string
  /** 32 bytes: whose name it is, where the namespace is `o`; meaningless elsewhere. */
  readonly author: Uint8Array
}

/** Longest key, UTF-8 bytes. */
export const KEY_BYTES_MAX = 1024
/** Longest text of an Ed25519 peer id. */
const PEER_ID_BYTES_MAX = 52
/** Longest record key: `/o/`, a peer id, `/` and the key. */
export const RECORD_KEY_BYTES_MAX: number = KEY_BYTES_MAX + PEER_ID_BYTES_MAX + 4

/** Whether this version stores records of a namespace; those of any other are refused. */
export function isNamespace(text: string): text is Namespace {
  return text === 'k' || text === 'o' || text === 'h'
}

/** Why a user's key cannot be used, or undefined when it can. */
export function keyFault(key: string): 'empty' | 'malformed' | 'oversized' | undefined {
  if (key.length === 0) return 'empty'
  if (key.length > KEY_BYTES_MAX) return 'oversized'
  if (!key.isWellFormed()) return 'malformed'
  return utf8(key).length > KEY_BYTES_MAX ? 'oversized' : undefined
}

/**
 * The bytes that Kademlia calls the key of the record: UTF-8 of `/k/KEY`, `/o/PEERID/KEY` or `/h/HASH`.
 * An owned record's key names its author, so that nobody can write under another's names. The key
 * must be well-formed.
 */
export function recordKey(
  address: Omit<RecordAddress, 'namespace'> & { namespace: string },
): Uint8Array {
  const { namespace, key, author } = address
  return utf8(
    namespace === 'o' ? `/o/${peerIdFromPublicKey(author)}/${key}` : `/${namespace}/${key}`,
  )
}

/** The key of an immutable value. @param platform hashes large values faster than this code could */
export function hashKey(value: Uint8Array, platform: Pick<Signer, 'sha256'>): string {
  return hex(platform.sha256(value))
}

/**
 * Where a record lives: SHA-256 of its record key. The members whose SHA-256 of the peer id's
 * multihash is closest by XOR hold it (Maymounkov and Mazières, Kademlia, IPTPS 2002).
 */
export function recordId(key: Uint8Array): Uint8Array {
  return sha256(key)
}
