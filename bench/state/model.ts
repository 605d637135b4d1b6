import type { Document, Library } from './library.ts'

/** What every library must come to: plain values, right as long as one document writes. */
export const model: Library = {
  name: 'model',
  note: '',
  isSlow: false,
  isForeign: false,
  create: () => new ModelDocument(new Set()),
  load: (snapshot) =>
    new ModelDocument(new Set(snapshot.length === 0 ? [] : parse(snapshot).added)),
  pack: (_document, messages) => messages,
  sync: async (a, b) => {
    b.change(a.keys(), [])
    const rest = new Set(a.keys())
    b.change(
      [],
      b.keys().filter((key) => !rest.has(key)),
    )
    return { bytes: 0, flights: 0 }
  },
}

/** The same with the counts that slow libraries get. */
export const slowModel: Library = { ...model, isSlow: true }

interface Change {
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

class ModelDocument implements Document {
  readonly #set: Set<string>
  #count = 0
  #listener: ((message: Uint8Array) => void) | undefined

  constructor(set: Set<string>) {
    this.#set = set
  }

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

  change(added: readonly string[], removed: readonly string[]): void {
    for (const key of added) this.#set.add(key)
    for (const key of removed) this.#set.delete(key)
    this.#listener?.(Buffer.from(JSON.stringify({ added, removed })))
  }

  has(key: string): boolean {
    return this.#set.has(key)
  }

  keys(): readonly string[] {
    return [...this.#set]
  }

  listen(listener: ((message: Uint8Array) => void) | undefined): void {
    this.#listener = listener
  }

  apply(message: Uint8Array): void {
    const { added, removed } = parse(message)
    this.change(added, removed)
  }

  snapshot(): Uint8Array {
    return Buffer.from(JSON.stringify({ added: this.keys(), removed: [] }))
  }
}

function parse(message: Uint8Array): Change {
  return JSON.parse(Buffer.from(message).toString()) as Change
}
