import { compareBytes } from '../base/bytes.ts'
import { sha256 } from '../base/hash.ts'
import type { PeerId } from '../base/ids.ts'
import { peerIdBytes } from '../base/peer-id.ts'
import type { KvMember } from './kv-contract.ts'

/** A member with its place in the key space: SHA-256 of its peer id's multihash. */
export interface RingMember extends KvMember {
  readonly id: Uint8Array
}

/** Where a peer stands in the key space, as Kademlia places it. */
export function placeOf(publicKey: Uint8Array): Uint8Array {
  return sha256(peerIdBytes(publicKey))
}

/**
 * One view of the members, in the order of their places. Sorted places are an implicit binary trie:
 * every prefix is a range, so the members closest by XOR are found by descending first into the half
 * that shares the target's bit, O(n log members) for n of them.
 */
export class Ring {
  readonly #sorted: readonly RingMember[]
  readonly #byPeer: ReadonlyMap<PeerId, RingMember>

  /** @param before the view before, whose places are reused: hashing is the costly part */
  constructor(members: readonly KvMember[], before?: Ring) {
    const byPeer = new Map<PeerId, RingMember>()
    for (const { peerId, publicKey, isSuspect } of members) {
      const id = before?.member(peerId)?.id ?? placeOf(publicKey)
      byPeer.set(peerId, { peerId, publicKey, isSuspect, id })
    }
    this.#byPeer = byPeer
    this.#sorted = [...byPeer.values()].sort((a, b) => compareBytes(a.id, b.id))
  }

  get size(): number {
    return this.#sorted.length
  }

  member(peer: PeerId): RingMember | undefined {
    return this.#byPeer.get(peer)
  }

  members(): readonly RingMember[] {
    return this.#sorted
  }

  /** Whether both views hold the same peers, whatever their states. */
  hasSamePeers(other: Ring): boolean {
    if (other.size !== this.size) return false
    for (const peer of this.#byPeer.keys()) if (!other.#byPeer.has(peer)) return false
    return true
  }

  /** The `count` members (or all) closest to `target`, closest first. */
  closest(target: Uint8Array, count: number): RingMember[] {
    const found: RingMember[] = []
    this.#collect({ low: 0, high: this.#sorted.length, bit: 0 }, target, count, found)
    return found
  }

  #collect(range: Range, target: Uint8Array, count: number, found: RingMember[]): void {
    const { low, high, bit } = range
    if (low >= high || found.length >= count) return
    const only = this.#sorted[low]
    if (high - low === 1 && only !== undefined) {
      found.push(only)
      return
    }
    const split = this.#firstWithBit(range)
    const near = { low, high: split, bit: bit + 1 }
    const far = { low: split, high, bit: bit + 1 }
    const isSet = bitAt(target, bit) === 1
    this.#collect(isSet ? far : near, target, count, found)
    this.#collect(isSet ? near : far, target, count, found)
  }

  #firstWithBit({ low, high, bit }: Range): number {
    let from = low
    let to = high
    while (from < to) {
      const middle = (from + to) >>> 1
      const member = this.#sorted[middle]
      if (member !== undefined && bitAt(member.id, bit) === 1) to = middle
      else from = middle + 1
    }
    return from
  }
}

/** Members `low` … `high − 1` of the sorted list share their first `bit` bits. */
interface Range {
  readonly low: number
  readonly high: number
  readonly bit: number
}

function bitAt(bytes: Uint8Array, bit: number): number {
  return ((bytes[bit >>> 3] ?? 0) >>> (7 - (bit & 7))) & 1
}

/** Order of `a` and `b` by XOR distance from `origin`: negative when `a` is closer. */
export function compareDistance(origin: Uint8Array, a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < origin.length; i++) {
    const at = origin[i] ?? 0
    const difference = ((a[i] ?? 0) ^ at) - ((b[i] ?? 0) ^ at)
    if (difference !== 0) return difference
  }
  return 0
}
