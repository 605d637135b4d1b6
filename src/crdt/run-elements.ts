import type { ByteView } from '../base/byte-view.ts'
import { KIND_SET } from './kinds.ts'
import type { LiveState } from './live-state.ts'
import type { RunReader } from './run-reader.ts'

/** Elements with their hashes as columns, of which some count. */
export interface Elements {
  readonly keys: ByteView
  readonly keyStarts: Int32Array
  readonly keyEnds: Int32Array
  readonly keyHashes: Int32Array
  /** Hashes of what the events say, see EventDraft.seal(). */
  readonly highs: Int32Array
  readonly lows: Int32Array
  readonly from: number
  /** Not included. */
  readonly to: number
}

/** Events of a run that was read. */
export interface Stretch {
  /** Interned in the state. */
  readonly writer: number
  /** Numbers of the run's objects in the state. */
  readonly objects: readonly number[]
  readonly from: number
  /** Not included. */
  readonly to: number
}

/**
 * Applies those of a stretch's first events that only add elements to one set, while state is loaded: most of
 * what is loaded is such, and columns cost less than one event after the other.
 * @returns the first event that was not applied
 */
export function applyElements(state: LiveState, runs: RunReader, stretch: Stretch): number {
  const { writer, objects, from, to } = stretch
  if (!state.isLoading) return from
  const { kinds, killStarts, object, keyView, keyStarts, keyEnds, keyHashes, highs, lows } = runs
  const first = object[from] ?? 0
  let end = from
  while (end < to && kinds[end] === KIND_SET && object[end] === first) {
    if (killStarts[end] !== killStarts[end + 1]) break
    end += 1
  }
  if (end === from) return from
  const elements = { keys: keyView, keyStarts, keyEnds, keyHashes, highs, lows, from, to: end }
  const set = state.objectAt(objects[first] ?? -1)
  return state.applyElements(writer, runs.dots[from] ?? 0, elements, set) ? end : from
}
