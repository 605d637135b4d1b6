import { present } from '../base/assert.ts'
import { NO_SLOT } from './chains.ts'
import type { Records } from './records.ts'
import type { Slots } from './slots.ts'

/** A segment splits instead of growing beyond so many cells: no insertion ever moves more keys. */
export const SEGMENT_CELLS_MAX = 4096
const SEGMENT_CELLS_MIN = 16
/** Up to so many cells a segment grows by doubling: small ones grow seldom. Beyond it, by a quarter. */
const CELLS_DOUBLED_MAX = 128
/** Sizes are multiples of it. */
const CELLS_STEP = 8
/** Beyond this depth keys collide on purpose: their segment grows instead, and only its owner pays. */
export const DEPTH_MAX = 20
/** Share of a segment that fills before it grows or splits; linear probing stays short below it. */
const FILL_MAX = 0.8
/** What it is after that. */
const FILL_GROWN = 0.64
/** Share below which a segment shrinks: to {@link FILL_SHRUNK}, as keys that go are followed by more that go. */
const FILL_MIN = 0.6
const FILL_SHRUNK = 0.78

export interface Segment {
  /** Pairs: a key's hash, its first slot + 1; 0 is free. Side by side, as they are looked at together. */
  cells: Int32Array
  count: number
  /** Keys that fit before it grows or splits. */
  room: number
  /** Leading hash bits that all keys of this segment share. */
  readonly depth: number
}

/** Slots that an index will take in, see LoadedKeys: where there are none it knows nothing of how. */
export interface Deferral {
  add(hash: number, slot: number): void
  /** Takes out a slot that was added. @returns false, and does nothing, when it may be in the index already */
  dismiss(slot: number): boolean
  /** Has the index take in all of them; it has no deferral then. */
  settle(): void
  /** Has the index take in a part of them. @returns whether there is more */
  settleSome(): boolean
}

/**
 * Key → slot for one large object: extendible hashing (Fagin et al., TODS 1979) over segments with linear
 * probing, so that no single insertion pays for a rehash of everything. Keys stay in the records, their
 * hashes are kept: moving a key needs no look at it. Eight bytes a cell. A key's first cell is its hash's last
 * 16 bits scaled to the segment, which so may have any size.
 */
export class KeyIndex {
  readonly #records: Records
  readonly #slots: Slots
  /** By leading bits of hashes. */
  directory: Segment[]
  #depth = 0
  #size = 0
  /** Where {@link find} has last found none. */
  #free: Segment
  #freeAt = 0
  /** Keys that are to be taken in before anybody looks. */
  deferred: Deferral | undefined

