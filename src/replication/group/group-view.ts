import { compareText } from '../../base/bytes.ts'
import type { LiveState } from '../../crdt/live-state.ts'
import type { ObjectReader, RegisterValue } from '../../crdt/object-view.ts'
import type { Json, ObjectType } from '../../crdt/operation.ts'
import type { Undoable } from '../undo/undo.ts'
import type { OwnHistory } from './own-history.ts'

export interface Readable {
  readonly state: LiveState
  readonly reader: ObjectReader
  readonly history: OwnHistory
  /** Has what is put off happen. */
  settle(): void
}

/** Synchronous readers over one group. Each answer is the reader's own: changing it changes nothing here. */
export class GroupView {
  readonly #group: () => Readable

  /** @param group is asked again by each reader */
  constructor(group: () => Readable) {
    this.#group = () => {
      const readable = group()
      readable.settle()
      return readable
    }
  }

  /** The sum of all increments seen; 0n when there is none. */
  counter(name: string): bigint {
    return this.#group().state.object('counter', name)?.total ?? 0n
  }

  setHas(name: string, value: string): boolean {
    return this.#group().reader.setHas(name, value)
  }

  setSize(name: string): number {
    return this.#group().state.object('set', name)?.keys ?? 0
  }

  /** Elements in code-unit order. */
  setValues(name: string): readonly string[] {
    return this.#group().reader.setValues(name)
  }

  register(name: string): RegisterValue {
    return this.#group().reader.register(name)
  }

  /** The whole map as nested objects. */
  map(name: string): { readonly [key: string]: Json } {
    const value = this.#group().reader.mapAt(name, [])
    return isBranch(value) ? value : {}
  }

  /** The leaf at a path, an object of what lies below it, or undefined. */
  mapAt(name: string, path: readonly string[]): Json | undefined {
    return this.#group().reader.mapAt(name, path)
  }

  /** Objects that hold anything, by name, then type. */
  objects(): readonly { readonly name: string; readonly type: ObjectType }[] {
    const objects = [...this.#group().state.objects()].map(({ name, type }) => ({ name, type }))
    return objects.sort((a, b) => compareText(a.name, b.name) || compareText(a.type, b.type))
  }

  /** Own transactions that can be undone, the last one first. */
  undoable(): readonly Undoable[] {
    return this.#group().history.undoables?.() ?? []
  }

  /** Whether an object holds anything: an emptied set or map is as if it had never been. */
  has(name: string, type: ObjectType): boolean {
    return this.#group().state.object(type, name) !== undefined
  }
}

function isBranch(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
