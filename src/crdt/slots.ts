import { present } from '../base/assert.ts'

/** "No slot". */
export const NO_SLOT = -1
/** Dots of one page: the unit in which a writer's live dots are found and counted. */
const PAGE_DOTS = 1024
/** Dots of one block: the unit in which slots are given out. Small, so that lone survivors cost little. */
const BLOCK_DOTS = 64
const BLOCKS_PER_PAGE = PAGE_DOTS / BLOCK_DOTS
/** Columns are cut into pieces of this many slots: growing never copies more. */
const PIECE_BITS = 14
const PIECE_SLOTS = 1 << PIECE_BITS
const PIECE_MASK = PIECE_SLOTS - 1

interface Page {
  /** Block number of each 64 dots, −1 where none lives. */
  readonly blocks: Int32Array
  live: number
}

/** One writer's live dots. */
export interface WriterPages {
  readonly pages: Map<number, Page>
  lastNumber: number
  last: Page | undefined
}

export function writerPages(): WriterPages {
  return { pages: new Map(), lastNumber: -1, last: undefined }
}

/**
 * Where live entries lie: a slot for each live dot, found from the dot by page and block, and back. Slots of
 * 64 neighbouring dots lie together, so a dot needs no column of its own. Columns: the record's position in
 * the arena and the next slot of a chain.
 */
export class Slots {
  readonly #records: Uint32Array[] = []
  readonly #next: Int32Array[] = []
  #blocks = 0
  #blockWriter = new Int32Array(1)
  #blockBase = new Float64Array(1)
  #liveLow = new Int32Array(1)
  #liveHigh = new Int32Array(1)
  readonly #free: number[] = []
  #count = 0

  /** Live dots. */
  get count(): number {
    return this.#count
  }

  /** The slot of a live dot, or NO_SLOT. */
  find(writer: WriterPages, n: number): number {
    const index = n - 1
    const page = pageAt(writer, Math.floor(index / PAGE_DOTS))
    if (page === undefined) return NO_SLOT
    const inPage = index % PAGE_DOTS
    const block = page.blocks[inPage >>> 6] ?? -1
    if (block < 0) return NO_SLOT
    const bit = inPage & 63
    const word = bit < 32 ? this.#liveLow[block] : this.#liveHigh[block]
    return (((word ?? 0) >>> (bit & 31)) & 1) === 1 ? block * BLOCK_DOTS + bit : NO_SLOT
  }

  /** Makes a dot live. @param id the writer's index @returns its slot, whose columns the caller fills */
  insert(writer: WriterPages, id: number, n: number): number {
    const index = n - 1
    const number = Math.floor(index / PAGE_DOTS)
    let page = pageAt(writer, number)
    if (page === undefined) {
      page = { blocks: new Int32Array(BLOCKS_PER_PAGE).fill(-1), live: 0 }
      writer.pages.set(number, page)
      writer.lastNumber = number
      writer.last = page
    }
    const inPage = index % PAGE_DOTS
    let block = page.blocks[inPage >>> 6] ?? -1
    if (block < 0) {
      block = this.#newBlock(id, n - 1 - (inPage & 63))
      page.blocks[inPage >>> 6] = block
    }
    const bit = inPage & 63
    if (bit < 32) this.#liveLow[block] = (this.#liveLow[block] ?? 0) | (1 << bit)
    else this.#liveHigh[block] = (this.#liveHigh[block] ?? 0) | (1 << (bit & 31))
    page.live += 1
    this.#count += 1
    return block * BLOCK_DOTS + bit
  }

  /** Ends a live dot. */
  remove(writer: WriterPages, slot: number): void {
    const block = slot >>> 6
    const bit = slot & 63
    if (bit < 32) this.#liveLow[block] = (this.#liveLow[block] ?? 0) & ~(1 << bit)
    else this.#liveHigh[block] = (this.#liveHigh[block] ?? 0) & ~(1 << (bit & 31))
    this.#count -= 1
    const base = this.#blockBase[block] ?? 0
    const number = Math.floor(base / PAGE_DOTS)
    const page = present(pageAt(writer, number), 'page of a live dot')
    page.live -= 1
    if (this.#liveLow[block] === 0 && this.#liveHigh[block] === 0) {
      page.blocks[(base % PAGE_DOTS) >>> 6] = -1
      this.#free.push(block)
    }
    if (page.live === 0) {
      writer.pages.delete(number)
      if (writer.lastNumber === number) {
        writer.lastNumber = -1
        writer.last = undefined
      }
    }
  }

  /** Index of the writer of a live slot's dot. */
  writerOf(slot: number): number {
    return this.#blockWriter[slot >>> 6] ?? -1
  }

