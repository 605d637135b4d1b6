import { Delta } from 'json-joy/lib/json-crdt/delta/Delta.js'
import { ClockVector, Model, type ObjApi, Patch, s } from 'json-joy/lib/json-crdt/index.js'
import { type Document, type Exchange, type Library, MAIN_SET } from './library.ts'

/** An `obj` node with a constant for each element. json-joy has no counter. */
export const jsonJoy: Library = {
  name: 'json-joy',
  isSlow: false,
  isForeign: false,
  create: (writer) => new JsonJoyDocument(createModel(writer)),
  load: (snapshot, writer) => new JsonJoyDocument(Model.load(snapshot, session(writer), schema())),
  snapshot: (document) => jsonJoyDocument(document).model.toBinary(),
  pack: (_document, messages) => messages,
  sync: async (a, b) => exchange(jsonJoyDocument(a), jsonJoyDocument(b)),
}

type SetModel = ReturnType<typeof createModel>

class JsonJoyDocument implements Document {
  readonly model: SetModel
  readonly #set: ObjApi
  #listener: ((message: Uint8Array) => void) | undefined

  constructor(model: SetModel) {
    this.model = model
    model.api.flush()
    this.#set = model.api.obj([MAIN_SET])
  }

  add(key: string): void {
    this.#set.set({ [key]: true })
    this.#commit()
  }

  remove(key: string): void {
    this.#set.del([key])
    this.#commit()
  }

  change(added: readonly string[], removed: readonly string[], name?: string): void {
    const set = this.#setOf(name)
    if (added.length > 0) set.set(Object.fromEntries(added.map((key) => [key, true])))
    if (removed.length > 0) set.del([...removed])
    this.#commit()
  }

  has(key: string): boolean {
    return this.#set.node.get(key)?.view() === true
  }

  keys(set?: string): readonly string[] {
    const keys: string[] = []
    this.#setOf(set).node.forEach((key: string) => {
      keys.push(key)
    })
    return keys
  }

  listen(listener: ((message: Uint8Array) => void) | undefined): void {
    this.#listener = listener
  }

  apply(message: Uint8Array): void {
    this.model.applyPatch(Patch.fromBinary(message))
  }

  #setOf(name: string | undefined): ObjApi {
    if (name === undefined) return this.#set
    const root = this.model.api.obj([])
    if (!root.has(name)) root.set({ [name]: s.obj({}) })
    return this.model.api.obj([name])
  }

  #commit(): void {
    const patch = this.model.api.flush()
    if (this.#listener !== undefined) this.#listener(patch.toBinary())
  }
}

/** json-joy's delta sync: a version vector, a delta, a delta back. */
function exchange(a: JsonJoyDocument, b: JsonJoyDocument): Exchange {
  const first = a.model.clock.toU8()
  const second = b.model.delta(ClockVector.fromU8(first)).toBinary()
  const incoming = Delta.from(second)
  const third = a.model.delta(incoming.vv1).toBinary()
  a.model.applyDelta(incoming)
  b.model.applyDelta(Delta.from(third))
  return { bytes: first.length + second.length + third.length, flights: 3 }
}

function schema() {
  return s.obj({ [MAIN_SET]: s.obj<Record<string, never>>({}) })
}

function createModel(writer: number) {
  return Model.create(schema(), session(writer))
}

function session(writer: number): number {
  // Real session ids are random in 53 bits: a small one would make small messages.
  return 5_000_000_000_000_000 + writer
}

function jsonJoyDocument(document: Document): JsonJoyDocument {
  if (document instanceof JsonJoyDocument) return document
  throw new TypeError('Cannot use document: expected one of json-joy')
}
