import { columnLength, longerShorts } from './columns.ts'
import { MESH_MEMBERS_MAX, RINGS } from './rings.ts'

/** Rows of a table are numbered below it. */
export const RING_ROWS_MAX = 65_536

/**
 * The living members of one table in the order of each ring, as rows: who comes and goes costs a
 * search and a shift, the neighbours of anybody a search. Deterministic and symmetric: who sees the
 * same members finds the same neighbours from either end.
 */
export class RingIndex {
  readonly #positionOf: (row: number, ring: number) => number
  readonly #rings: Uint16Array[] = Array.from({ length: RINGS }, () => new Uint16Array(0))
  #size = 0

  /** @param positionOf where a row stands on a ring */
  constructor(positionOf: (row: number, ring: number) => number) {
    this.#positionOf = positionOf
  }

  get size(): number {
    return this.#size
  }

  get allocatedBytes(): number {
    return this.#rings.reduce((sum, ring) => sum + ring.byteLength, 0)
  }

  add(row: number): void {
    for (let ring = 0; ring < RINGS; ring++) {
      let rows = this.#ring(ring)
      if (this.#size === rows.length) {
        rows = longerShorts(rows, columnLength(this.#size + 1))
        this.#rings[ring] = rows
      }
      const at = this.#placeOf(row, ring)
      rows.copyWithin(at + 1, at, this.#size)
      rows[at] = row
    }
    this.#size += 1
  }

  remove(row: number): void {
    for (let ring = 0; ring < RINGS; ring++) {
      const rows = this.#ring(ring)
      const at = this.#placeOf(row, ring)
      rows.copyWithin(at, at + 1, this.#size)
    }
    this.#size -= 1
  }

  /**
   * The living that `row`, living or not, should hold links with: all in order of rows when they are
   * few, else its successor and its predecessor on each ring, without repetition.
   */
  neighbours(row: number): number[] {
    const rows = this.#ring(0)
    if (this.#size - (this.#has(row) ? 1 : 0) < MESH_MEMBERS_MAX) {
      const all = rows.slice(0, this.#size).sort()
      return [...all].filter((other) => other !== row)
    }
    const chosen: number[] = []
    for (let ring = 0; ring < RINGS; ring++) {
      const at = this.#placeOf(row, ring)
      const isIn = this.#ring(ring)[at] === row && at < this.#size
      for (const place of [isIn ? at + 1 : at, at - 1]) {
        const other = this.#ring(ring)[(place + this.#size) % this.#size] ?? 0
        if (!chosen.includes(other)) chosen.push(other)
      }
    }
    return chosen
  }

  /** Who stands at a place of the first ring, the places being counted from 0 round and round. */
  at(place: number): number | undefined {
    return this.#size === 0 ? undefined : this.#ring(0)[place % this.#size]
  }

  /** Where on the first ring whoever comes after a row stands, the row living or not. */
  placeAfter(row: number): number {
    return this.#placeOf(row, 0) + (this.#has(row) ? 1 : 0)
  }

  /** So many rows are going to be added. */
  reserve(length: number): void {
    for (const [ring, rows] of this.#rings.entries()) {
      if (rows.length < length) this.#rings[ring] = longerShorts(rows, length)
    }
  }

  #has(row: number): boolean {
    const at = this.#placeOf(row, 0)
    return at < this.#size && this.#ring(0)[at] === row
  }

  /** Where on a ring a row is, or would be put: rows of one position stand in their own order. */
  #placeOf(row: number, ring: number): number {
    const rows = this.#ring(ring)
    const position = this.#positionOf(row, ring)
    let low = 0
    let high = this.#size
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = rows[middle] ?? 0
      const step = this.#positionOf(other, ring) - position || other - row
      if (step < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #ring(ring: number): Uint16Array {
    return this.#rings[ring] ?? new Uint16Array(0)
  }
}
