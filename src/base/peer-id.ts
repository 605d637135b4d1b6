import { fromString } from 'uint8arrays/from-string'
import { toString as asString } from 'uint8arrays/to-string'
import { type PeerId, PUBLIC_KEY_BYTES } from './ids.ts'

/** Identity multihash over the protobuf of an Ed25519 public key (libp2p peer-id specification). */
const PEER_ID_PREFIX = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20)

/** The peer id of a 32-byte Ed25519 public key. */
export function peerIdFromPublicKey(publicKey: Uint8Array): PeerId {
  return asString(peerIdBytes(publicKey), 'base58btc') as PeerId
}

/** The 38 bytes of a peer id's multihash, over which Kademlia hashes. */
export function peerIdBytes(publicKey: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(PEER_ID_PREFIX.length + PUBLIC_KEY_BYTES)
  bytes.set(PEER_ID_PREFIX)
  bytes.set(publicKey, PEER_ID_PREFIX.length)
  return bytes
}

/** The public key inside an Ed25519 peer id, or undefined when the text is no such id. */
export function publicKeyOf(text: string): Uint8Array | undefined {
  if (text.length < 40 || text.length > 64) return undefined
  let bytes: Uint8Array
  try {
    bytes = fromString(text, 'base58btc')
  } catch {
    return undefined
  }
  if (bytes.length !== PEER_ID_PREFIX.length + PUBLIC_KEY_BYTES) return undefined
  for (let i = 0; i < PEER_ID_PREFIX.length; i++) {
    if (bytes[i] !== PEER_ID_PREFIX[i]) return undefined
  }
  return bytes.slice(PEER_ID_PREFIX.length)
}

/** Parses the text of an Ed25519 peer id; undefined when it is none. */
export function parsePeerId(text: string): PeerId | undefined {
  return publicKeyOf(text) === undefined ? undefined : (text as PeerId)
}
