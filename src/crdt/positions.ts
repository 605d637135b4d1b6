import { present } from '../base/assert.ts'
import { CHUNK_BITS, CHUNKS_MAX } from './arena.ts'

/** Slots of one block, as a power of two: they share the number of the chunk that their records lie in. */
export const BLOCK_BITS = 6
export const BLOCK_SLOTS: number = 1 << BLOCK_BITS
/** Columns are cut into pieces of this many slots: growing never copies more. */
export const PIECE_BITS = 14
export const PIECE_SLOTS: number = 1 << PIECE_BITS
const PIECE_MASK = PIECE_SLOTS - 1
const OFFSET_MASK = (1 << CHUNK_BITS) - 1
/** Instead of a chunk's number: none yet, or one for each slot. */
const NO_CHUNK = CHUNKS_MAX
const MANY_CHUNKS = CHUNKS_MAX + 1

interface Piece {
  /** Of each slot: where in its chunk the record begins. */
  readonly offsets: Uint16Array
  /** Of each block. */
  readonly chunks: Uint16Array
}

/**
 * The position of each slot's record: two bytes a slot, as those of neighbouring dots mostly lie in one chunk.
 * Blocks where they do not have a column of chunk numbers.
 */
export class Positions {
  readonly pieces: Piece[] = []
  /** By block. */
  readonly spread: Map<number, Uint16Array> = new Map()

  /** Has room for slots up to a number. The first piece grows by doubling; the others have their full size. */
  grow(slots: number): void {
    const number = (slots - 1) >>> PIECE_BITS
    const old = this.pieces[number]
    if (old !== undefined && old.offsets.length >= slots - number * PIECE_SLOTS) return
    const fresh = newPiece(number > 0 ? PIECE_SLOTS : (old?.offsets.length ?? BLOCK_SLOTS / 2) * 2)
    if (old !== undefined) {
      fresh.offsets.set(old.offsets)
      fresh.chunks.set(old.chunks)
    }
    this.pieces[number] = fresh
  }

  at(slot: number): number {
    const { offsets, chunks } = this.#piece(slot)
    const at = slot & PIECE_MASK
    const chunk = chunks[at >>> BLOCK_BITS] ?? 0
    const offset = offsets[at] ?? 0
    return chunk === MANY_CHUNKS
      ? this.#spreadAt(slot, offset)
      : ((chunk << CHUNK_BITS) | offset) >>> 0
  }

  set(slot: number, position: number): void {
    const { offsets, chunks } = this.#piece(slot)
    const at = slot & PIECE_MASK
    const chunk = position >>> CHUNK_BITS
    const block = at >>> BLOCK_BITS
    const shared = chunks[block] ?? NO_CHUNK
    offsets[at] = position & OFFSET_MASK
    if (shared === chunk) return
    if (shared === NO_CHUNK) {
      chunks[block] = chunk
      return
    }
    let own = this.spread.get(slot >>> BLOCK_BITS)
    if (own === undefined) {
      own = new Uint16Array(BLOCK_SLOTS).fill(shared)
      this.spread.set(slot >>> BLOCK_BITS, own)
      chunks[block] = MANY_CHUNKS
    }
    own[slot & (BLOCK_SLOTS - 1)] = chunk
  }

  /** Looks whether the records of a block's live slots have come to lie in one chunk. @param low,high a bit each */
  unite(slot: number, low: number, high: number): void {
    const { chunks } = this.#piece(slot)
    const block = (slot & PIECE_MASK) >>> BLOCK_BITS
    if (chunks[block] !== MANY_CHUNKS) return
    const own = present(this.spread.get(slot >>> BLOCK_BITS), 'chunks')
    let shared = NO_CHUNK
    for (let i = 0; i < BLOCK_SLOTS; i++) {
      if ((((i < 32 ? low : high) >>> (i & 31)) & 1) === 0) continue
      if (shared !== NO_CHUNK && own[i] !== shared) return
      shared = own[i] ?? NO_CHUNK
    }
    chunks[block] = shared
    this.spread.delete(slot >>> BLOCK_BITS)
  }

  /** No slot of a block is live any more. */
  clear(slot: number): void {
    const { chunks } = this.#piece(slot)
    const block = (slot & PIECE_MASK) >>> BLOCK_BITS
    if (chunks[block] === MANY_CHUNKS) this.spread.delete(slot >>> BLOCK_BITS)
    chunks[block] = NO_CHUNK
  }

  #piece(slot: number): Piece {
    return present(this.pieces[slot >>> PIECE_BITS], 'columns')
  }

  #spreadAt(slot: number, offset: number): number {
    const own = present(this.spread.get(slot >>> BLOCK_BITS), 'chunks')
    const chunk = own[slot & (BLOCK_SLOTS - 1)] ?? 0
    return ((chunk << CHUNK_BITS) | offset) >>> 0
  }
}

function newPiece(slots: number): Piece {
  return {
    offsets: new Uint16Array(slots),
    chunks: new Uint16Array(slots >>> BLOCK_BITS).fill(NO_CHUNK),
  }
}
