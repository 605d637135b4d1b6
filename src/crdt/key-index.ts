import { present } from '../base/assert.ts'
import { NO_SLOT } from './chains.ts'
import { DeferredKeys, prefixOf, sortedByPrefix, stepsOf } from './deferred-keys.ts'
import type { Records } from './records.ts'
import type { Slots } from './slots.ts'

/** A segment splits instead of growing beyond so many cells: no insertion ever moves more keys. */
const SEGMENT_CELLS_MAX = 4096
const SEGMENT_CELLS_MIN = 16
/** Up to so many cells a segment grows by doubling: small ones grow seldom. Beyond it, by a quarter. */
const CELLS_DOUBLED_MAX = 128
/** Sizes are multiples of it. */
const CELLS_STEP = 8
/** Beyond this depth keys collide on purpose: their segment grows instead, and only its owner pays. */
const DEPTH_MAX = 20
/** Share of a segment that fills before it grows or splits; linear probing stays short below it. */
const FILL_MAX = 0.8
/** What it is after that. */
const FILL_GROWN = 0.64
/** What it is where a segment is made for keys that are known. */
const FILL_BUILT = 0.7
/** Share below which a segment shrinks: to {@link FILL_SHRUNK}, as keys that go are followed by more that go. */
const FILL_MIN = 0.6
const FILL_SHRUNK = 0.78

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
 * hashes are kept: moving a key needs no look at it. Eight bytes a cell. A key's first cell is its hash's last
 * 16 bits scaled to the segment, which so may have any size.
 */
export class KeyIndex {
  readonly #records: Records
  readonly #slots: Slots
  #directory: Segment[]
  #depth = 0
  #size = 0
  /** Where {@link find} has last found none. */
  #free: Segment
  #freeAt = 0
  readonly #deferred = new DeferredKeys()
  /** Set while deferred keys are being taken in. */
  #settling: Iterator<void, void, void> | undefined

  constructor(records: Records, slots: Slots) {
    this.#records = records
    this.#slots = slots
    this.#free = segment(SEGMENT_CELLS_MIN, 0)
    this.#directory = [this.#free]
  }

  /** Distinct keys. */
  get size(): number {
    this.settle()
    return this.#size
  }

