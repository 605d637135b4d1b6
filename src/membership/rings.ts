import { concatBytes } from '../base/bytes.ts'
import { Writer } from '../base/codec.ts'
import { sha256 } from '../base/hash.ts'

/** Successor and predecessor in each: eight links per member (Rapid, ATC 2018, §4.1). */
export const RINGS = 4
/** Up to this many members, this node included, everybody links with everybody. */
export const MESH_MEMBERS_MAX = 9
const POSITION_BYTES = 6

/** Where a member stands on each ring: integers below 2^48. */
export type RingPositions = readonly number[]

/** Who takes part in the overlay. */
export interface RingMember {
  readonly rings: RingPositions
}

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

/**
 * The members that `self` should hold links with. Deterministic and symmetric: who sees the same
 * members finds the same links from either end. One pass over the members, nothing is sorted.
 *
 * @param members without `self`
 */
export function overlayOf<T extends RingMember>(self: RingMember, members: readonly T[]): Set<T> {
  if (members.length < MESH_MEMBERS_MAX) return new Set(members)
  const chosen = new Set<T>()
  for (let ring = 0; ring < RINGS; ring++) {
    const from = self.rings[ring] ?? 0
    const successor = nearest(members, (member) => distance(from, member.rings[ring] ?? 0))
    const predecessor = nearest(members, (member) => distance(member.rings[ring] ?? 0, from))
    if (successor !== undefined) chosen.add(successor)
    if (predecessor !== undefined) chosen.add(predecessor)
  }
  return chosen
}

/** Clockwise distance on a ring of 2^48. */
function distance(from: number, to: number): number {
  return to >= from ? to - from : to - from + 2 ** (8 * POSITION_BYTES)
}

function nearest<T>(members: readonly T[], measure: (member: T) => number): T | undefined {
  let best: T | undefined
  let least = Number.POSITIVE_INFINITY
  for (const member of members) {
    const length = measure(member)
    if (length < least) {
      best = member
      least = length
    }
  }
  return best
}
