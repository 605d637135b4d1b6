import type { Group } from './group.ts'
import type { LoggedRun } from './group-log.ts'

const SLAB_BYTES = 16 << 10
/** Longer ones have a buffer of their own: what that costs is little beside them. */
const SHORT_BYTES = 1 << 10

/**
 * Puts bytes of short runs side by side, those of one group together: an ArrayBuffer each costs a lone write some
 * 200 bytes, and the collector a visit (measured). A group forgets its runs oldest first, so slabs go one by one;
 * one slab of all groups would be kept whole by the group that writes least.
 */
export class RunSlabs {
  readonly #byGroup = new WeakMap<Group, Slab>()

  keep(group: Group, runs: readonly LoggedRun[]): void {
    for (const run of runs) {
      if (run.bytes.length <= SHORT_BYTES) run.bytes = this.#of(group).keep(run.bytes)
    }
  }

  #of(group: Group): Slab {
    let slab = this.#byGroup.get(group)
    if (slab === undefined) {
      slab = new Slab()
      this.#byGroup.set(group, slab)
    }
    return slab
  }
}

class Slab {
  #bytes = new Uint8Array(0)
  #at = 0

  /** A copy that is never written again. */
  keep(bytes: Uint8Array): Uint8Array {
    if (this.#at + bytes.length > this.#bytes.length) {
      this.#bytes = new Uint8Array(SLAB_BYTES)
      this.#at = 0
    }
    const from = this.#at
    this.#bytes.set(bytes, from)
    this.#at += bytes.length
    return this.#bytes.subarray(from, this.#at)
  }
}