  get allocatedBytes(): number {
    let bytes = this.#directory.length * 8
    for (const one of new Set(this.#directory)) bytes += one.cells.byteLength
    return bytes
  }

  /** The first slot under a key, or NO_SLOT; {@link putNew} can put the key then where the search ended. */
  find(hash: number, key: DataView, start: number, end: number): number {
    if (!this.#deferred.isEmpty) this.settle()
    const target = this.#segmentOf(hash)
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
    this.#fill(this.#free, this.#freeAt, hash, slot)
  }

  /**
   * Makes a slot the first under its key.
   * @returns the one that was, or NO_SLOT when the key is new
   */
  put(hash: number, slot: number, key: DataView, start: number, end: number): number {
    if (!this.#deferred.isEmpty) this.settle()
    const target = this.#segmentOf(hash)
    const { cells } = target
    for (let at = home(hash, cells); ; ) {
      const before = (cells[at + 1] ?? 0) - 1
      if (before === NO_SLOT) {
        this.#fill(target, at, hash, slot)
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
    if (!this.#deferred.isEmpty) this.settle()
    const target = this.#segmentOf(hash)
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

  /**
   * Makes a slot the first under its key later, at the next look at the index: many at once cost far less than
   * one by one in random order.
   */
  defer(hash: number, slot: number): void {
    if (this.#settling !== undefined) this.settle()
    this.#deferred.add(hash, slot)
    this.#slots.setNext(slot, NO_SLOT)
  }

  /** Takes out a slot of {@link defer}. @returns false, and does nothing, when it may be in the index already */
  dismiss(slot: number): boolean {
    if (this.#size > 0 || this.#deferred.isEmpty || this.#settling !== undefined) return false
    this.#deferred.remove(slot)
    return true
  }

  /** Takes in what was deferred. */
  settle(): void {
    while (this.settleSome());
  }

  /** Takes in a part of what was deferred. @returns whether there is more */
  settleSome(): boolean {
    // What is left of what was deferred may be nothing: whoever has begun to look at it ends that first.
    if (this.#settling === undefined && this.#deferred.isEmpty) return false
    this.#settling ??= this.#settle()
    if (this.#settling.next().done !== true) return true
    this.#settling = undefined
    return false
  }

  /** Visits the first slot of every key. */
  each(visit: (slot: number) => void): void {
    this.settle()
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

  *#settle(): Generator<void, void, void> {
    const pairs = yield* this.#deferred.pairs()
    if (this.#size === 0) yield* this.#build(pairs)
    else yield* this.#putAll(pairs)
    this.#deferred.clear()
  }

  /** Makes segments of the size that they need, and fills one after the other. */
  *#build(pairs: Int32Array): Generator<void, void, void> {
    const count = pairs.length / 2
    let depth = 0
    while (count >>> depth > SEGMENT_CELLS_MAX * FILL_BUILT && depth < DEPTH_MAX) depth += 1
    const { sorted, counts } = yield* sortedByPrefix(pairs, depth)
    this.#depth = depth
    this.#directory = [...counts].map((keys) => segment(cellsFor(keys, FILL_BUILT), depth))
    yield* this.#putAll(sorted)
  }

  *#putAll(pairs: Int32Array): Generator<void, void, void> {
    for (const part of stepsOf(pairs)) {
      this.#putPart(part)
      yield
    }
  }

  #putPart(pairs: Int32Array): void {
    for (let at = 0; at < pairs.length; at += 2) this.#putSlot(pairs[at] ?? 0, pairs[at + 1] ?? 0)
  }

  /** As {@link put}, but looks at the slot's key only where another one has its hash. */
  #putSlot(hash: number, slot: number): void {
    const target = this.#segmentOf(hash)
    const { cells } = target
    for (let at = home(hash, cells); ; ) {
      const before = (cells[at + 1] ?? 0) - 1
      if (before === NO_SLOT) {
        this.#fill(target, at, hash, slot)
        return
      }
      if (cells[at] === hash) {
        const { view, start, end } = this.#records.keyOf(this.#slots.recordOf(slot))
        if (this.#records.keyEquals(this.#slots.recordOf(before), view, start, end)) {
          cells[at + 1] = slot + 1
          this.#slots.setNext(slot, before)
          return
        }
      }
      at += 2
      if (at === cells.length) at = 0
    }
  }

  /** Puts a new key into the free cell that the search for it ended at, unless its segment is full. */
  #fill(target: Segment, at: number, hash: number, slot: number): void {
    this.#size += 1
    if (target.count < target.room) {
      target.cells[at] = hash
      target.cells[at + 1] = slot + 1
      target.count += 1
    } else place(this.#roomier(target, hash), hash, slot + 1)
  }

  #segmentOf(hash: number): Segment {
    return present(this.#directory[prefixOf(hash, this.#depth)], 'segment')
  }

  /** Makes room for one more key. @returns the segment that has it */
  #roomier(full: Segment, hash: number): Segment {
    let target = full
    while (target.count >= target.room) {
      const cells = cellsGrown(target.count)
      if (cells <= SEGMENT_CELLS_MAX || target.depth >= DEPTH_MAX) resize(target, cells)
      else this.#split(target, hash)
      target = this.#segmentOf(hash)
    }
    return target
  }

  #split(target: Segment, hash: number): void {
    if (target.depth === this.#depth) {
      const doubled: Segment[] = []
      for (const one of this.#directory) doubled.push(one, one)
      this.#directory = doubled
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
    for (let i = 0; i < span; i++) this.#directory[first + i] = i < span / 2 ? low : high
  }
}

function segment(cells: number, depth: number): Segment {
  return {
    cells: new Int32Array(cells * 2),
    count: 0,
    room: Math.floor(cells * FILL_MAX),
    depth,
  }
}

/** Cells of which so many keys fill a share. */
function cellsFor(keys: number, fill: number): number {
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
function home(hash: number, cells: Int32Array): number {
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
