import type { ByteView } from '../base/byte-view.ts'
import { isGrowOnlyAmount, readAmount } from './amount.ts'
import { NO_SLOT } from './chains.ts'
import type { EventDraft, Lanes } from './event-draft.ts'
import { KeyIndex } from './key-index.ts'
import type { Loading } from './loading.ts'
import type { ObjectType } from './operation.ts'
import { PathTree, unchain } from './path-tree.ts'
import type { Records } from './records.ts'
import type { Slots } from './slots.ts'

/** Objects of more entries than this get an index; below it a chain is shorter and smaller. */
const CHAINED_ENTRIES_MAX = 8

/** The key of an entry as bytes, with its hash. */
export interface KeyBytes {
  readonly keyHash: number
  readonly key: ByteView
  readonly keyStart: number
  readonly keyEnd: number
}

/** The live entries of one object, by key. It exists as long as it has any. */
export class LiveObject {
  readonly type: ObjectType
  readonly name: string
  /** Its number in the state: what records say. */
  readonly id: number
  /** Hash of type and name. */
  readonly lanes: Lanes
  /** A map's leaves. */
  readonly tree: PathTree | undefined
  readonly #records: Records
  readonly #slots: Slots
  /** Without an index: all entries. */
  #head = NO_SLOT
  #entries = 0
  #index: KeyIndex | undefined
  /** A counter's value while it is safe; beyond that `#bigTotal`. */
  #total = 0
  #bigTotal: bigint | undefined
  #growOnly = 0

  constructor(options: {
    readonly type: ObjectType
    readonly name: string
    readonly id: number
    readonly lanes: Lanes
    readonly records: Records
    readonly slots: Slots
  }) {
    const { type, name, id, lanes, records, slots } = options
    this.type = type
    this.name = name
    this.id = id
    this.lanes = lanes
    this.tree = type === 'map' ? new PathTree(slots) : undefined
    this.#records = records
    this.#slots = slots
  }

  /** Live entries, concurrent siblings counted each. */
  get entries(): number {
    return this.tree?.size ?? this.#entries
  }

