import { concatBytes } from '../base/bytes.ts'
import { Writer } from '../base/codec.ts'
import { sha256 } from '../base/hash.ts'

/** Successor and predecessor in each: eight links per member (Rapid, ATC 2018, §4.1). */
export const RINGS = 4
/** Up to this many members, this node included, everybody links with everybody. */
export const MESH_MEMBERS_MAX = 9
const POSITION_BYTES = 6

/** Where a member stands on each ring: integers below 2^48. */
type RingPositions = readonly number[]

/** Positions of a public key; the network's name salts them, so that ids cannot be ground for all. */
export function ringPositions(network: string, publicKey: Uint8Array): RingPositions {
  const salt = new Writer().text('hearsay-overlay-1').text(network).finish()
  const hash = sha256(concatBytes([salt, publicKey]))
  const view = new DataView(hash.buffer, hash.byteOffset)
  const positions: number[] = []
  for (let ring = 0; ring < RINGS; ring++) {
    const at = ring * POSITION_BYTES
    positions.push(view.getUint32(at) * 2 ** 16 + view.getUint16(at + 4))
  }
  return positions
}
