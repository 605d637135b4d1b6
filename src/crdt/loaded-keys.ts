import { NO_SLOT } from './chains.ts'
import { DeferredKeys, sortedByPrefix, stepsOf } from './deferred-keys.ts'
import {
  cellsFor,
  DEPTH_MAX,
  type Deferral,
  home,
  type KeyIndex,
  SEGMENT_CELLS_MAX,
  segment,
} from './key-index.ts'
import type { Records } from './records.ts'
import type { Slots } from './slots.ts'

/** Share of a segment that is filled where it is made for keys that are known. */
const FILL_BUILT = 0.7

/**
 * Slots become the first under their keys later, at the next look at the index: many at once cost far less than
 * one by one in random order.
 */
export class LoadedKeys implements Deferral {
  readonly #index: KeyIndex
  readonly #records: Records
  readonly #slots: Slots
  readonly #deferred = new DeferredKeys()
  /** Set while they are being taken in. */
  #settling: Iterator<void, void, void> | undefined

  constructor(index: KeyIndex, records: Records, slots: Slots) {
    this.#index = index
    this.#records = records
    this.#slots = slots
  }

  /** See Deferral. */
  add(hash: number, slot: number): void {
    if (this.#settling !== undefined) this.settle()
    this.#index.deferred = this
    this.#deferred.add(hash, slot)
    this.#slots.setNext(slot, NO_SLOT)
  }

  /** See Deferral. */
  dismiss(slot: number): boolean {
    if (!this.#index.isEmpty || this.#settling !== undefined) return false
    this.#deferred.remove(slot)
    return true
  }

  /** See Deferral. */
  settle(): void {
    while (this.settleSome());
  }

  /** See Deferral. */
  settleSome(): boolean {
    this.#settling ??= this.#settle()
    if (this.#settling.next().done !== true) return true
    this.#settling = undefined
    this.#index.deferred = undefined
    return false
  }

  *#settle(): Generator<void, void, void> {
    const pairs = yield* this.#deferred.pairs()
    if (this.#index.isEmpty) yield* this.#build(pairs)
    else yield* this.#putAll(pairs)
    this.#deferred.clear()
  }

  /** Makes segments of the size that they need, and fills one after the other. */
  *#build(pairs: Int32Array): Generator<void, void, void> {
    const count = pairs.length / 2
    let depth = 0
    while (count >>> depth > SEGMENT_CELLS_MAX * FILL_BUILT && depth < DEPTH_MAX) depth += 1
    const { sorted, counts } = yield* sortedByPrefix(pairs, depth)
    const segments = [...counts].map((keys) => segment(cellsFor(keys, FILL_BUILT), depth))
    this.#index.rebuild(segments, depth)
    yield* this.#putAll(sorted)
  }

  *#putAll(pairs: Int32Array): Generator<void, void, void> {
    for (const part of stepsOf(pairs)) {
      this.#putPart(part)
      yield
    }
  }

  #putPart(pairs: Int32Array): void {
    for (let at = 0; at < pairs.length; at += 2) this.#put(pairs[at] ?? 0, pairs[at + 1] ?? 0)
  }

  /** As KeyIndex.put(), but looks at the slot's key only where another one has its hash. */
  #put(hash: number, slot: number): void {
    const target = this.#index.segmentOf(hash)
    const { cells } = target
    for (let at = home(hash, cells); ; ) {
      const before = (cells[at + 1] ?? 0) - 1
      if (before === NO_SLOT) {
        this.#index.fill(target, at, hash, slot)
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
}