  /** The number of a live slot's dot. */
  dotOf(slot: number): number {
    return (this.#blockBase[slot >>> 6] ?? 0) + (slot & 63) + 1
  }

  recordOf(slot: number): number {
    return this.#records[slot >>> PIECE_BITS]?.[slot & PIECE_MASK] ?? 0
  }

  setRecord(slot: number, position: number): void {
    const piece = this.#records[slot >>> PIECE_BITS]
    if (piece !== undefined) piece[slot & PIECE_MASK] = position
  }

  nextOf(slot: number): number {
    return this.#next[slot >>> PIECE_BITS]?.[slot & PIECE_MASK] ?? NO_SLOT
  }

  setNext(slot: number, next: number): void {
    const piece = this.#next[slot >>> PIECE_BITS]
    if (piece !== undefined) piece[slot & PIECE_MASK] = next
  }

  /**
   * Visits a writer's live dots in order, from `from` up to and including `to`.
   * @param visit false ends the walk @returns the last n looked at
   */
  walk(
    writer: WriterPages,
    from: number,
    to: number,
    visit: (slot: number, n: number) => boolean,
  ): number {
    const first = Math.floor((from - 1) / PAGE_DOTS)
    const last = Math.floor((to - 1) / PAGE_DOTS)
    // Few pages over a long history: look at those that exist, in order.
    const numbers: number[] = []
    if (last - first >= writer.pages.size) {
      for (const number of writer.pages.keys()) {
        if (number >= first && number <= last) numbers.push(number)
      }
      numbers.sort((a, b) => a - b)
    } else {
      for (let number = first; number <= last; number++) {
        if (writer.pages.has(number)) numbers.push(number)
      }
    }
    for (const number of numbers) {
      const page = present(writer.pages.get(number), 'page')
      for (let part = 0; part < BLOCKS_PER_PAGE; part++) {
        const block = page.blocks[part] ?? -1
        if (block < 0) continue
        const base = number * PAGE_DOTS + part * BLOCK_DOTS
        const low = this.#liveLow[block] ?? 0
        const high = this.#liveHigh[block] ?? 0
        for (let bit = 0; bit < BLOCK_DOTS; bit++) {
          if ((((bit < 32 ? low : high) >>> (bit & 31)) & 1) === 0) continue
          const n = base + bit + 1
          if (n < from) continue
          if (n > to) return to
          if (!visit(block * BLOCK_DOTS + bit, n)) return n
        }
      }
    }
    return to
  }

  /** Bytes of the columns. */
  get allocatedBytes(): number {
    let bytes = this.#blockWriter.length * (4 + 8 + 4 + 4)
    for (const piece of this.#records) bytes += piece.byteLength * 2
    return bytes
  }

  #newBlock(writer: number, base: number): number {
    let block = this.#free.pop()
    if (block === undefined) {
      block = this.#blocks
      this.#blocks += 1
      if (block >= this.#blockWriter.length) this.#growBlocks()
      this.#growColumns(this.#blocks * BLOCK_DOTS)
    }
    this.#blockWriter[block] = writer
    this.#blockBase[block] = base
    this.#liveLow[block] = 0
    this.#liveHigh[block] = 0
    return block
  }

  #growBlocks(): void {
    const size = this.#blockWriter.length * 2
    const grow = <T extends Int32Array | Float64Array>(old: T, fresh: T): T => {
      fresh.set(old)
      return fresh
    }
    this.#blockWriter = grow(this.#blockWriter, new Int32Array(size))
    this.#blockBase = grow(this.#blockBase, new Float64Array(size))
    this.#liveLow = grow(this.#liveLow, new Int32Array(size))
    this.#liveHigh = grow(this.#liveHigh, new Int32Array(size))
  }

  /** The last piece grows by doubling up to its full size; full ones stay as they are. */
  #growColumns(slots: number): void {
    const piece = (slots - 1) >>> PIECE_BITS
    const needed = ((slots - 1) & PIECE_MASK) + 1
    const old = this.#records[piece]
    if (old !== undefined && old.length >= needed) return
    const isFirst = piece === 0
    const size = isFirst ? Math.max(BLOCK_DOTS, Math.min(PIECE_SLOTS, needed * 2)) : PIECE_SLOTS
    const records = new Uint32Array(size)
    const next = new Int32Array(size)
    if (old !== undefined) {
      records.set(old)
      next.set(present(this.#next[piece], 'column'))
    }
    this.#records[piece] = records
    this.#next[piece] = next
  }
}

function pageAt(writer: WriterPages, number: number): Page | undefined {
  if (writer.lastNumber === number) return writer.last
  const page = writer.pages.get(number)
  if (page === undefined) return undefined
  writer.lastNumber = number
  writer.last = page
  return page
}
