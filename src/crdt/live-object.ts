import { chainOf, chainWith, chainWithout, type Entry } from './entry.ts'
import type { ObjectType } from './operation.ts'
import { PathTree } from './path-tree.ts'

/** The live entries of one object, by key. It exists as long as it has any. */
export class LiveObject {
  readonly type: ObjectType
  readonly name: string
  /** Maps keep their leaves here, the other types in `slots`. */
  readonly tree: PathTree = new PathTree()
  /** Set: element. Counter: interned writer. Register: the empty text. */
  readonly slots: Map<string | number, Entry> = new Map()
  #total = 0n
  #growOnly = 0

  constructor(type: ObjectType, name: string) {
    this.type = type
    this.name = name
  }

  get isEmpty(): boolean {
    return this.slots.size === 0 && this.tree.size === 0
  }

  /** A counter's value. */
  get total(): bigint {
    return this.#total
  }

  /** Whether a live entry of this counter was written as grow-only. */
  get isGrowOnly(): boolean {
    return this.#growOnly > 0
  }

  /** Entries under one key of a set, counter or register. */
  at(key: string | number): readonly Entry[] {
    return chainOf(this.slots.get(key))
  }

  insert(entry: Entry): void {
    const { content } = entry
    if (content.type === 'map') {
      this.tree.insert(content.path, entry)
      return
    }
    if (content.type === 'counter') {
      this.#total += content.total
      if (content.growOnly) this.#growOnly += 1
    }
    const key = slotKey(entry)
    this.slots.set(key, chainWith(this.slots.get(key), entry))
  }

  remove(entry: Entry): void {
    const { content } = entry
    if (content.type === 'map') {
      this.tree.remove(content.path, entry)
      return
    }
    if (content.type === 'counter') {
      this.#total -= content.total
      if (content.growOnly) this.#growOnly -= 1
    }
    const key = slotKey(entry)
    const rest = chainWithout(this.slots.get(key), entry)
    if (rest === undefined) this.slots.delete(key)
    else this.slots.set(key, rest)
  }
}

function slotKey(entry: Entry): string | number {
  switch (entry.content.type) {
    case 'counter':
      return entry.replica
    case 'set':
      return entry.content.element
    default:
      return ''
  }
}
