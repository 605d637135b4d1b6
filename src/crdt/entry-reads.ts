import { readAmount } from './amount.ts'
import { NO_SLOT } from './chains.ts'
import { type EventDraft, NO_CONTENT } from './event-draft.ts'
import type { Json } from './json.ts'
import type { LiveState } from './live-state.ts'
import { readPath } from './map-path.ts'
import type { ObjectReader } from './object-view.ts'

/** What only whoever tells differences or undoes asks of entries. */

/** Whether another entry lives under the key of an element's slot. @param scratch says afterwards what it says */
export function hasSibling(state: LiveState, slot: number, scratch: EventDraft): boolean {
  state.draftOf(slot, scratch)
  scratch.rehashKey()
  const object = state.objectAt(scratch.object)
  return object.first(scratch) !== slot || object.after(slot, scratch) !== NO_SLOT
}

/** The path of a map's slot. */
export function pathAt(state: LiveState, slot: number, scratch: EventDraft): readonly string[] {
  state.draftOf(slot, scratch)
  return readPath(scratch.keyBytes, scratch.keyStart, scratch.keyEnd)
}

/** The amount of a counter's slot. */
export function amountAt(state: LiveState, slot: number, scratch: EventDraft): number | bigint {
  state.draftOf(slot, scratch)
  return readAmount(scratch.payloadBytes, scratch.payloadStart, { at: 0 })
}

/** The value of a map's leaf at exactly this path; undefined where there is none. */
export function leafAt(
  reader: ObjectReader,
  name: string,
  path: readonly string[],
): Json | undefined {
  const leaf = reader.state.object('map', name)?.tree?.leaf(path)
  return leaf === undefined ? undefined : reader.leafValue(leaf)
}

/** As LiveState.draftOf(), sealed. */
export function sealedOf(state: LiveState, slot: number, draft: EventDraft): void {
  state.draftOf(slot, draft)
  // Entries of kinds of newer versions are part of no object.
  draft.seal(draft.object < 0 ? NO_CONTENT : state.objectAt(draft.object).lanes)
}
