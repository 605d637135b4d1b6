import { compareText } from '../base/bytes.ts'
import type { Entry } from './entry.ts'
import { type Json, jsonValue } from './json.ts'
import type { LiveState } from './live-state.ts'

/** A register as read: the last write wins, concurrent ones stay visible. */
export interface RegisterValue {
  /** Undefined when never written. */
  readonly value: Json | undefined
  /** All live values, the winner first. */
  readonly siblings: readonly Json[]
}

export function readRegister(state: LiveState, name: string): RegisterValue {
  const siblings = winnersFirst(state, state.object('register', name)?.at('') ?? []).map(entryJson)
  return { value: siblings[0], siblings }
}

/** Elements in code-unit order. */
export function readSet(state: LiveState, name: string): readonly string[] {
  const elements: string[] = []
  for (const key of state.object('set', name)?.slots.keys() ?? []) elements.push(String(key))
  return elements.sort(compareText)
}

/** The leaf at a path, an object of what lies below it, or undefined. */
export function readMap(state: LiveState, name: string, path: readonly string[]): Json | undefined {
  return state.object('map', name)?.tree.fold<Json>(
    path,
    (siblings) => {
      const winner = winnersFirst(state, siblings)[0]
      return winner === undefined ? null : entryJson(winner)
    },
    (children) => {
      const value = {}
      const sorted = [...children].sort(([a], [b]) => compareText(a, b))
      for (const [key, child] of sorted) {
        // Defining, not assigning: a component "__proto__" is a key like any other.
        Object.defineProperty(value, key, {
          value: child,
          enumerable: true,
          configurable: true,
          writable: true,
        })
      }
      return value
    },
  )
}

/** Order of concurrent entries: highest stamp, then replica id, then n. The same on every replica. */
function winnersFirst(state: LiveState, siblings: readonly Entry[]): readonly Entry[] {
  if (siblings.length < 2) return siblings
  return siblings.toSorted(
    (a, b) =>
      b.stamp - a.stamp ||
      compareText(state.replicaAt(b.replica), state.replicaAt(a.replica)) ||
      b.n - a.n,
  )
}

function entryJson(entry: Entry): Json {
  const { content } = entry
  return content.type === 'register' || content.type === 'map' ? jsonValue(content.json) : null
}
