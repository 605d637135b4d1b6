import { present } from '../base/assert.ts'
import { objectLanes } from './lanes.ts'
import { LiveObject } from './live-object.ts'
import type { ObjectType } from './operation.ts'
import type { Records } from './records.ts'
import type { Slots } from './slots.ts'

/** The objects of one state, by type and name and by the number that records know them by. */
export class LiveObjects {
  readonly #records: Records
  readonly #slots: Slots
  readonly #named = {
    counter: new Map<string, LiveObject>(),
    set: new Map<string, LiveObject>(),
    register: new Map<string, LiveObject>(),
    map: new Map<string, LiveObject>(),
  }
  /** The one that was asked for last: most ask for it again. */
  #last: LiveObject | undefined
  readonly #byId: (LiveObject | undefined)[] = []
  readonly #freeIds: number[] = []
  /** Objects that had no entries at some time since the last sweep. */
  readonly #emptied = new Set<LiveObject>()

  constructor(records: Records, slots: Slots) {
    this.#records = records
    this.#slots = slots
  }

  /** Objects with live entries. */
  get count(): number {
    let count = 0
    for (const objects of Object.values(this.#named)) count += objects.size
    for (const object of this.#emptied) if (object.isEmpty) count -= 1
    return count
  }

  /** The object of a name, unless it holds nothing. */
  find(type: ObjectType, name: string): LiveObject | undefined {
    const object = this.#known(type, name)
    return object === undefined || object.isEmpty ? undefined : object
  }

  /** The object of a name, made when it is new; {@link sweep} takes it back if nothing comes of it. */
  ensure(type: ObjectType, name: string): LiveObject {
    const known = this.#known(type, name)
    if (known !== undefined) return known
    const id = this.#freeIds.pop() ?? this.#byId.length
    const lanes = objectLanes(type, name)
    const [records, slots] = [this.#records, this.#slots]
    const object = new LiveObject({ type, name, id, lanes, records, slots })
    this.#named[type].set(name, object)
    this.#byId[id] = object
    this.#emptied.add(object)
    return object
  }

  at(id: number): LiveObject {
    return present(this.#byId[id], 'object')
  }

  /** Notes that an object has lost its last entry. */
  emptied(object: LiveObject): void {
    this.#emptied.add(object)
  }

  /** Forgets objects without entries. Their numbers get a new meaning: not while a run is open. */
  sweep(): void {
    if (this.#emptied.size === 0) return
    for (const object of this.#emptied) {
      if (!object.isEmpty) continue
      this.#named[object.type].delete(object.name)
      this.#byId[object.id] = undefined
      this.#freeIds.push(object.id)
    }
    this.#emptied.clear()
    this.#last = undefined
  }

  /** Objects with live entries, unordered. */
  *each(): Generator<LiveObject> {
    for (const objects of Object.values(this.#named)) {
      for (const object of objects.values()) if (!object.isEmpty) yield object
    }
  }

  #known(type: ObjectType, name: string): LiveObject | undefined {
    const last = this.#last
    if (last !== undefined && last.type === type && last.name === name) return last
    const object = this.#named[type].get(name)
    if (object !== undefined) this.#last = object
    return object
  }
}
