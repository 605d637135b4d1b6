import { present } from '../base/assert.ts'
import type { Records } from './records.ts'
import { NO_SLOT, type Slots } from './slots.ts'

/** A segment splits instead of growing beyond this: no insertion ever rehashes more. */
const SEGMENT_SLOTS_MAX = 4096
const SEGMENT_SLOTS_MIN = 16
/** Beyond this depth keys collide on purpose: their segment grows instead, and only its owner pays. */
const DEPTH_MAX = 20
/** Share of a segment that fills before it grows or splits; linear probing stays short below it. */
const FILL_MAX = 0.8

interface Segment {
  /** Slot + 1; 0 is free. */
  slots: Int32Array
  /** Seven bits of each hash and a bit for "taken": most other keys are told apart without a look at them. */
  tags: Uint8Array
  count: number
  /** Leading hash bits that all keys of this segment share. */
  readonly depth: number
}

/**
 * Key → slot for one large object: extendible hashing (Fagin et al., TODS 1979) over segments with linear
 * probing, so that no single insertion pays for a rehash of everything. Keys stay in the records; an index
 * costs five bytes a slot.
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
    this.#directory = [segment(SEGMENT_SLOTS_MIN, 0)]
  }

  /** Distinct keys. */
  get size(): number {
    return this.#size
  }

  get allocatedBytes(): number {
    let bytes = this.#directory.length * 8
    for (const one of new Set(this.#directory)) bytes += one.slots.byteLength + one.tags.byteLength
    return bytes
  }

  /** The first slot under a key, or NO_SLOT. */
  find(hash: number, key: Uint8Array, start: number, end: number): number {
    const { slots, tags } = this.#segmentOf(hash)
    const mask = tags.length - 1
    const wanted = tagOf(hash)
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const tag = tags[at] ?? 0
      if (tag === 0) return NO_SLOT
      if (tag !== wanted) continue
      const slot = (slots[at] ?? 0) - 1
      if (this.#records.keyEquals(this.#slots.recordOf(slot), key, start, end)) return slot
    }
  }

  /** Adds a key that is not there. */
  insert(hash: number, slot: number): void {
    let target = this.#segmentOf(hash)
    while (target.count + 1 > target.slots.length * FILL_MAX) {
      if (target.slots.length < SEGMENT_SLOTS_MAX || target.depth >= DEPTH_MAX) this.#grow(target)
      else this.#split(target, hash)
      target = this.#segmentOf(hash)
    }
    place(target, hash, slot)
    this.#size += 1
  }

  /** Puts another slot in the place of the first one under a key. */
  replace(hash: number, slot: number, by: number): void {
    const { slots } = this.#segmentOf(hash)
    slots[position(slots, hash, slot)] = by + 1
  }

  /** Removes a key by its first slot, whose record is still readable. */
  remove(hash: number, slot: number): void {
    const target = this.#segmentOf(hash)
    const { slots, tags } = target
    const mask = slots.length - 1
    let hole = position(slots, hash, slot)
    // Backward shift: no tombstones, so lookups stay short however often keys come and go.
    for (let at = (hole + 1) & mask; ; at = (at + 1) & mask) {
      const entry = slots[at] ?? 0
      if (entry === 0) break
      const home = this.#hashOf(entry - 1) & mask
      if (((at - home) & mask) < ((at - hole) & mask)) continue
      slots[hole] = entry
      tags[hole] = tags[at] ?? 0
      hole = at
    }
    slots[hole] = 0
    tags[hole] = 0
    target.count -= 1
    this.#size -= 1
  }

  /** Visits the first slot of every key. */
  each(visit: (slot: number) => void): void {
    let last: Segment | undefined
    for (const one of this.#directory) {
      if (one === last) continue
      last = one
      for (const entry of one.slots) if (entry > 0) visit(entry - 1)
    }
  }

  #segmentOf(hash: number): Segment {
    const index = this.#depth === 0 ? 0 : hash >>> (32 - this.#depth)
    return present(this.#directory[index], 'segment')
  }

  #hashOf(slot: number): number {
    return this.#records.keyHash(this.#slots.recordOf(slot))
  }

  #grow(target: Segment): void {
    const old = target.slots
    target.slots = new Int32Array(old.length * 2)
    target.tags = new Uint8Array(old.length * 2)
    target.count = 0
    for (const entry of old) if (entry > 0) place(target, this.#hashOf(entry - 1), entry - 1)
  }

  #split(target: Segment, hash: number): void {
    if (target.depth === this.#depth) {
      const doubled: Segment[] = []
      for (const one of this.#directory) doubled.push(one, one)
      this.#directory = doubled
      this.#depth += 1
    }
    const depth = target.depth + 1
    const halves = [segment(SEGMENT_SLOTS_MAX, depth), segment(SEGMENT_SLOTS_MAX, depth)] as const
    for (const entry of target.slots) {
      if (entry === 0) continue
      const own = this.#hashOf(entry - 1)
      place(halves[((own >>> (32 - depth)) & 1) as 0 | 1], own, entry - 1)
    }
    const span = 1 << (this.#depth - target.depth)
    const first = (hash >>> (32 - this.#depth)) & ~(span - 1)
    for (let i = 0; i < span; i++) this.#directory[first + i] = halves[i < span / 2 ? 0 : 1]
  }
}

function segment(size: number, depth: number): Segment {
  return { slots: new Int32Array(size), tags: new Uint8Array(size), count: 0, depth }
}

/** Bits between those that choose the segment and those that choose the place in it. */
function tagOf(hash: number): number {
  return ((hash >>> 12) & 0x7f) | 0x80
}

function place(target: Segment, hash: number, slot: number): void {
  const { slots, tags } = target
  const mask = slots.length - 1
  let at = hash & mask
  while (slots[at] !== 0) at = (at + 1) & mask
  slots[at] = slot + 1
  tags[at] = tagOf(hash)
  target.count += 1
}

function position(slots: Int32Array, hash: number, slot: number): number {
  const mask = slots.length - 1
  let at = hash & mask
  while (slots[at] !== slot + 1) at = (at + 1) & mask
  return at
}
