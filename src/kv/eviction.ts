import { Heap } from '../base/heap.ts'
import { compareDistance } from './ring.ts'

/** Stale heap places tolerated beyond the number of entries. */
const HEAP_SLACK = 1_024

/** What the order needs to know of an entry. */
export interface Evictable {
  /** Place in the key space. */
  readonly id: Uint8Array
  /** Whether it waits in the order. */
  isQueued: boolean
  /** False once the store forgot it. */
  isHeld: boolean
}

/**
 * Entries that may be evicted, farthest from us first: those that other members are closer to. An
 * entry that came back into range, or is gone, is skipped when its turn comes.
 */
export class EvictionOrder<Entry extends Evictable> {
  readonly #selfId: Uint8Array
  readonly #isInRange: (id: Uint8Array) => boolean
  #heap: Heap<Entry>

  constructor(selfId: Uint8Array, isInRange: (id: Uint8Array) => boolean) {
    this.#selfId = selfId
    this.#isInRange = isInRange
    this.#heap = this.#empty()
  }

  /** @param entries all entries of the store, to rebuild from when too many places are stale */
  add(entry: Entry, entries: { readonly size: number; values(): Iterable<Entry> }): void {
    if (entry.isQueued) return
    if (this.#heap.size > entries.size + HEAP_SLACK) {
      this.#heap = this.#empty()
      for (const other of entries.values()) if (other.isQueued) this.#heap.push(other)
    }
    entry.isQueued = true
    this.#heap.push(entry)
  }

  /** Takes the farthest entry, unless it is closer to us than `unlessCloserThan`. */
  take(unlessCloserThan: Uint8Array | undefined): Entry | undefined {
    for (;;) {
      const top = this.#heap.peek()
      if (top === undefined) return undefined
      const isEvictable = top.isHeld && !this.#isInRange(top.id)
      const isFarEnough =
        unlessCloserThan === undefined ||
        compareDistance(this.#selfId, top.id, unlessCloserThan) > 0
      if (isEvictable && !isFarEnough) return undefined
      this.#heap.pop()
      top.isQueued = false
      if (isEvictable) return top
    }
  }

  #empty(): Heap<Entry> {
    return new Heap<Entry>((a, b) => compareDistance(this.#selfId, a.id, b.id) > 0)
  }
}
