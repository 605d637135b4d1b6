import { type Document, type Library, MAIN_SET } from './library.ts'

/** What every library must come to: maps in which the last change of a key wins. */
export const model: Library = {
  name: 'model',
  isSlow: false,
  isForeign: false,
  create: () => new ModelDocument(),
  snapshot: (document) => Buffer.from(JSON.stringify(modelDocument(document).changes())),
  load: (snapshot) => {
    const document = new ModelDocument()
    document.apply(snapshot)
    return document
  },
  pack: (_document, messages) => messages,
  sync: async (a, b) => {
    modelDocument(a).take(modelDocument(b).changes())
    modelDocument(b).take(modelDocument(a).changes())
    return { bytes: 0, flights: 0 }
  },
}

/** The same with the counts that slow libraries get. */
export const slowModel: Library = { ...model, isSlow: true }

/** Set, key, and when it was added; below zero, when it was removed. */
type Changed = readonly [string, string, number]

class ModelDocument implements Document {
  readonly #sets = new Map<string, Map<string, number>>()
  #now = 0
  #count = 0
  #listener: ((message: Uint8Array) => void) | undefined

  readonly counter: { increment(times: number): void; value(): number } = {
    increment: (times) => {
      this.#count += times
    },
    value: () => this.#count,
  }

  add(key: string): void {
    this.change([key], [])
  }

  remove(key: string): void {
    this.change([], [key])
  }

  change(added: readonly string[], removed: readonly string[], set: string = MAIN_SET): void {
    this.#now += 1
    const changes: Changed[] = []
    for (const key of added) changes.push([set, key, this.#now])
    for (const key of removed) changes.push([set, key, -this.#now])
    this.take(changes)
    this.#listener?.(Buffer.from(JSON.stringify(changes)))
  }

  has(key: string): boolean {
    return (this.#sets.get(MAIN_SET)?.get(key) ?? -1) > 0
  }

  keys(set: string = MAIN_SET): readonly string[] {
    const keys: string[] = []
    for (const [key, at] of this.#sets.get(set) ?? []) if (at > 0) keys.push(key)
    return keys
  }

  listen(listener: ((message: Uint8Array) => void) | undefined): void {
    this.#listener = listener
  }

  apply(message: Uint8Array): void {
    this.take(JSON.parse(Buffer.from(message).toString()) as Changed[])
  }

  changes(): readonly Changed[] {
    const changes: Changed[] = []
    for (const [set, keys] of this.#sets) for (const [key, at] of keys) changes.push([set, key, at])
    return changes
  }

  take(changes: readonly Changed[]): void {
    for (const [set, key, at] of changes) {
      const keys = this.#sets.get(set) ?? new Map<string, number>()
      this.#sets.set(set, keys)
      if (Math.abs(at) >= Math.abs(keys.get(key) ?? 0)) keys.set(key, at)
      this.#now = Math.max(this.#now, Math.abs(at))
    }
  }
}

function modelDocument(document: Document): ModelDocument {
  if (document instanceof ModelDocument) return document
  throw new TypeError('Cannot use document: expected the model')
}
