import type { Millis } from '../base/core.ts'
import { compareDistance, type RingMember } from './ring.ts'

/** So long the members found by a search count: as long as a routing table is wrong after a change. */
export const REGION_MS: Millis = 60_000
/** Regions remembered; the oldest goes first. */
const REGIONS_MAX = 1_024
const ID_BITS = 256

/** Members around a prefix of the key space. */
interface Region {
  readonly members: readonly RingMember[]
  readonly until: Millis
}

/**
 * What searches found, by prefix. The members closest to one id are also those of its neighbours: of all
 * members that share a prefix with it none is missing, if some were found that do not share it, for those
 * are farther away. So the longest prefix shared by as many members as a record has replicas names a region
 * whose replicas are all known.
 */
export class Regions {
  readonly #replication: number
  readonly #regions = new Map<string, Region>()
  /** Lengths of the prefixes that were ever used. */
  readonly #lengths = new Set<number>()

  constructor(replication: number) {
    this.#replication = replication
  }

  /**
   * @param found the members closest to an id, as a search found them
   * @param self this node, which its own searches do not find
   */
  note(id: Uint8Array, found: readonly RingMember[], self: RingMember, now: Millis): void {
    const bits = this.#regionBits(id, found)
    const name = nameOf(id, bits)
    this.#regions.delete(name)
    this.#regions.set(name, { members: [...found, self], until: now + REGION_MS })
    this.#lengths.add(bits)
    if (this.#regions.size <= REGIONS_MAX) return
    for (const oldest of this.#regions.keys()) {
      this.#regions.delete(oldest)
      return
    }
  }

  /** The `count` members closest to an id, as far as they are known; undefined: nothing is. */
  closest(id: Uint8Array, count: number, now: Millis): RingMember[] | undefined {
    for (const bits of this.#lengths) {
      const region = this.#regions.get(nameOf(id, bits))
      if (region === undefined || region.until <= now) continue
      return region.members.toSorted((a, b) => compareDistance(id, a.id, b.id)).slice(0, count)
    }
    return undefined
  }

  /** Length of the prefix of an id whose region these members describe. */
  #regionBits(id: Uint8Array, found: readonly RingMember[]): number {
    const shared = found.map((member) => sharedBits(id, member.id)).sort((a, b) => b - a)
    const bits = shared[this.#replication - 1]
    const isBounded = bits !== undefined && (shared.at(-1) ?? bits) < bits
    return isBounded ? bits : ID_BITS
  }
}

/** Leading bits that two ids have in common. */
function sharedBits(a: Uint8Array, b: Uint8Array): number {
  for (const [i, byte] of a.entries()) {
    const difference = byte ^ (b[i] ?? 0)
    if (difference !== 0) return 8 * i + Math.clz32(difference) - 24
  }
  return ID_BITS
}

function nameOf(id: Uint8Array, bits: number): string {
  let name = `${bits}:`
  for (let i = 0; i < bits; i += 8) {
    const kept = Math.min(8, bits - i)
    name += String.fromCharCode((id[i >>> 3] ?? 0) >>> (8 - kept))
  }
  return name
}