  constructor(records: Records, slots: Slots) {
    this.#records = records
    this.#slots = slots
    this.#free = segment(SEGMENT_CELLS_MIN, 0)
    this.directory = [this.#free]
  }

  /** Distinct keys. */
  get size(): number {
    this.settle()
    return this.#size
  }

  /** The first slot under a key, or NO_SLOT; {@link putNew} can put the key then where the search ended. */
  find(hash: number, key: DataView, start: number, end: number): number {
    if (this.deferred !== undefined) this.settle()
    const target = this.segmentOf(hash)
    const { cells } = target
    for (let at = home(hash, cells); ; ) {
      const slot = (cells[at + 1] ?? 0) - 1
      if (slot === NO_SLOT) {
        this.#free = target
        this.#freeAt = at
        return NO_SLOT
      }
      if (cells[at] === hash) {
        if (this.#records.keyEquals(this.#slots.recordOf(slot), key, start, end)) return slot
      }
      at += 2
      if (at === cells.length) at = 0
    }
  }

  /** Makes a slot the first under the key of the last {@link find}, which has found none. Nothing has changed since. */
  putNew(hash: number, slot: number): void {
    this.fill(this.#free, this.#freeAt, hash, slot)
  }

  /**
   * Makes a slot the first under its key.
   * @returns the one that was, or NO_SLOT when the key is new
   */
  put(hash: number, slot: number, key: DataView, start: number, end: number): number {
    if (this.deferred !== undefined) this.settle()
    const target = this.segmentOf(hash)
    const { cells } = target
    for (let at = home(hash, cells); ; ) {
      const before = (cells[at + 1] ?? 0) - 1
      if (before === NO_SLOT) {
        this.fill(target, at, hash, slot)
        return NO_SLOT
      }
      if (cells[at] === hash) {
        if (this.#records.keyEquals(this.#slots.recordOf(before), key, start, end)) {
          cells[at + 1] = slot + 1
          return before
        }
      }
      at += 2
      if (at === cells.length) at = 0
    }
  }

  /**
   * Takes out a slot that is the first under its key.
   * @param next takes its place; NO_SLOT takes the key out @returns false when the slot is not the first
   */
  take(hash: number, slot: number, next: number): boolean {
    if (this.deferred !== undefined) this.settle()
    const target = this.segmentOf(hash)
    const { cells } = target
    const past = cells.length
    let hole = home(hash, cells)
    while (cells[hole + 1] !== slot + 1) {
      if (cells[hole + 1] === 0) return false
      hole += 2
      if (hole === past) hole = 0
    }
    if (next !== NO_SLOT) {
      cells[hole + 1] = next + 1
      return true
    }
    // Backward shift: no tombstones, so lookups stay short however often keys come and go.
    for (let at = hole; ; ) {
      at += 2
      if (at === past) at = 0
      const entry = cells[at + 1] ?? 0
      if (entry === 0) break
      const own = cells[at] ?? 0
      const first = home(own, cells)
      const isBetween = hole <= at ? hole < first && first <= at : hole < first || first <= at
      if (isBetween) continue
      cells[hole] = own
      cells[hole + 1] = entry
      hole = at
    }
    cells[hole] = 0
    cells[hole + 1] = 0
    target.count -= 1
    this.#size -= 1
    if (target.count * 2 < past * FILL_MIN && past > SEGMENT_CELLS_MIN * 2) {
      const cells = cellsFor(target.count, FILL_SHRUNK)
      if (cells * 2 < past) resize(target, cells)
    }
    return true
  }

  /** Takes in what was deferred. */
  settle(): void {
    this.deferred?.settle()
  }

  /** Visits the first slot of every key. */
  each(visit: (slot: number) => void): void {
    this.settle()
    let last: Segment | undefined
    for (const one of this.directory) {
      if (one === last) continue
      last = one
      const { cells } = one
      for (let at = 1; at < cells.length; at += 2) {
        const entry = cells[at] ?? 0
        if (entry !== 0) visit(entry - 1)
      }
    }
  }

  /** Whether it has no keys, those apart that are deferred. */
  get isEmpty(): boolean {
    return this.#size === 0
  }

  /** Puts segments in the place of its own, which are empty. @param depth of all of them */
  rebuild(segments: Segment[], depth: number): void {
    this.directory = segments
    this.#depth = depth
  }

  /** Puts a new key into the free cell that the search for it ended at, unless its segment is full. */
  fill(target: Segment, at: number, hash: number, slot: number): void {
    this.#size += 1
    if (target.count < target.room) {
      target.cells[at] = hash
      target.cells[at + 1] = slot + 1
      target.count += 1
    } else place(this.#roomier(target, hash), hash, slot + 1)
  }

  segmentOf(hash: number): Segment {
    const depth = this.#depth
    return present(this.directory[depth === 0 ? 0 : hash >>> (32 - depth)], 'segment')
  }

  /** Makes room for one more key. @returns the segment that has it */
  #roomier(full: Segment, hash: number): Segment {
    let target = full
    while (target.count >= target.room) {
      const cells = cellsGrown(target.count)
      if (cells <= SEGMENT_CELLS_MAX || target.depth >= DEPTH_MAX) resize(target, cells)
      else this.#split(target, hash)
      target = this.segmentOf(hash)
    }
    return target
  }

  #split(target: Segment, hash: number): void {
    if (target.depth === this.#depth) {
      const doubled: Segment[] = []
      for (const one of this.directory) doubled.push(one, one)
      this.directory = doubled
      this.#depth += 1
    }
    const depth = target.depth + 1
    const shift = 32 - depth
    const { cells } = target
    let highs = 0
    // Free cells hold 0: no branch that half of the keys take.
    for (let at = 0; at < cells.length; at += 2) highs += ((cells[at] ?? 0) >>> shift) & 1
    const low = segment(cellsFor(target.count - highs, FILL_GROWN), depth)
    const high = segment(cellsFor(highs, FILL_GROWN), depth)
    for (let at = 0; at < cells.length; at += 2) {
      const entry = cells[at + 1] ?? 0
      const own = cells[at] ?? 0
      if (entry !== 0) place(((own >>> shift) & 1) === 1 ? high : low, own, entry)
    }
    const span = 1 << (this.#depth - target.depth)
    const first = (hash >>> (32 - this.#depth)) & ~(span - 1)
    for (let i = 0; i < span; i++) this.directory[first + i] = i < span / 2 ? low : high
  }
}

export function segment(cells: number, depth: number): Segment {
  return {
    cells: new Int32Array(cells * 2),
    count: 0,
    room: Math.floor(cells * FILL_MAX),
    depth,
  }
}

/** Cells of which so many keys fill a share. */
export function cellsFor(keys: number, fill: number): number {
  const cells = Math.ceil(keys / fill / CELLS_STEP) * CELLS_STEP
  return Math.max(SEGMENT_CELLS_MIN, cells)
}

/** Cells for one key more than so many. */
function cellsGrown(keys: number): number {
  let cells = SEGMENT_CELLS_MIN
  while (cells <= CELLS_DOUBLED_MAX) {
    if (Math.floor(cells * FILL_MAX) > keys) return cells
    cells *= 2
  }
  return cellsFor(keys + 1, FILL_GROWN)
}

/** Where the search for a hash begins. */
export function home(hash: number, cells: Int32Array): number {
  return (((hash & 0xffff) * (cells.length >>> 1)) >>> 16) << 1
}

/** All in one loop, as most of what growing costs is spent here. */
function resize(target: Segment, cells: number): void {
  const old = target.cells
  const fresh = new Int32Array(cells * 2)
  for (let from = 0; from < old.length; from += 2) {
    const entry = old[from + 1] ?? 0
    if (entry === 0) continue
    const hash = old[from] ?? 0
    let at = home(hash, fresh)
    while (fresh[at + 1] !== 0) {
      at += 2
      if (at === fresh.length) at = 0
    }
    fresh[at] = hash
    fresh[at + 1] = entry
  }
  target.cells = fresh
  target.room = Math.floor(cells * FILL_MAX)
}

function place(target: Segment, hash: number, entry: number): void {
  const { cells } = target
  let at = home(hash, cells)
  while (cells[at + 1] !== 0) {
    at += 2
    if (at === cells.length) at = 0
  }
  cells[at] = hash
  cells[at + 1] = entry
  target.count += 1
}
