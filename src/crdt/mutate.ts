import { unreachable } from '../base/assert.ts'
import { type ByteView, byteView } from '../base/byte-view.ts'
import { utf8BytesMax, writeUtf8 } from '../base/utf8.ts'
import { AMOUNT_BYTES_MAX, readAmount, writeAmount } from './amount.ts'
import { NO_SLOT } from './chains.ts'
import { ElementRow, ROW_MAX } from './element-row.ts'
import { EventDraft } from './event-draft.ts'
import {
  KIND_COUNTER,
  KIND_MAP_COUNTER,
  KIND_MAP_SET,
  KIND_MAP_VALUE,
  KIND_REGISTER,
  KIND_SET,
} from './kinds.ts'
import type { LiveObject } from './live-object.ts'
import type { LiveState } from './live-state.ts'
import { pathBytesMax, writePath } from './map-path.ts'
import type { CheckedOperation, Dot } from './operation.ts'
import type { PathTree } from './path-tree.ts'
import { TextKey } from './text-key.ts'

/** Whose events are made, and under which stamp. */
export interface Author {
  /** Interned writer. */
  readonly writer: number
  readonly stamp: number
  /** Own dots above this have not left the process. */
  readonly shipped: number
}

type MapSetOperation = Extract<
  CheckedOperation,
  { readonly values: readonly string[]; readonly path: readonly string[] }
>

/** Where events go. */
export interface EventSink {
  /** Applies an event at once, so that the next one observes it. */
  emit(event: EventDraft): void
  /**
   * Applies events that add the elements of a row to a set, from one on, up to the first that is there.
   * @returns index of that one, or how many the row has
   */
  emitNew(row: ElementRow, object: LiveObject, from: number): number
}

/** One event may list this many kills; more are spread over several. */
export const KILLS_PER_EVENT_MAX = 16_384

/**
 * Turns operations into events. What each type puts into the kill list makes its meaning:
 * counter – the writer's previous total; set add – observed dots of the element, so a concurrent add
 * survives a remove; register – all siblings observed; map leaves – what was observed above and below the
 * path and leaves of another kind at it, so a structure never holds what a reader could not see; a counter
 * in a map – nothing that has left, so that a concurrent removal cannot bring back a total; removals –
 * observed dots only, no entry.
 */
export class Mutator {
  readonly #state: LiveState
  readonly #sink: EventSink
  readonly #row = new ElementRow()
  readonly #draft = new EventDraft()
  readonly #other = new EventDraft()
  readonly #key = new TextKey()
  readonly #cursor = { at: 0 }
  #scratch: ByteView = byteView(new Uint8Array(1024))

  constructor(state: LiveState, sink: EventSink) {
    this.#state = state
    this.#sink = sink
  }

  /** @returns how many members the operation changed */
  run(operation: CheckedOperation, author: Author): number {
    this.#draft.stamp = author.stamp
    switch (operation.type) {
      case 'counter-add':
        return this.#counterAdd(operation, author)
      case 'set-add':
        return this.#setAdd(operation.object, operation.values)
      case 'set-remove':
        return this.#setRemove(operation.object, operation.values)
      case 'register-set':
        return this.#registerSet(operation.object, operation.json)
      case 'map-set':
        return this.#mapSet(operation)
      case 'map-counter-add':
        return this.#mapCounterAdd(operation, author)
      case 'map-set-add':
        return this.#mapSetAdd(operation)
      case 'map-set-remove':
        return this.#mapSetRemove(operation)
      case 'map-remove':
        return this.#mapRemove(operation)
      case 'retract':
        this.#retract(operation.dots)
        return operation.dots.length
      default:
        return unreachable(operation)
    }
  }

