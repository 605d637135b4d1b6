import { type ByteView, copyRange } from '../base/byte-view.ts'
import type { Deferral, KeyIndex } from './key-index.ts'
import { KIND_SET } from './kinds.ts'
import type { LiveObject } from './live-object.ts'
import type { LiveState } from './live-state.ts'
import { LoadedKeys } from './loaded-keys.ts'
import type { Records } from './records.ts'
import type { RunReader } from './run-reader.ts'
import { varintLength, writeVarint } from './varint.ts'

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

/** While entries come into a state and go that nobody looks at: that they are many costs less then. */
export class Loading {
  readonly #state: LiveState

  constructor(state: LiveState) {
    this.#state = state
  }

  /** What an index takes in afterwards. */
  keysOf(index: KeyIndex): Deferral {
    const { records, slots } = this.#state
    return index.deferred ?? new LoadedKeys(index, records, slots)
  }

  /**
   * Applies those of a stretch's first events that only add elements to one set: most of what is loaded is such,
   * and columns cost less than one event after the other.
   * @returns the first event that was not applied
   */
  applyElements(runs: RunReader, stretch: Stretch): number {
    const { writer, objects, from, to } = stretch
    const { kinds, killStarts, object } = runs
    const first = object[from] ?? 0
    let end = from
    while (end < to && kinds[end] === KIND_SET && object[end] === first) {
      if (killStarts[end] !== killStarts[end + 1]) break
      end += 1
    }
    if (end === from || this.#state.pendingKillsOf(writer).size > 0) return from
    const set = this.#state.objectAt(objects[first] ?? -1)
    if (set.index === undefined) return from
    this.#place(runs, { from, to: end, writer, objects }, set, this.keysOf(set.index))
    return end
  }

  /** Ends loading. What it has put off is done in steps, each a small part of a millisecond. */
  *end(): Generator<void, void, void> {
    const { live } = this.#state
    live.loading = undefined
    for (const { index } of this.#state.objects()) while (index?.deferred?.settleSome()) yield
    while (live.evacuate()) yield
  }

  /** Nobody is told: dots become live, elements of one set. */
  #place(
    runs: RunReader,
    { from, to, writer: index }: Stretch,
    set: LiveObject,
    into: Deferral,
  ): void {
    const { slots, records, live } = this.#state
    const { keyView, keyStarts, keyEnds, keyHashes, highs, lows } = runs
    const n = runs.dots[from] ?? 0
    const writer = this.#state.come(index, n, to - from)
    for (let i = from; i < to; i++) {
      const record = addElement(records, set.id, keyView, keyStarts[i] ?? 0, keyEnds[i] ?? 0)
      into.add(keyHashes[i] ?? 0, slots.insert(writer.live, index, n + i - from, record))
    }
    set.grew(to - from)
    live.fingerprint.noteRow(writer, { highs, lows }, from, to)
  }
}

/** Nobody looks at what comes into a state from here on until {@link endLoading}. */
export function beginLoading(state: LiveState): void {
  state.live.loading = new Loading(state)
}

/** See Loading.end(). */
export function* endLoading({ live }: LiveState): Generator<void, void, void> {
  if (live.loading !== undefined) yield* live.loading.end()
}

/** As Records.add(), for an element of a set. */
function addElement(
  { arena }: Records,
  object: number,
  key: ByteView,
  keyStart: number,
  keyEnd: number,
): number {
  const keyLength = keyEnd - keyStart
  const head = object * 2 + 2
  const position = arena.append(varintLength(head) + varintLength(keyLength) + keyLength)
  const into = arena.at(position)
  let at = writeVarint(into.bytes, arena.offsetOf(position), head)
  at = writeVarint(into.bytes, at, keyLength)
  copyRange(key, keyStart, keyEnd, into, at)
  return position
}
