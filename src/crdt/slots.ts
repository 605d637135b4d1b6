import { present } from '../base/assert.ts'
import { Chains, NO_SLOT } from './chains.ts'
import { BLOCK_BITS, BLOCK_SLOTS, PIECE_BITS, PIECE_SLOTS, Positions } from './positions.ts'

/** Dots of one page, as a power of two: the unit in which a writer's live dots are found and counted. */
const PAGE_BITS = 10
const PAGE_DOTS = 1 << PAGE_BITS
/** Dots of one block: the unit in which slots are given out. Small, so that lone survivors cost little. */
const BLOCK_DOTS = BLOCK_SLOTS
const BLOCKS_PER_PAGE = PAGE_DOTS / BLOCK_DOTS
const PIECE_MASK = PIECE_SLOTS - 1
/** How far {@link Slots.findAfter} looks. */
const NEAR_SLOTS = 16
/** Index columns of a piece by slot, live words and blocks. */
const WORD_BITS = 5
const WORD_DOTS = 1 << WORD_BITS

interface Page {
  /** Block number of each 64 dots, −1 where none lives. */
  readonly blocks: number[]
  live: number
}

/** One writer's live dots. */
export interface WriterPages {
  readonly pages: Map<number, Page>
  lastNumber: number
  last: Page | undefined
}

/** Columns of neighbouring slots. */
interface Piece {
  /** Of 32 slots each: which are live. */
  readonly live: Int32Array
  /** Of each block: index of its writer, the dot before its first. */
  readonly writers: Int32Array
  readonly bases: Float64Array
}

export function writerPages(): WriterPages {
  return { pages: new Map(), lastNumber: -1, last: undefined }
}

/**
 * Where live entries lie: a slot for each live dot, found from the dot by page and block, and back. Slots of
 * 64 neighbouring dots lie together, so a dot needs no column of its own.
 */
export class Slots {
  readonly chains: Chains = new Chains()
  readonly positions: Positions = new Positions()
  readonly pieces: Piece[] = []
  #blocks = 0
  readonly #free: number[] = []
  #count = 0

  /** Live dots. */
  get count(): number {
    return this.#count
  }

  /** The slot of a live dot, or NO_SLOT. */
  find(writer: WriterPages, n: number): number {
    const index = n - 1
    const number = pageNumber(index)
    const page = pageAt(writer, number)
    if (page === undefined) return NO_SLOT
    const inPage = index - number * PAGE_DOTS
    const block = page.blocks[inPage >>> BLOCK_BITS] ?? -1
    if (block < 0) return NO_SLOT
    const slot = block * BLOCK_DOTS + (inPage & (BLOCK_DOTS - 1))
    const word = this.#piece(slot).live[(slot & PIECE_MASK) >>> WORD_BITS] ?? 0
    return ((word >>> (slot & 31)) & 1) === 1 ? slot : NO_SLOT
  }

  /**
   * Makes a dot live.
   * @param id the writer's index @param record position of its record
   * @returns its slot, alone in its chain
   */
  insert(writer: WriterPages, id: number, n: number, record: number): number {
    const index = n - 1
    const number = pageNumber(index)
    const page = pageAt(writer, number) ?? newPage(writer, number)
    const inPage = index - number * PAGE_DOTS
    const bit = inPage & (BLOCK_DOTS - 1)
    let block = page.blocks[inPage >>> BLOCK_BITS] ?? -1
    if (block < 0) {
      block = this.#newBlock(id, index - bit)
      page.blocks[inPage >>> BLOCK_BITS] = block
    }
    const slot = block * BLOCK_DOTS + bit
    const { live } = this.#piece(slot)
    const word = (slot & PIECE_MASK) >>> WORD_BITS
    live[word] = (live[word] ?? 0) | (1 << (slot & 31))
    this.positions.set(slot, record)
    page.live += 1
    this.#count += 1
    return slot
  }

  /** Ends a live dot. */
  remove(writer: WriterPages, slot: number): void {
    const { live, bases } = this.#piece(slot)
    const block = (slot & PIECE_MASK) >>> BLOCK_BITS
    const word = (slot & PIECE_MASK) >>> WORD_BITS
    live[word] = (live[word] ?? 0) & ~(1 << (slot & 31))
    this.chains.setNext(slot, NO_SLOT)
    this.#count -= 1
    const base = bases[block] ?? 0
    const number = pageNumber(base)
    const page = present(pageAt(writer, number), 'page')
    page.live -= 1
    if (live[word] === 0 && live[word ^ 1] === 0) {
      page.blocks[(base - number * PAGE_DOTS) >>> BLOCK_BITS] = -1
      this.#free.push(slot >>> BLOCK_BITS)
      this.positions.clear(slot)
    }
    if (page.live > 0) return
    writer.pages.delete(number)
    writer.lastNumber = -1
    writer.last = undefined
  }

  /** Index of the writer of a live slot's dot. */
  writerOf(slot: number): number {
    return this.#piece(slot).writers[(slot & PIECE_MASK) >>> BLOCK_BITS] ?? -1
  }

  /** The number of a live slot's dot. */
  dotOf(slot: number): number {
    const base = this.#piece(slot).bases[(slot & PIECE_MASK) >>> BLOCK_BITS] ?? 0
    return base + (slot & (BLOCK_DOTS - 1)) + 1
  }

