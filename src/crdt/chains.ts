/** "No slot". */
export const NO_SLOT = -1

/** Slots of one column, as a power of two. */
const COLUMN_BITS = 10
const COLUMN_SLOTS = 1 << COLUMN_BITS
const COLUMN_MASK = COLUMN_SLOTS - 1
/** What a column begins with, so that a small group stays small. */
const COLUMN_SLOTS_MIN = 64

interface Column {
  next: Int32Array
  /** Slots here that have a next one. */
  linked: number
}

/**
 * The next slot of the chain that a slot is part of. Most slots are alone in theirs: only parts that have
 * others take room.
 */
export class Chains {
  readonly #columns: (Column | undefined)[] = []
  #bytes = 0
  /** One that is not needed any more, for the next that is: a set's first elements are chained for a moment. */
  #spare: Column | undefined

  get allocatedBytes(): number {
    return this.#bytes
  }

  nextOf(slot: number): number {
    const column = this.#columns[slot >>> COLUMN_BITS]
    return column === undefined ? NO_SLOT : (column.next[slot & COLUMN_MASK] ?? NO_SLOT)
  }

  setNext(slot: number, next: number): void {
    const number = slot >>> COLUMN_BITS
    let column = this.#columns[number]
    if (column === undefined) {
      if (next === NO_SLOT) return
      column = this.#newColumn(number)
    }
    const at = slot & COLUMN_MASK
    if (at >= column.next.length) {
      if (next === NO_SLOT) return
      this.#widen(column, at + 1)
    }
    const before = column.next[at]
    column.next[at] = next
    if (next !== NO_SLOT) {
      if (before === NO_SLOT) column.linked += 1
      return
    }
    if (before === NO_SLOT) return
    column.linked -= 1
    if (column.linked > 0) return
    this.#columns[number] = undefined
    this.#bytes -= (this.#spare?.next.length ?? 0) * 4
    this.#spare = column
  }

  #newColumn(number: number): Column {
    const column = this.#spare ?? { next: new Int32Array(0), linked: 0 }
    this.#spare = undefined
    // Without holes, which would cost each look-up a look at the prototype.
    while (this.#columns.length < number) this.#columns.push(undefined)
    this.#columns[number] = column
    return column
  }

  #widen(column: Column, slots: number): void {
    let size = Math.max(COLUMN_SLOTS_MIN, column.next.length)
    while (size < slots) size *= 2
    const wide = new Int32Array(size).fill(NO_SLOT)
    wide.set(column.next)
    this.#bytes += (size - column.next.length) * 4
    column.next = wide
  }
}
