import * as Y from 'yjs'
import { type Document, type Exchange, type Library, MAIN_SET } from './library.ts'

/** A Y.Map from element to true. Yjs has no counter. */
export const yjs: Library = {
  name: 'yjs',
  isSlow: false,
  isForeign: false,
  create: (writer) => new YjsDocument(writer),
  load: (snapshot, writer) => {
    const document = new YjsDocument(writer)
    document.apply(snapshot)
    return document
  },
  snapshot: (document) => Y.encodeStateAsUpdate(yjsDocument(document).doc),
  pack: (document) => [Y.encodeStateAsUpdate(yjsDocument(document).doc)],
  sync: async (a, b) => exchange(yjsDocument(a), yjsDocument(b)),
}

class YjsDocument implements Document {
  readonly doc: Y.Doc
  readonly #set: Y.Map<boolean>
  #stop = (): void => {}

  constructor(writer: number) {
    this.doc = new Y.Doc()
    // Real client ids are random in 32 bits: a small one would make small messages.
    this.doc.clientID = 3_000_000_000 + writer
    this.#set = this.doc.getMap(MAIN_SET)
  }

  add(key: string): void {
    this.#set.set(key, true)
  }

  remove(key: string): void {
    this.#set.delete(key)
  }

  change(added: readonly string[], removed: readonly string[], set?: string): void {
    const map = this.#mapOf(set)
    this.doc.transact(() => {
      for (const key of added) map.set(key, true)
      for (const key of removed) map.delete(key)
    })
  }

  has(key: string): boolean {
    return this.#set.has(key)
  }

  keys(set?: string): readonly string[] {
    return [...this.#mapOf(set).keys()]
  }

  listen(listener: ((message: Uint8Array) => void) | undefined): void {
    this.#stop()
    this.#stop = () => {}
    if (listener === undefined) return
    const observe = (update: Uint8Array): void => listener(update)
    this.doc.on('update', observe)
    this.#stop = () => this.doc.off('update', observe)
  }

  apply(message: Uint8Array): void {
    Y.applyUpdate(this.doc, message)
  }

  #mapOf(set: string | undefined): Y.Map<boolean> {
    return set === undefined ? this.#set : this.doc.getMap(set)
  }
}

/** Both tell their state vector, both answer: step 1 and step 2 of Yjs's own sync protocol, each way. */
function exchange(a: YjsDocument, b: YjsDocument): Exchange {
  const vectorA = Y.encodeStateVector(a.doc)
  const vectorB = Y.encodeStateVector(b.doc)
  const toA = Y.encodeStateAsUpdate(b.doc, vectorA)
  const toB = Y.encodeStateAsUpdate(a.doc, vectorB)
  a.apply(toA)
  b.apply(toB)
  return { bytes: vectorA.length + vectorB.length + toA.length + toB.length, flights: 2 }
}

function yjsDocument(document: Document): YjsDocument {
  if (document instanceof YjsDocument) return document
  throw new TypeError('Cannot use document: expected one of Yjs')
}
