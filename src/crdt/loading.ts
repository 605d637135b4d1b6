import { type ByteView, copyRange } from '../base/byte-view.ts'
import type { Deferral, KeyIndex } from './key-index.ts'
import { KIND_SET } from './kinds.ts'
import type { LiveState } from './live-state.ts'
import { LoadedKeys } from './loaded-keys.ts'
import type { Records } from './records.ts'
import type { RunReader } from './run-reader.ts'
import { varintLength, writeVarint } from './varint.ts'
import type { Writer } from './writers.ts'

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
    const { writer: index, from } = stretch
    const to = this.#placeElements(runs, stretch, runs.dots)
    if (to === from) return from
    const writer = this.#state.come(index, runs.dots[from] ?? 0, to - from)
    this.#state.live.fingerprint.noteRow(writer, runs, from, to)
    return to
  }

  /**
   * As {@link applyElements}, for live entries of events that are adopted afterwards.
   * @param dots of the entries, none of them here already
   */
  insertElements(runs: RunReader, stretch: Stretch, dots: ArrayLike<number>): number {
    const { highs, lows } = runs
    const { fingerprint } = this.#state.live
    const to = this.#placeElements(runs, stretch, dots)
    const writer = this.#writer(stretch)
    const content = { high: 0, low: 0 }
    for (let i = stretch.from; i < to; i++) {
      content.high = highs[i] ?? 0
      content.low = lows[i] ?? 0
      fingerprint.add(writer, dots[i] ?? 0, content)
    }
    return to
  }

  /** Ends loading. What it has put off is done in steps, each a small part of a millisecond. */
  *end(): Generator<void, void, void> {
    const { live } = this.#state
    live.loading = undefined
    for (const { index } of this.#state.objects()) while (index?.deferred?.settleSome()) yield
    while (live.evacuate()) yield
  }

  #writer({ writer }: Stretch): Writer {
    return this.#state.come(writer, this.#state.have(writer) + 1, 0)
  }

  /** Nobody is told: dots become live, elements of one set. @returns the first event that is none of it */
  #placeElements(runs: RunReader, stretch: Stretch, dots: ArrayLike<number>): number {
    const { slots, records } = this.#state
    const { writer, objects, from, to } = stretch
    const { keyView, keyStarts, keyEnds, keyHashes } = runs
    const end = elementsEnd(runs, from, to)
    if (end === from) return from
    const set = this.#state.objectAt(objects[runs.object[from] ?? 0] ?? -1)
    if (set.index === undefined || this.#state.pendingKillsOf(writer).size > 0) return from
    const into = this.keysOf(set.index)
    const { live } = this.#writer(stretch)
    for (let i = from; i < end; i++) {
      const record = addElement(records, set.id, keyView, keyStarts[i] ?? 0, keyEnds[i] ?? 0)
      into.add(keyHashes[i] ?? 0, slots.insert(live, writer, dots[i] ?? 0, record))
    }
    set.grew(end - from)
    return end
  }
}

/** Where a row of events ends that only add elements to one set; `from` if none does. */
function elementsEnd({ kinds, object, killStarts }: RunReader, from: number, to: number): number {
  let end = from
  while (end < to && kinds[end] === KIND_SET && object[end] === object[from]) {
    if (killStarts[end] !== killStarts[end + 1]) break
    end += 1
  }
  return end
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