  /** Distinct keys of a set, counter or register. */
  get keys(): number {
    if (this.#index !== undefined) return this.#index.size
    if (this.#entries < 2) return this.#entries
    let keys = 0
    this.eachKey(() => {
      keys += 1
    })
    return keys
  }

  get isEmpty(): boolean {
    return this.entries === 0
  }

  /** A counter's value. */
  get total(): bigint {
    return this.#bigTotal ?? BigInt(this.#total)
  }

  /** Whether a live entry of this counter was written as grow-only. */
  get isGrowOnly(): boolean {
    return this.#growOnly > 0
  }

  /** Moves a counter's value by the amount of an entry that came, or back where it went. */
  count({ payloadBytes, payloadStart }: EventDraft, sign: 1 | -1): void {
    const amount = readAmount(payloadBytes, payloadStart, { at: 0 })
    this.#growOnly += isGrowOnlyAmount(payloadBytes, payloadStart) ? sign : 0
    if (typeof amount === 'number' && this.#bigTotal === undefined) {
      const sum = this.#total + sign * amount
      if (Number.isSafeInteger(sum)) {
        this.#total = sum
        return
      }
    }
    const sum = this.total + BigInt(sign) * BigInt(amount)
    const asNumber = Number(sum)
    const isSafe = Number.isSafeInteger(asNumber)
    this.#bigTotal = isSafe ? undefined : sum
    this.#total = isSafe ? asNumber : 0
  }

  /** How it finds its entries where they are many. */
  get index(): KeyIndex | undefined {
    return this.#index
  }

  /** Notes entries that its index has been given. */
  grew(entries: number): void {
    this.#entries += entries
  }

  /** Whether a key has an entry. One that has none may get its first at once by {@link insertFirst}. */
  has(key: KeyBytes): boolean {
    return this.first(key) !== NO_SLOT
  }

  /** Inserts under the key that {@link has} has just not found. */
  insertFirst(slot: number, key: KeyBytes): void {
    if (this.#index === undefined) {
      this.insert(slot, key)
      return
    }
    this.#entries += 1
    this.#index.putNew(key.keyHash, slot)
    this.#slots.setNext(slot, NO_SLOT)
  }

  /** The first slot under a key, or NO_SLOT; {@link after} gives its siblings. */
  first({ keyHash, key, keyStart, keyEnd }: KeyBytes): number {
    if (this.#index !== undefined) return this.#index.find(keyHash, key.view, keyStart, keyEnd)
    return this.#chained(key.view, keyStart, keyEnd, this.#head)
  }

  /** The next slot under the same key. */
  after(slot: number, { key, keyStart, keyEnd }: KeyBytes): number {
    const next = this.#slots.nextOf(slot)
    return this.#index === undefined ? this.#chained(key.view, keyStart, keyEnd, next) : next
  }

  /** @param loading while many come in that nobody looks at: the index takes them in afterwards */
  insert(slot: number, { keyHash, key, keyStart, keyEnd }: KeyBytes, loading?: Loading): void {
    this.#entries += 1
    if (this.#index === undefined) {
      this.#slots.setNext(slot, this.#head)
      this.#head = slot
      if (this.#entries > CHAINED_ENTRIES_MAX) this.#makeIndex(loading)
      return
    }
    if (loading !== undefined) loading.keysOf(this.#index).add(keyHash, slot)
    else this.#slots.setNext(slot, this.#index.put(keyHash, slot, key.view, keyStart, keyEnd))
  }

  /** Takes out a slot that was deferred, whatever its key. @returns false when it has to be {@link remove}d */
  dismiss(slot: number): boolean {
    if (this.#index?.deferred?.dismiss(slot) !== true) return false
    this.#entries -= 1
    return true
  }

  remove(slot: number, key: KeyBytes): void {
    this.#entries -= 1
    if (this.#index === undefined) {
      this.#head = unchain(this.#slots, this.#head, slot)
      return
    }
    this.#index.settle()
    const next = this.#slots.nextOf(slot)
    const wasFirst = this.#index.take(key.keyHash, slot, next)
    if (!wasFirst) unchain(this.#slots, this.first(key), slot)
  }

  /** Puts a slot in the place of another one of the same key. */
  replace(slot: number, by: number, key: KeyBytes): void {
    const slots = this.#slots
    const deferred = this.#index?.deferred
    if (deferred?.dismiss(slot) === true) {
      deferred.add(key.keyHash, by)
      return
    }
    this.#index?.settle()
    slots.setNext(by, slots.nextOf(slot))
    let before = this.#head
    if (this.#index !== undefined) {
      if (this.#index.take(key.keyHash, slot, by)) return
      before = this.first(key)
    } else if (before === slot) {
      this.#head = by
      return
    }
    while (slots.nextOf(before) !== slot) before = slots.nextOf(before)
    slots.setNext(before, by)
  }

  /** Visits one slot of every key; siblings follow by {@link after}. */
  eachKey(visit: (slot: number) => void): void {
    if (this.#index !== undefined) {
      this.#index.each(visit)
      return
    }
    for (let slot = this.#head; slot !== NO_SLOT; slot = this.#slots.nextOf(slot)) {
      const { view, start, end } = this.#records.keyOf(this.#slots.recordOf(slot))
      if (this.#chained(view, start, end, this.#head) === slot) visit(slot)
    }
  }

  /** Visits every slot of a set, counter or register. */
  eachSlot(visit: (slot: number) => void): void {
    const walk = (head: number): void => {
      for (let slot = head; slot !== NO_SLOT; slot = this.#slots.nextOf(slot)) visit(slot)
    }
    if (this.#index === undefined) walk(this.#head)
    else this.#index.each(walk)
  }

  #chained(key: DataView, start: number, end: number, from: number): number {
    for (let slot = from; slot !== NO_SLOT; slot = this.#slots.nextOf(slot)) {
      if (this.#records.keyEquals(this.#slots.recordOf(slot), key, start, end)) return slot
    }
    return NO_SLOT
  }

  #makeIndex(loading: Loading | undefined): void {
    const index = new KeyIndex(this.#records, this.#slots)
    const deferred = loading?.keysOf(index)
    let slot = this.#head
    this.#head = NO_SLOT
    while (slot !== NO_SLOT) {
      const next = this.#slots.nextOf(slot)
      const record = this.#slots.recordOf(slot)
      const hash = this.#records.keyHash(record)
      const { view, start, end } = this.#records.keyOf(record)
      if (deferred !== undefined) deferred.add(hash, slot)
      else this.#slots.setNext(slot, index.put(hash, slot, view, start, end))
      slot = next
    }
    this.#index = index
  }
}
