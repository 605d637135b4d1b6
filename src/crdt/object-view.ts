import { compareText } from '../base/bytes.ts'
import { readUtf8 } from '../base/utf8.ts'
import { readAmount } from './amount.ts'
import { EventDraft } from './event-draft.ts'
import { type Json, jsonValue } from './json.ts'
import { KIND_MAP_COUNTER, KIND_MAP_VALUE } from './kinds.ts'
import type { LiveState } from './live-state.ts'
import type { Leaf } from './path-tree.ts'
import { TextKey } from './text-key.ts'

/** A register as read: the last write wins, concurrent ones stay visible. */
export interface RegisterValue {
  /** Undefined when never written. */
  readonly value: Json | undefined
  /** All live values, the winner first. */
  readonly siblings: readonly Json[]
}

/** Reads objects of one state. It keeps scratch space, so make one and use it again. */
export class ObjectReader {
  readonly state: LiveState
  readonly #draft = new EventDraft()
  readonly #key = new TextKey()
  readonly #cursor = { at: 0 }

  constructor(state: LiveState) {
    this.state = state
  }

  setHas(name: string, value: string): boolean {
    const object = this.state.object('set', name)
    if (object === undefined) return false
    return this.#key.put(value) && object.has(this.#key)
  }

  /** Elements in code-unit order. */
  setValues(name: string): readonly string[] {
    const elements: string[] = []
    this.state.object('set', name)?.eachKey((slot) => elements.push(this.elementAt(slot)))
    return elements.sort(compareText)
  }

  /** The element of a set's slot. */
  elementAt(slot: number): string {
    const draft = this.#read(slot)
    return readUtf8(draft.keyBytes, draft.keyStart, draft.keyEnd)
  }

  register(name: string): RegisterValue {
    const slots: number[] = []
    this.state.object('register', name)?.eachSlot((slot) => slots.push(slot))
    const siblings = this.#winnersFirst(slots).map((slot) => this.#json(slot))
    return { value: siblings[0], siblings }
  }

  /** The leaf at a path, an object of what lies below it, or undefined. */
  mapAt(name: string, path: readonly string[]): Json | undefined {
    return this.state.object('map', name)?.tree?.fold<Json>(
      path,
      (leaf) => this.leafValue(leaf),
      (children) => {
        const value = {}
        const sorted = [...children].sort(([a], [b]) => compareText(a, b))
        for (const [key, child] of sorted) {
          // Defining, not assigning: a component "__proto__" is a key like any other.
          Object.defineProperty(value, key, {
            value: child,
            enumerable: true,
            configurable: true,
            writable: true,
          })
        }
        return value
      },
    )
  }

  /**
   * A leaf as read. Where concurrent writers left several kinds, a value hides a counter and a counter a
   * set. Sums beyond 2^53 are shown as text.
   */
  leafValue({ slots, elements }: Leaf): Json {
    const values: number[] = []
    let total: number | bigint | undefined
    for (const slot of slots) {
      const { kind, payloadBytes, payloadStart } = this.#read(slot)
      if (kind === KIND_MAP_VALUE) values.push(slot)
      if (kind !== KIND_MAP_COUNTER) continue
      total = BigInt(total ?? 0) + BigInt(readAmount(payloadBytes, payloadStart, this.#cursor))
    }
    const winner = this.#winnersFirst(values)[0]
    if (winner !== undefined) return this.#json(winner)
    if (total !== undefined) {
      return Number.isSafeInteger(Number(total)) ? Number(total) : String(total)
    }
    return [...(elements?.keys() ?? [])].sort(compareText)
  }

  #read(slot: number): EventDraft {
    this.state.draftOf(slot, this.#draft)
    return this.#draft
  }

  #json(slot: number): Json {
    const { payloadBytes, payloadStart, payloadEnd } = this.#read(slot)
    return jsonValue(readUtf8(payloadBytes, payloadStart, payloadEnd))
  }

  /** Order of concurrent entries: highest stamp, then replica id, then n. The same on every replica. */
  #winnersFirst(slots: readonly number[]): readonly number[] {
    if (slots.length < 2) return slots
    const { slots: columns } = this.state
    const siblings = slots.map((slot) => ({
      slot,
      stamp: this.#read(slot).stamp,
      replica: this.state.replicaAt(columns.writerOf(slot)),
      n: columns.dotOf(slot),
    }))
    siblings.sort((a, b) => b.stamp - a.stamp || compareText(b.replica, a.replica) || b.n - a.n)
    return siblings.map(({ slot }) => slot)
  }
}
