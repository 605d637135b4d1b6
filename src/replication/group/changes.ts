import type { ObjectDiff } from '../../crdt/diff.ts'
import type { Recorder } from '../../crdt/live-entries.ts'
import type { LiveObject } from '../../crdt/live-object.ts'
import type { LiveState } from '../../crdt/live-state.ts'
import type { ObjectType } from '../../crdt/operation.ts'

export type Origin = 'local' | 'remote'

/** One object that changed since the last time somebody asked. */
export interface ObjectChange {
  readonly object: string
  readonly objectType: ObjectType
  readonly origin: Origin
  /** Undefined: read it again. */
  readonly diff: ObjectDiff | undefined
}

/** Collects which objects of a group changed. */
export interface Changes extends Recorder {
  /** Whether diffs are wanted, where there can be any. */
  hasReaders: boolean
  /** Whose events come now. */
  set origin(origin: Origin)
  /** The state whose entries are recorded. */
  attach(state: LiveState): void
  /** An object that has changed while nobody looked. */
  touchWhole(object: LiveObject): void
  /** What changed since the last call. */
  take(): readonly ObjectChange[]
}

/** Tells which objects changed, and never how: see ChangeRecorder. */
export class TouchedObjects implements Changes {
  hasReaders = false
  #origin: Origin = 'remote'
  #touched = new Map<string, ObjectChange>()
  #last: LiveObject | undefined

  set origin(origin: Origin) {
    if (origin !== this.#origin) this.#last = undefined
    this.#origin = origin
  }

  inserted(object: LiveObject): void {
    if (object !== this.#last) this.#touch(object)
  }

  removing(object: LiveObject): void {
    if (object !== this.#last) this.#touch(object)
  }

  attach(): void {}

  touchWhole(object: LiveObject): void {
    this.#touch(object)
  }

  take(): readonly ObjectChange[] {
    const changes = [...this.#touched.values()]
    this.#touched = new Map()
    this.#last = undefined
    return changes
  }

  #touch(object: LiveObject): void {
    const origin = this.#origin
    this.#last = object
    const { name, type: objectType } = object
    this.#touched.set(`${origin} ${objectType} ${name}`, {
      object: name,
      objectType,
      origin,
      diff: undefined,
    })
  }
}
