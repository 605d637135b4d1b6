import { NO_SLOT } from './chains.ts'
import type { LiveState } from './live-state.ts'
import type { CheckedOperation } from './operation.ts'
import { TextKey } from './text-key.ts'

/**
 * Counts which dots operations would kill, before they run: too many are refused while nothing has changed.
 * Never less than what Mutator kills of the entries that are live now.
 */
export class KillCounter {
  readonly #state: LiveState
  readonly #key = new TextKey()

  constructor(state: LiveState) {
    this.#state = state
  }

  /** Kills of live entries by one operation. */
  of(operation: CheckedOperation): number {
    switch (operation.type) {
      case 'counter-add':
        // A writer has one entry, unless somebody wrote under its id.
        return 1 + this.#surplus('counter', operation.object)
      case 'register-set':
        return this.#state.object('register', operation.object)?.entries ?? 0
      case 'set-add':
      case 'set-remove':
        return this.#ofElements(operation.object, operation.values)
      case 'retract':
        return operation.dots.length
      default:
        return this.#inMap(operation)
    }
  }

  #inMap(operation: Extract<CheckedOperation, { readonly path: readonly string[] }>): number {
    const tree = this.#state.object('map', operation.object)?.tree
    const { type, path } = operation
    if (tree === undefined) return 0
    if (type === 'map-remove') return tree.below(path).length
    let kills = 0
    if (type === 'map-set-add' || type === 'map-set-remove') {
      for (const value of operation.values) kills += tree.elementAt(path, value).length
      if (type === 'map-set-remove') return kills
      kills += tree.at(path).length + tree.strictlyBelow(path).length
    } else kills = tree.below(path).length
    return kills + tree.above(path).length
  }

  /** Entries beyond one a key: where there are few, counting them all is as good as looking at each key. */
  #surplus(type: 'counter' | 'set', name: string): number {
    const object = this.#state.object(type, name)
    return object === undefined ? 0 : object.entries - object.keys
  }

  #ofElements(name: string, values: readonly string[]): number {
    const surplus = this.#surplus('set', name)
    if (surplus <= values.length) return values.length + surplus
    const object = this.#state.object('set', name)
    if (object === undefined) return 0
    const key = this.#key
    let kills = 0
    for (const value of values) {
      key.put(value)
      for (let slot = object.first(key); slot !== NO_SLOT; slot = object.after(slot, key)) {
        kills += 1
      }
    }
    return kills
  }
}
