import type { ObjectDiff } from '../../crdt/diff.ts'
import { amountAt, hasSibling, leafAt, pathAt } from '../../crdt/entry-reads.ts'
import { EventDraft } from '../../crdt/event-draft.ts'
import type { Json } from '../../crdt/json.ts'
import type { LiveObject } from '../../crdt/live-object.ts'
import type { LiveState } from '../../crdt/live-state.ts'
import { ObjectReader } from '../../crdt/object-view.ts'
import type { Changes, ObjectChange, Origin } from './changes.ts'

interface Touched {
  readonly object: LiveObject
  readonly origin: Origin
  /** A counter's value before. */
  before: bigint
  /** Set elements: whether each was there before. Map: paths as JSON. */
  readonly keys: Map<string, boolean>
  isTooMuch: boolean
}

/** Members listed in one diff; beyond it readers read the object again. */
const DIFF_MEMBERS_MAX = 1_000

/** Collects which objects changed, and how when somebody wants to know. */
export class ChangeRecorder implements Changes {
  /** Whether diffs are wanted: they cost a look at each entry that comes or goes. */
  hasReaders = false
  #origin: Origin = 'remote'
  #touched = new Map<string, Touched>()
  /** What was over when events of another origin came. */
  #told: ObjectChange[] = []
  #last: Touched | undefined
  #reader: ObjectReader | undefined
  #state: LiveState | undefined
  readonly #draft = new EventDraft()

  /** Whose events come now. Differences end where the origin changes: each is told against the one before. */
  set origin(origin: Origin) {
    if (origin !== this.#origin && this.hasReaders) this.#close()
    this.#origin = origin
  }

  inserted(object: LiveObject, slot: number): void {
    const touched = this.#touch(object)
    if (!this.hasReaders || touched.isTooMuch) return
    switch (object.type) {
      case 'counter':
        if (touched.keys.size === 0) {
          touched.before = object.total - BigInt(amountAt(this.#read().state, slot, this.#draft))
          touched.keys.set('', true)
        }
        return
      case 'set':
        this.#note(touched, this.#read().elementAt(slot), () =>
          hasSibling(this.#read().state, slot, this.#draft),
        )
        return
      case 'map':
        this.#note(
          touched,
          JSON.stringify(pathAt(this.#read().state, slot, this.#draft)),
          () => true,
        )
        return
      default:
        return
    }
  }

  removing(object: LiveObject, slot: number): void {
    const touched = this.#touch(object)
    if (!this.hasReaders || touched.isTooMuch) return
    switch (object.type) {
      case 'counter':
        if (touched.keys.size === 0) {
          touched.before = object.total
          touched.keys.set('', true)
        }
        return
      case 'set':
        this.#note(touched, this.#read().elementAt(slot), () => true)
        return
      case 'map':
        this.#note(
          touched,
          JSON.stringify(pathAt(this.#read().state, slot, this.#draft)),
          () => true,
        )
        return
      default:
        return
    }
  }

  /** The state whose entries are recorded. */
  attach(state: LiveState): void {
    this.#state = state
    this.#reader = new ObjectReader(state)
  }

  /** An object that has changed while nobody looked. */
  touchWhole(object: LiveObject): void {
    this.#touch(object).isTooMuch = true
  }

  /** What changed since the last call. */
  take(): readonly ObjectChange[] {
    this.#close()
    if (this.#told.length === 0) return this.#told
    const changes = this.#told
    this.#told = []
    return changes
  }

  #close(): void {
    if (this.#touched.size === 0) return
    for (const touched of this.#touched.values()) {
      const { origin, object } = touched
      const { name, type: objectType } = object
      const diff = this.hasReaders ? this.#diff(touched) : undefined
      this.#told.push({ object: name, objectType, origin, diff })
    }
    this.#touched = new Map()
    this.#last = undefined
  }

  #touch(object: LiveObject): Touched {
    const last = this.#last
    if (last !== undefined && last.object === object && last.origin === this.#origin) return last
    const key = `${this.#origin} ${object.type} ${object.name}`
    let touched = this.#touched.get(key)
    if (touched === undefined) {
      // What nobody looked at while it changed cannot be told.
      const isTooMuch = !this.hasReaders
      touched = { object, origin: this.#origin, before: 0n, keys: new Map(), isTooMuch }
      this.#touched.set(key, touched)
    }
    this.#last = touched
    return touched
  }

  #note(touched: Touched, key: string, wasThere: () => boolean): void {
    if (touched.keys.has(key)) return
    if (touched.keys.size >= DIFF_MEMBERS_MAX) {
      touched.isTooMuch = true
      return
    }
    touched.keys.set(key, wasThere())
  }

  #diff({ object, keys, before, isTooMuch }: Touched): ObjectDiff | undefined {
    if (isTooMuch) return undefined
    const reader = this.#read()
    const { name } = object
    switch (object.type) {
      case 'counter': {
        const value = this.#state?.object('counter', name)?.total ?? 0n
        return { type: 'counter', value, delta: value - before }
      }
      case 'register':
        return { type: 'register', ...reader.register(name) }
      case 'set': {
        const added: string[] = []
        const removed: string[] = []
        for (const [element, wasThere] of keys) {
          const isThere = reader.setHas(name, element)
          if (isThere && !wasThere) added.push(element)
          if (!isThere && wasThere) removed.push(element)
        }
        return { type: 'set', added, removed }
      }
      case 'map': {
        const set: { readonly path: readonly string[]; readonly value: Json }[] = []
        const removed: (readonly string[])[] = []
        for (const text of keys.keys()) {
          const path = JSON.parse(text) as readonly string[]
          const value = leafAt(reader, name, path)
          if (value === undefined) removed.push(path)
          else set.push({ path, value })
        }
        return { type: 'map', set, removed }
      }
    }
  }

  #read(): ObjectReader {
    if (this.#reader === undefined) throw new Error('Broken invariant: a recorder has a state')
    return this.#reader
  }
}