  /** The live slot among the next few after another one whose record lies at a position, or NO_SLOT. */
  findAfter(slot: number, record: number): number {
    const end = Math.min(slot + NEAR_SLOTS, this.#blocks * BLOCK_DOTS - 1)
    for (let near = slot + 1; near <= end; near++) {
      if (this.positions.at(near) !== record) continue
      const word = this.#piece(near).live[(near & PIECE_MASK) >>> WORD_BITS] ?? 0
      if (((word >>> (near & 31)) & 1) === 1) return near
    }
    return NO_SLOT
  }

  recordOf(slot: number): number {
    return this.positions.at(slot)
  }

  /** Has a live slot's record lie elsewhere. */
  setRecord(slot: number, position: number): void {
    this.positions.set(slot, position)
    const { live } = this.#piece(slot)
    const word = (slot & PIECE_MASK) >>> WORD_BITS
    const isLastOfWord = (live[word] ?? 0) >>> (slot & 31) === 1
    if (!isLastOfWord || ((word & 1) === 0 && live[word + 1] !== 0)) return
    // Who moves many moves those of a block in order: all of them may be in one place again.
    this.positions.unite(slot, live[word & ~1] ?? 0, live[word | 1] ?? 0)
  }

  /** The next slot of a chain, or NO_SLOT. */
  nextOf(slot: number): number {
    return this.chains.nextOf(slot)
  }

  setNext(slot: number, next: number): void {
    this.chains.setNext(slot, next)
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
    const first = pageNumber(from - 1)
    const last = pageNumber(to - 1)
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
        const start = block * BLOCK_DOTS
        const { live } = this.#piece(start)
        const word = (start & PIECE_MASK) >>> WORD_BITS
        const low = live[word] ?? 0
        const high = live[word + 1] ?? 0
        for (let bit = 0; bit < BLOCK_DOTS; bit++) {
          if ((((bit < 32 ? low : high) >>> (bit & 31)) & 1) === 0) continue
          const n = base + bit + 1
          if (n < from) continue
          if (n > to) return to
          if (!visit(start + bit, n)) return n
        }
      }
    }
    return to
  }

  /** Which of a writer's dots from … to live: a bit each, least first. Far cheaper than a walk. */
  liveBits(writer: WriterPages, from: number, to: number): Int32Array {
    const bits = new Int32Array(Math.ceil((to - from + 1) / WORD_DOTS))
    for (let number = pageNumber(from - 1); number <= pageNumber(to - 1); number++) {
      const page = writer.pages.get(number)
      if (page === undefined) continue
      for (let part = 0; part < BLOCKS_PER_PAGE; part++) {
        const block = page.blocks[part] ?? -1
        if (block < 0) continue
        const { live } = this.#piece(block * BLOCK_DOTS)
        const word = ((block * BLOCK_DOTS) & PIECE_MASK) >>> WORD_BITS
        const at = number * PAGE_DOTS + part * BLOCK_DOTS + 1 - from
        putBits(bits, at, live[word] ?? 0)
        putBits(bits, at + WORD_DOTS, live[word + 1] ?? 0)
      }
    }
    const beyond = bits.length * WORD_DOTS - (to - from + 1)
    if (beyond > 0) bits[bits.length - 1] = (bits.at(-1) ?? 0) & (-1 >>> beyond)
    return bits
  }

  #piece(slot: number): Piece {
    return present(this.pieces[slot >>> PIECE_BITS], 'columns')
  }

  #newBlock(writer: number, base: number): number {
    let block = this.#free.pop()
    if (block === undefined) {
      block = this.#blocks
      this.#blocks += 1
      this.#growColumns(this.#blocks * BLOCK_DOTS)
    }
    const { writers, bases } = this.#piece(block * BLOCK_DOTS)
    const at = ((block * BLOCK_DOTS) & PIECE_MASK) >>> BLOCK_BITS
    writers[at] = writer
    bases[at] = base
    return block
  }

  /** The first piece grows by doubling up to its full size; the others have it from the start. */
  #growColumns(slots: number): void {
    this.positions.grow(slots)
    const number = (slots - 1) >>> PIECE_BITS
    const old = this.pieces[number]
    if (old !== undefined && old.live.length * WORD_DOTS >= slots - number * PIECE_SLOTS) return
    const fresh = newPiece(number > 0 ? PIECE_SLOTS : (old?.live.length ?? 1) * WORD_DOTS * 2)
    if (old !== undefined) {
      fresh.live.set(old.live)
      fresh.writers.set(old.writers)
      fresh.bases.set(old.bases)
    }
    this.pieces[number] = fresh
  }
}

/** Sets 32 bits from a place on that may lie before the first bit or end behind the last. */
function putBits(bits: Int32Array, at: number, word: number): void {
  const first = Math.floor(at / WORD_DOTS)
  const shift = at - first * WORD_DOTS
  if (first >= 0 && first < bits.length) bits[first] = (bits[first] ?? 0) | (word << shift)
  if (shift === 0 || first + 1 < 0 || first + 1 >= bits.length) return
  bits[first + 1] = (bits[first + 1] ?? 0) | (word >>> (WORD_DOTS - shift))
}

function newPiece(slots: number): Piece {
  return {
    live: new Int32Array(slots >>> WORD_BITS),
    writers: new Int32Array(slots >>> BLOCK_BITS),
    bases: new Float64Array(slots >>> BLOCK_BITS),
  }
}

function newPage(writer: WriterPages, number: number): Page {
  // A third of what a typed array of so few would take.
  const page = { blocks: Array.from({ length: BLOCKS_PER_PAGE }, () => -1), live: 0 }
  writer.pages.set(number, page)
  writer.lastNumber = number
  writer.last = page
  return page
}

/** Shifts are faster than divisions and reach up to 31 bits. */
function pageNumber(index: number): number {
  return index <= 0x7fffffff ? index >>> PAGE_BITS : Math.floor(index / PAGE_DOTS)
}

function pageAt(writer: WriterPages, number: number): Page | undefined {
  if (writer.lastNumber === number) return writer.last
  const page = writer.pages.get(number)
  if (page === undefined) return undefined
  writer.lastNumber = number
  writer.last = page
  return page
}
