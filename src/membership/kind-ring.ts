import { RingIndex } from './ring-index.ts'
import { isLive, type Row } from './row.ts'

/** The living members of one kind in the order of each ring; the ring of all is lent while all are of the kind. */
export class KindRing {
  readonly #living: RingIndex
  readonly #positionOf: (row: number, ring: number) => number
  readonly #rows: () => Iterable<Row>
  readonly #isOf: (row: Row) => boolean
  /** Undefined while all that live are of the kind. */
  #own: RingIndex | undefined
  /** How many live that are not. */
  #others = 0

  /** @param options.living all that live, told of changes before this one @param options.rows all of the table */
  constructor(options: {
    readonly living: RingIndex
    readonly positionOf: (row: number, ring: number) => number
    readonly rows: () => Iterable<Row>
    readonly isOf: (row: Row) => boolean
  }) {
    this.#living = options.living
    this.#positionOf = options.positionOf
    this.#rows = options.rows
    this.#isOf = options.isOf
  }

  get ring(): RingIndex {
    return this.#own ?? this.#living
  }

  get allocatedBytes(): number {
    return this.#own?.allocatedBytes ?? 0
  }

  /** A row begins or ceases to live. */
  live(row: Row, lives: boolean): void {
    if (this.#isOf(row)) this.#move(row, lives)
    else this.#count(lives ? 1 : -1)
  }

  /** A living row was of the kind, or was not, and now is as it was not. */
  changed(row: Row): void {
    const isOf = this.#isOf(row)
    // Before the ring is made anew, which would have it already or no more.
    if (!isOf) this.#move(row, false)
    this.#count(isOf ? -1 : 1)
    if (isOf) this.#move(row, true)
  }

  /** What the kind is has changed. */
  reset(): void {
    this.#others = 0
    for (const row of this.#rows()) if (isLive(row) && !this.#isOf(row)) this.#others += 1
    this.#own = this.#others === 0 ? undefined : this.#made()
  }

  #count(change: 1 | -1): void {
    this.#others += change
    if (this.#others === 0) this.#own = undefined
    else if (this.#own === undefined) this.#own = this.#made()
  }

  #move(row: Row, lives: boolean): void {
    if (lives) this.#own?.add(row.index)
    else this.#own?.remove(row.index)
  }

  #made(): RingIndex {
    const ring = new RingIndex(this.#positionOf)
    for (const row of this.#rows()) if (isLive(row) && this.#isOf(row)) ring.add(row.index)
    return ring
  }
}