  #counterAdd(
    { object: name, amount, growOnly }: Extract<CheckedOperation, { type: 'counter-add' }>,
    { writer }: Author,
  ): number {
    const object = this.#state.objectFor('counter', name)
    const draft = this.#begin(KIND_COUNTER, object)
    draft.keyByWriter(writer)
    let total: number | bigint = Number(amount)
    const isGrowOnly = growOnly || object.isGrowOnly
    for (let slot = object.first(draft); slot !== NO_SLOT; slot = object.after(slot, draft)) {
      total = sum(total, this.#amountAt(slot))
      this.#kill(slot)
    }
    this.#payloadAt(0, writeAmount(this.#scratch.bytes, 0, total, isGrowOnly))
    draft.seal(object.lanes)
    this.#emit(draft)
    return 1
  }

  #setAdd(name: string, values: readonly string[]): number {
    const object = this.#state.objectFor('set', name)
    const row = this.#row
    let added = 0
    for (let start = 0; start < values.length; start += ROW_MAX) {
      row.fill(values, start, values.length, object.lanes)
      for (let at = 0; at < row.count; at++) {
        const end = this.#sink.emitNew(row, object, at)
        added += end - at
        at = end
        if (at === row.count) break
        const draft = this.#begin(KIND_SET, object)
        row.draft(at, draft)
        this.#killKey(object)
        this.#emit(draft)
      }
    }
    return added
  }

  #setRemove(name: string, values: readonly string[]): number {
    let removed = 0
    const slots: number[] = []
    const object = this.#state.object('set', name)
    if (object === undefined) return 0
    const key = this.#key
    for (const value of values) {
      key.put(value)
      const before = slots.length
      for (let slot = object.first(key); slot !== NO_SLOT; slot = object.after(slot, key)) {
        slots.push(slot)
      }
      if (slots.length > before) removed += 1
    }
    this.#emitKills(slots)
    return removed
  }

  #registerSet(name: string, json: string): number {
    const object = this.#state.objectFor('register', name)
    const draft = this.#begin(KIND_REGISTER, object)
    this.#keyAt(0, 0)
    this.#textPayload(json, 0)
    draft.seal(object.lanes)
    this.#killKey(object)
    this.#emit(draft)
    return 1
  }

  #mapSet({ object: name, path, json }: Extract<CheckedOperation, { type: 'map-set' }>): number {
    const object = this.#leaf(KIND_MAP_VALUE, name, path)
    const draft = this.#draft
    this.#textPayload(json, draft.keyEnd)
    draft.seal(object.lanes)
    const tree = treeOf(object)
    for (const slot of tree.above(path)) this.#kill(slot)
    for (const slot of tree.below(path)) this.#kill(slot)
    this.#emit(draft)
    return 1
  }

  #mapCounterAdd(
    operation: Extract<CheckedOperation, { type: 'map-counter-add' }>,
    { writer, shipped }: Author,
  ): number {
    const { object: name, path, amount } = operation
    const object = this.#leaf(KIND_MAP_COUNTER, name, path)
    const tree = treeOf(object)
    const draft = this.#draft
    let total: number | bigint = Number(amount)
    for (const slot of tree.at(path)) {
      const kind = this.#kindAt(slot)
      const { slots } = this.#state
      const isOwnUnshipped =
        kind === KIND_MAP_COUNTER && slots.writerOf(slot) === writer && slots.dotOf(slot) > shipped
      if (isOwnUnshipped) total = sum(total, this.#amountAt(slot))
      if (isOwnUnshipped || kind !== KIND_MAP_COUNTER) this.#kill(slot)
    }
    for (const element of tree.elementsAt(path)) {
      for (const slot of tree.elementAt(path, element)) this.#kill(slot)
    }
    this.#killAround(tree, path)
    this.#room(draft.keyEnd + AMOUNT_BYTES_MAX)
    this.#payloadAt(draft.keyEnd, writeAmount(this.#scratch.bytes, draft.keyEnd, total, false))
    draft.seal(object.lanes)
    this.#emit(draft)
    return 1
  }

  #mapSetAdd(operation: MapSetOperation): number {
    const { object: name, path, values } = operation
    let added = 0
    for (const value of values) {
      const object = this.#leaf(KIND_MAP_SET, name, path)
      const draft = this.#draft
      this.#textPayload(value, draft.keyEnd)
      draft.seal(object.lanes)
      const tree = treeOf(object)
      const observed = tree.elementAt(path, value)
      if (observed.length === 0) added += 1
      for (const slot of observed) this.#kill(slot)
      for (const slot of tree.at(path)) this.#kill(slot)
      this.#killAround(tree, path)
      this.#emit(draft)
    }
    return added
  }

  #mapSetRemove(operation: MapSetOperation): number {
    const tree = this.#state.object('map', operation.object)?.tree
    const slots: number[] = []
    let removed = 0
    for (const value of operation.values) {
      const observed = tree?.elementAt(operation.path, value) ?? []
      if (observed.length > 0) removed += 1
      slots.push(...observed)
    }
    this.#emitKills(slots)
    return removed
  }

  #mapRemove({ object, path }: Extract<CheckedOperation, { type: 'map-remove' }>): number {
    const tree = this.#state.object('map', object)?.tree
    if (tree === undefined) return 0
    const before = tree.leavesBelow(path)
    this.#emitKills(tree.below(path))
    return before
  }

  /** Begins an event for a map leaf; its path is the key. */
  #leaf(kind: number, name: string, path: readonly string[]): LiveObject {
    const object = this.#state.objectFor('map', name)
    this.#begin(kind, object)
    this.#room(pathBytesMax(path))
    this.#keyAt(0, writePath(path, this.#scratch.bytes, 0))
    return object
  }

  #begin(kind: number, object: LiveObject): EventDraft {
    const draft = this.#draft
    draft.kind = kind
    draft.object = object.id
    draft.killCount = 0
    draft.payloadStart = 0
    draft.payloadEnd = 0
    return draft
  }

  #killKey(object: LiveObject): number {
    const draft = this.#draft
    let killed = 0
    for (let slot = object.first(draft); slot !== NO_SLOT; slot = object.after(slot, draft)) {
      this.#kill(slot)
      killed += 1
    }
    return killed
  }

  #killAround(tree: PathTree, path: readonly string[]): void {
    for (const slot of tree.above(path)) this.#kill(slot)
    for (const slot of tree.strictlyBelow(path)) this.#kill(slot)
  }

  #kill(slot: number): void {
    const { slots } = this.#state
    this.#draft.kill(slots.writerOf(slot), slots.dotOf(slot))
  }

  #retract(dots: readonly Dot[]): void {
    this.#emitDots(
      dots.map(({ writer }) => writer),
      dots.map(({ n }) => n),
    )
  }

  #emitKills(slots: readonly number[]): void {
    // Slots are freed by the first event: their dots are taken before.
    const state = this.#state.slots
    const writers = slots.map((slot) => state.writerOf(slot))
    this.#emitDots(
      writers,
      slots.map((slot) => state.dotOf(slot)),
    )
  }

  #emitDots(writers: readonly number[], dots: readonly number[]): void {
    const draft = this.#draft
    const { stamp } = draft
    for (let from = 0; from < dots.length; from += KILLS_PER_EVENT_MAX) {
      draft.clear()
      draft.stamp = stamp
      const to = Math.min(dots.length, from + KILLS_PER_EVENT_MAX)
      for (let i = from; i < to; i++) draft.kill(writers[i] ?? 0, dots[i] ?? 0)
      this.#emit(draft)
    }
  }

  #emit(event: EventDraft): void {
    this.#sink.emit(event)
  }

  #kindAt(slot: number): number {
    this.#state.draftOf(slot, this.#other)
    return this.#other.kind
  }

  #amountAt(slot: number): number | bigint {
    this.#state.draftOf(slot, this.#other)
    return readAmount(this.#other.payloadBytes, this.#other.payloadStart, this.#cursor)
  }

  #keyAt(start: number, end: number): void {
    const draft = this.#draft
    draft.key = this.#scratch
    draft.keyStart = start
    draft.keyEnd = end
  }

  #textPayload(text: string, start: number): void {
    this.#room(start + utf8BytesMax(text))
    this.#payloadAt(start, writeUtf8(text, this.#scratch.bytes, start))
  }

  #payloadAt(start: number, end: number): void {
    const draft = this.#draft
    draft.payload = this.#scratch
    draft.payloadStart = start
    draft.payloadEnd = end
  }

  #room(bytes: number): void {
    if (bytes <= this.#scratch.bytes.length) return
    const grown = byteView(new Uint8Array(bytes * 2))
    grown.bytes.set(this.#scratch.bytes)
    this.#scratch = grown
    this.#draft.key = grown
    this.#draft.payload = grown
  }
}

function treeOf(object: LiveObject): PathTree {
  if (object.tree === undefined) throw new Error('Broken invariant: a map has a tree')
  return object.tree
}

function sum(a: number | bigint, b: number | bigint): number | bigint {
  if (typeof a === 'number' && typeof b === 'number') {
    const whole = a + b
    if (Number.isSafeInteger(whole)) return whole
  }
  return BigInt(a) + BigInt(b)
}
