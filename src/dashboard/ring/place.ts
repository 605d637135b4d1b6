import { sha256 } from '@noble/hashes/sha2.js'

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
/** Longer than any peer id: what follows is not looked at. */
const LENGTH_MAX = 128

/** Where somebody or something stands in the key space: 32 bytes. */
export type Place = Uint8Array

/** A member's place: SHA-256 of its peer id's bytes. Undefined for a text that is no peer id. */
export function memberPlace(peerId: string): Place | undefined {
  const bytes = base58(peerId)
  return bytes === undefined ? undefined : sha256(bytes)
}

/** The place of a key that every member may write. */
export function keyPlace(key: string): Place {
  return sha256(new TextEncoder().encode(`/k/${key}`))
}

/** A place as a share of the whole ring, 0 … 1. */
export function turnOf(place: Place): number {
  return new DataView(place.buffer, place.byteOffset).getUint32(0) / 2 ** 32
}

/** The members closest to a key by XOR, the closest first: they hold its value. */
export function replicaSet(
  places: ReadonlyMap<string, Place>,
  target: Place,
  count: number,
): readonly string[] {
  const ordered = [...places].sort(([, a], [, b]) => compareDistance(target, a, b))
  return ordered.slice(0, count).map(([peerId]) => peerId)
}

function compareDistance(origin: Place, a: Place, b: Place): number {
  for (const [index, byte] of origin.entries()) {
    const difference = ((a[index] ?? 0) ^ byte) - ((b[index] ?? 0) ^ byte)
    if (difference !== 0) return difference
  }
  return 0
}

/** Bytes of a base58btc text; undefined when it is none. */
function base58(text: string): Uint8Array | undefined {
  if (text === '' || text.length > LENGTH_MAX) return undefined
  const bytes: number[] = []
  for (const character of text) {
    let carry = ALPHABET.indexOf(character)
    if (carry < 0) return undefined
    for (const [index, byte] of bytes.entries()) {
      carry += byte * 58
      bytes[index] = carry & 0xff
      carry >>= 8
    }
    while (carry > 0) {
      bytes.push(carry & 0xff)
      carry >>= 8
    }
  }
  for (const character of text) {
    if (character !== '1') break
    bytes.push(0)
  }
  return Uint8Array.from(bytes.reverse())
}
