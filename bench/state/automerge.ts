import {
  applyChanges,
  Counter,
  change,
  clone,
  type Doc,
  generateSyncMessage,
  getLastLocalChange,
  init,
  initSyncState,
  load,
  loadIncremental,
  receiveSyncMessage,
  save,
  saveSince,
} from '@automerge/automerge'
import { type Document, type Exchange, type Library, MAIN_SET } from './library.ts'

interface Content extends Record<string, unknown> {
  /** By name. */
  sets: Record<string, Record<string, boolean>>
  c: Counter
}

/** An object with a key for each element, and a Counter. */
export const automerge: Library = {
  name: 'automerge',
  isSlow: true,
  isForeign: true,
  create: (writer) => new AutomergeDocument(clone(beginning(), { actor: actor(writer) })),
  load: (snapshot, writer) => new AutomergeDocument(load(snapshot, { actor: actor(writer) })),
  snapshot: (document) => save(automergeDocument(document).doc),
  pack: (document) => [saveSince(automergeDocument(document).doc, [])],
  sync: async (a, b) => exchange(automergeDocument(a), automergeDocument(b)),
}

class AutomergeDocument implements Document {
  doc: Doc<Content>
  #listener: ((message: Uint8Array) => void) | undefined

  constructor(doc: Doc<Content>) {
    this.doc = doc
  }

  get counter(): { increment(times: number): void; value(): number } {
    return {
      increment: (times) =>
        this.#commit((content) => {
          for (let i = 0; i < times; i++) content.c.increment(1)
        }),
      value: () => this.doc.c.value,
    }
  }

  add(key: string): void {
    this.#commit((content) => {
      setOf(content, MAIN_SET)[key] = true
    })
  }

  remove(key: string): void {
    this.#commit((content) => {
      delete setOf(content, MAIN_SET)[key]
    })
  }

  change(added: readonly string[], removed: readonly string[], name: string = MAIN_SET): void {
    this.#commit((content) => {
      const set = setOf(content, name)
      for (const key of added) set[key] = true
      for (const key of removed) delete set[key]
    })
  }

  has(key: string): boolean {
    return this.doc.sets[MAIN_SET]?.[key] === true
  }

  keys(set: string = MAIN_SET): readonly string[] {
    return Object.keys(this.doc.sets[set] ?? {})
  }

  listen(listener: ((message: Uint8Array) => void) | undefined): void {
    this.#listener = listener
  }

  apply(message: Uint8Array): void {
    this.doc = loadIncremental(this.doc, message)
  }

  #commit(mutate: (content: Content) => void): void {
    this.doc = change(this.doc, { time: 0 }, mutate)
    if (this.#listener === undefined) return
    const last = getLastLocalChange(this.doc)
    if (last !== undefined) this.#listener(last)
  }
}

/** Automerge's own sync protocol until both fall silent. */
function exchange(a: AutomergeDocument, b: AutomergeDocument): Exchange {
  let stateA = initSyncState()
  let stateB = initSyncState()
  let bytes = 0
  let flights = 0
  for (;;) {
    const [nextA, toB] = generateSyncMessage(a.doc, stateA)
    const [nextB, toA] = generateSyncMessage(b.doc, stateB)
    stateA = nextA
    stateB = nextB
    if (toA === null && toB === null) return { bytes, flights }
    flights += 1
    bytes += (toA?.length ?? 0) + (toB?.length ?? 0)
    if (toB !== null) [b.doc, stateB] = receiveSyncMessage(b.doc, stateB, toB)
    if (toA !== null) [a.doc, stateA] = receiveSyncMessage(a.doc, stateA, toA)
  }
}

/** The change that makes both objects, the same one for every replica. */
function beginning(): Doc<Content> {
  const first = change(init<Content>({ actor: actor(0) }), { time: 0 }, (content) => {
    content.sets = { [MAIN_SET]: {} }
    content.c = new Counter(0)
  })
  const made = getLastLocalChange(first)
  if (made === undefined) throw new Error('Cannot begin: Automerge made no change')
  return applyChanges(init<Content>(), [made])[0]
}

/** Within a change: a set that nobody has written to yet comes to be. */
function setOf({ sets }: Content, name: string): Record<string, boolean> {
  const known = sets[name]
  if (known !== undefined) return known
  sets[name] = {}
  return sets[name]
}

function actor(writer: number): string {
  return writer.toString(16).padStart(2, '0').repeat(16)
}

function automergeDocument(document: Document): AutomergeDocument {
  if (document instanceof AutomergeDocument) return document
  throw new TypeError('Cannot use document: expected one of Automerge')
}
