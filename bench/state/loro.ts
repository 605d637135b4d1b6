import { LoroDoc, type VersionVector } from 'loro-crdt'
import { type Document, type Exchange, type Library, MAIN_SET } from './library.ts'

/** A LoroMap from element to true, and a LoroCounter. */
export const loro: Library = {
  name: 'loro',
  isSlow: false,
  isShallow: true,
  isForeign: true,
  create: (writer) => new LoroDocument(writer),
  load: (snapshot, writer) => {
    const document = new LoroDocument(writer)
    document.apply(snapshot)
    return document
  },
  snapshot: (document) => {
    const { doc } = loroDocument(document)
    // Shallow: the smaller ones.
    return doc.export({ mode: 'shallow-snapshot', frontiers: doc.frontiers() })
  },
  pack: (document) => [loroDocument(document).doc.export({ mode: 'update' })],
  sync: async (a, b) => exchange(loroDocument(a), loroDocument(b)),
}

class LoroDocument implements Document {
  readonly doc: LoroDoc
  readonly #set
  #stop = (): void => {}

  constructor(writer: number) {
    this.doc = new LoroDoc()
    // Real peer ids are random in 64 bits: a small one would make small messages.
    this.doc.setPeerId(9_000_000_000_000_000_000n + BigInt(writer))
    this.#set = this.doc.getMap(MAIN_SET)
  }

  get counter(): { increment(times: number): void; value(): number } {
    // Made on demand: a document that has touched its counter refuses to import a shallow snapshot.
    const counter = this.doc.getCounter('c')
    return {
      increment: (times) => {
        for (let i = 0; i < times; i++) counter.increment(1)
        this.doc.commit()
      },
      value: () => counter.value,
    }
  }

  add(key: string): void {
    this.#set.set(key, true)
    this.doc.commit()
  }

  remove(key: string): void {
    this.#set.delete(key)
    this.doc.commit()
  }

  change(added: readonly string[], removed: readonly string[], set?: string): void {
    const map = this.#mapOf(set)
    for (const key of added) map.set(key, true)
    for (const key of removed) map.delete(key)
    this.doc.commit()
  }

  has(key: string): boolean {
    return this.#set.get(key) !== undefined
  }

  keys(set?: string): readonly string[] {
    return this.#mapOf(set).keys()
  }

  listen(listener: ((message: Uint8Array) => void) | undefined): void {
    this.#stop()
    this.#stop = listener === undefined ? () => {} : this.doc.subscribeLocalUpdates(listener)
  }

  apply(message: Uint8Array): void {
    this.doc.import(message)
  }

  /** Undefined when a replica with this version has everything. */
  missing(version: VersionVector): Uint8Array | undefined {
    const order = this.doc.oplogVersion().compare(version)
    return order === 0 || order === -1
      ? undefined
      : this.doc.export({ mode: 'update', from: version })
  }

  #mapOf(set: string | undefined) {
    return set === undefined ? this.#set : this.doc.getMap(set)
  }
}

/** Both tell their version vector; who is ahead answers. */
function exchange(a: LoroDocument, b: LoroDocument): Exchange {
  const [versionA, versionB] = [a.doc.oplogVersion(), b.doc.oplogVersion()]
  const vectors = versionA.encode().length + versionB.encode().length
  const toA = b.missing(versionA)
  const toB = a.missing(versionB)
  if (toA !== undefined) a.apply(toA)
  if (toB !== undefined) b.apply(toB)
  const flights = toA === undefined && toB === undefined ? 1 : 2
  return { bytes: vectors + (toA?.length ?? 0) + (toB?.length ?? 0), flights }
}

function loroDocument(document: Document): LoroDocument {
  if (document instanceof LoroDocument) return document
  throw new TypeError('Cannot use document: expected one of Loro')
}
