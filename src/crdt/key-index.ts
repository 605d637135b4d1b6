import { present } from '../base/assert.ts'
import type { Records } from './records.ts'
import { NO_SLOT, type Slots } from './slots.ts'

/** A segment splits instead of growing beyond this: no insertion ever moves more keys. */
const SEGMENT_KEYS_MAX = 4096
const SEGMENT_KEYS_MIN = 16
/** Beyond this depth keys collide on purpose: their segment grows instead, and only its owner pays. */
const DEPTH_MAX = 20
/** Share of a segment that fills before it grows or splits; linear probing stays short below it. */
const FILL_MAX = 0.8

interface Segment {
  /** Pairs: a key's hash, its first slot + 1; 0 is free. Side by side, as they are looked at together. */
  cells: Int32Array
  count: number
  /** Keys that fit before it grows or splits. */
  room: number
  /** Leading hash bits that all keys of this segment share. */
  readonly depth: number
}

/**
 * Key → slot for one large object: extendible hashing (Fagin et al., TODS 1979) over segments with linear
 * probing, so that no single insertion pays for a rehash of everything. Keys stay in the records, their
 * hashes are kept: moving a key needs no look at it. Eight bytes a cell.
 */
export class KeyIndex {
  readonly #records: Records
  readonly #slots: Slots
  #directory: Segment[]
  #depth = 0
  #size = 0

  constructor(records: Records, slots: Slots) {
    this.#records = records
    this.#slots = slots
    this.#directory = [segment(SEGMENT_KEYS_MIN, 0)]
  }

  /** Distinct keys. */
  get size(): number {
    return this.#size
  }

  get allocatedBytes(): number {
    let bytes = this.#directory.length * 8
    for (const one of new Set(this.#directory)) bytes += one.cells.byteLength
    return bytes
  }

  /** The first slot under a key, or NO_SLOT. */
  find(hash: number, key: DataView, start: number, end: number): number {
    const { cells } = this.#segmentOf(hash)
    const mask = cells.length - 2
    for (let at = (hash << 1) & mask; ; at = (at + 2) & mask) {
      const slot = (cells[at + 1] ?? 0) - 1
      if (slot === NO_SLOT) return NO_SLOT
      if (cells[at] !== hash) continue
      if (this.#records.keyEquals(this.#slots.recordOf(slot), key, start, end)) return slot
    }
  }

  /**
   * Makes a slot the first under its key.
   * @returns the one that was, or NO_SLOT when the key is new
   */
  put(hash: number, slot: number, key: DataView, start: number, end: number): number {
    let target = this.#segmentOf(hash)
    const { cells } = target
    const mask = cells.length - 2
    let at = (hash << 1) & mask
    for (; ; at = (at + 2) & mask) {
      const before = (cells[at + 1] ?? 0) - 1
      if (before === NO_SLOT) break
      if (cells[at] !== hash) continue
      if (!this.#records.keyEquals(this.#slots.recordOf(before), key, start, end)) continue
      cells[at + 1] = slot + 1
      return before
    }
    this.#size += 1
    if (target.count < target.room) {
      cells[at] = hash
      cells[at + 1] = slot + 1
      target.count += 1
      return NO_SLOT
    }
    while (target.count >= target.room) {
      if (target.cells.length < SEGMENT_KEYS_MAX * 2 || target.depth >= DEPTH_MAX) grow(target)
      else this.#split(target, hash)
      target = this.#segmentOf(hash)
    }
    place(target, hash, slot + 1)
    return NO_SLOT
  }

  /**
   * Takes out a slot that is the first under its key.
   * @param next takes its place; NO_SLOT takes the key out @returns false when the slot is not the first
   */
  take(hash: number, slot: number, next: number): boolean {
    const target = this.#segmentOf(hash)
    const { cells } = target
    const mask = cells.length - 2
    let hole = (hash << 1) & mask
    for (; cells[hole + 1] !== slot + 1; hole = (hole + 2) & mask) {
      if (cells[hole + 1] === 0) return false
    }
    if (next !== NO_SLOT) {
      cells[hole + 1] = next + 1
      return true
    }
    // Backward shift: no tombstones, so lookups stay short however often keys come and go.
    for (let at = (hole + 2) & mask; ; at = (at + 2) & mask) {
      const entry = cells[at + 1] ?? 0
      if (entry === 0) break
      const own = cells[at] ?? 0
      const home = (own << 1) & mask
      if (((at - home) & mask) < ((at - hole) & mask)) continue
      cells[hole] = own
      cells[hole + 1] = entry
      hole = at
    }
    cells[hole] = 0
    cells[hole + 1] = 0
    target.count -= 1
    this.#size -= 1
    return true
  }

  /** Visits the first slot of every key. */
  each(visit: (slot: number) => void): void {
    let last: Segment | undefined
    for (const one of this.#directory) {
      if (one === last) continue
      last = one
      const { cells } = one
      for (let at = 1; at < cells.length; at += 2) {
        const entry = cells[at] ?? 0
        if (entry !== 0) visit(entry - 1)
      }
    }
  }

  #segmentOf(hash: number): Segment {
    const index = this.#depth === 0 ? 0 : hash >>> (32 - this.#depth)
    return present(this.#directory[index], 'segment')
  }

  #split(target: Segment, hash: number): void {
    if (target.depth === this.#depth) {
      const doubled: Segment[] = []
      for (const one of this.#directory) doubled.push(one, one)
      this.#directory = doubled
      this.#depth += 1
    }
    const depth = target.depth + 1
    const low = segment(SEGMENT_KEYS_MAX, depth)
    const high = segment(SEGMENT_KEYS_MAX, depth)
    const { cells } = target
    for (let at = 0; at < cells.length; at += 2) {
      const entry = cells[at + 1] ?? 0
      if (entry === 0) continue
      const own = cells[at] ?? 0
      place(((own >>> (32 - depth)) & 1) === 0 ? low : high, own, entry)
    }
    const span = 1 << (this.#depth - target.depth)
    const first = (hash >>> (32 - this.#depth)) & ~(span - 1)
    for (let i = 0; i < span; i++) this.#directory[first + i] = i < span / 2 ? low : high
  }
}

function segment(keys: number, depth: number): Segment {
  return { cells: new Int32Array(keys * 2), count: 0, room: Math.floor(keys * FILL_MAX), depth }
}

function grow(target: Segment): void {
  const old = target.cells
  target.cells = new Int32Array(old.length * 2)
  target.count = 0
  target.room = Math.floor(old.length * FILL_MAX)
  for (let at = 0; at < old.length; at += 2) {
    const entry = old[at + 1] ?? 0
    if (entry !== 0) place(target, old[at] ?? 0, entry)
  }
}

function place(target: Segment, hash: number, entry: number): void {
  const { cells } = target
  const mask = cells.length - 2
  let at = (hash << 1) & mask
  while (cells[at + 1] !== 0) at = (at + 2) & mask
  cells[at] = hash
  cells[at + 1] = entry
  target.count += 1
}
