import { type Document, type Library, MAIN_SET } from './library.ts'

/** What every library must come to: plain values, right as long as no two documents touch one key. */
export const model: Library = {
  name: 'model',
  isSlow: false,
  isForeign: false,
  create: () => new ModelDocument([]),
  snapshot: (document) => {
    const news = [...modelDocument(document).news]
    return Buffer.from(JSON.stringify({ keys: document.keys(), news }))
  },
  load: (snapshot) => {
    const { keys, news } = JSON.parse(Buffer.from(snapshot).toString()) as Snapshot
    const document = new ModelDocument(keys)
    document.news = new Map(news)
    return document
  },
  pack: (document, messages) => {
    modelDocument(document).news.clear()
    return messages
  },
  sync: async (a, b) => {
    const [newsA, newsB] = [modelDocument(a).takeNews(), modelDocument(b).takeNews()]
    modelDocument(a).take(newsB)
    modelDocument(b).take(newsA)
    return { bytes: 0, flights: 0 }
  },
}

/** The same with the counts that slow libraries get. */
export const slowModel: Library = { ...model, isSlow: true }

interface Change {
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

interface Snapshot {
  readonly keys: readonly string[]
  readonly news: readonly (readonly [string, boolean])[]
}

class ModelDocument implements Document {
  /** What the other replica has not heard of: keys of the main set, and whether they are in it. */
  news = new Map<string, boolean>()
  readonly #sets = new Map<string, Set<string>>()
  #count = 0
  #listener: ((message: Uint8Array) => void) | undefined

  constructor(keys: readonly string[]) {
    this.#sets.set(MAIN_SET, new Set(keys))
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

  change(added: readonly string[], removed: readonly string[], name: string = MAIN_SET): void {
    const set = this.#sets.get(name) ?? new Set()
    this.#sets.set(name, set)
    for (const key of added) set.add(key)
    for (const key of removed) set.delete(key)
    for (const key of added) this.news.set(key, true)
    for (const key of removed) this.news.set(key, false)
    this.#listener?.(Buffer.from(JSON.stringify({ added, removed })))
  }

  has(key: string): boolean {
    return this.#sets.get(MAIN_SET)?.has(key) === true
  }

  keys(set: string = MAIN_SET): readonly string[] {
    return [...(this.#sets.get(set) ?? [])]
  }

  listen(listener: ((message: Uint8Array) => void) | undefined): void {
    this.#listener = listener
  }

  apply(message: Uint8Array): void {
    const { added, removed } = JSON.parse(Buffer.from(message).toString()) as Change
    this.change(added, removed)
    this.news.clear()
  }

  takeNews(): ReadonlyMap<string, boolean> {
    const { news } = this
    this.news = new Map()
    return news
  }

  /** Takes in what is news of another replica. */
  take(news: ReadonlyMap<string, boolean>): void {
    const keys = [...news.keys()]
    this.change(
      keys.filter((key) => news.get(key) === true),
      keys.filter((key) => news.get(key) === false),
    )
    this.news.clear()
  }
}

function modelDocument(document: Document): ModelDocument {
  if (document instanceof ModelDocument) return document
  throw new TypeError('Cannot use document: expected the model')
}
