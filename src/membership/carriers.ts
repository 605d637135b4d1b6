import type { PeerId } from '../base/ids.ts'
import { RingIndex } from './ring-index.ts'
import { isLive, type Row } from './row.ts'

/**
 * The living members that hold the overlay together: all but observers. Nothing comes by an observer, so that
 * the others must be linked among themselves: an observer has neighbours, and is nobody's.
 */
export class Carriers {
  readonly #living: RingIndex
  readonly #positionOf: (row: number, ring: number) => number
  #observers: ReadonlySet<PeerId> = new Set()
  /** Undefined until there is an observer: all that live are carriers then. */
  #ring: RingIndex | undefined

  constructor(living: RingIndex, positionOf: (row: number, ring: number) => number) {
    this.#living = living
    this.#positionOf = positionOf
  }

  get ring(): RingIndex {
    return this.#ring ?? this.#living
  }

  get allocatedBytes(): number {
    return this.#ring?.allocatedBytes ?? 0
  }

  isObserver({ peerId }: { readonly peerId: PeerId }): boolean {
    return this.#observers.has(peerId)
  }

  /** A row begins or ceases to live. */
  live(row: Row, lives: boolean): void {
    if (this.isObserver(row)) return
    if (lives) this.#ring?.add(row.index)
    else this.#ring?.remove(row.index)
  }

  /** @returns whether that changes anything. @param rows all of the table */
  setObservers(peers: ReadonlySet<PeerId>, rows: readonly Row[]): boolean {
    const changed = rows.filter((row) => peers.has(row.peerId) !== this.isObserver(row))
    this.#observers = peers
    if (this.#ring !== undefined) {
      for (const row of changed.filter(isLive)) {
        if (peers.has(row.peerId)) this.#ring.remove(row.index)
        else this.#ring.add(row.index)
      }
    } else if (peers.size > 0) {
      this.#ring = new RingIndex(this.#positionOf)
      for (const row of rows) if (isLive(row)) this.live(row, true)
    }
    return changed.length > 0
  }
}
