import { present } from '../base/assert.ts'
import { NO_SLOT } from './chains.ts'
import { elementOf, pathOf } from './draft-path.ts'
import type { EventDraft } from './event-draft.ts'
import { KIND_UNKNOWN } from './kinds.ts'
import type { LiveObject } from './live-object.ts'
import type { Records } from './records.ts'
import type { Slots } from './slots.ts'

export interface EvacuationParts {
  readonly records: Records
  readonly slots: Slots
  readonly objectAt: (id: number) => LiveObject
  /** Slots of entries that are part of no object, by their records. */
  readonly unknown: Map<number, number>
  readonly scratch: EventDraft
}

/** Moves the live records out of a chunk too many of whose bytes are dead, and gives it back. */
export function evacuate(chunk: number, parts: EvacuationParts): void {
  const { records, slots, unknown, scratch } = parts
  const { arena } = records
  const from = arena.chunkAt(chunk)
  const end = arena.chunkEnd(chunk)
  let slot = NO_SLOT
  for (let start = 0; start < end; ) {
    const dead = records.deadLength(from.bytes, start)
    if (dead > 0) {
      start += dead
      continue
    }
    const next = records.readAt(from, start, scratch)
    // Entries that came one after the other have neighbouring slots: looking there costs no search by key.
    const position = arena.positionIn(chunk, start)
    slot = slots.findAfter(slot, position)
    if (slot === NO_SLOT) slot = slotAt(scratch, position, parts)
    const moved = records.copy(from, start, next)
    slots.setRecord(slot, moved)
    if (unknown.delete(position)) unknown.set(moved, slot)
    start = next
  }
  arena.drop(chunk)
}

/** The slot whose record lies at a position. */
function slotAt(entry: EventDraft, position: number, parts: EvacuationParts): number {
  const { slots, objectAt, unknown } = parts
  if (entry.kind === KIND_UNKNOWN) return present(unknown.get(position), 'slot')
  const object = objectAt(entry.object)
  if (object.tree !== undefined) {
    const path = pathOf(entry)
    const element = elementOf(entry)
    const chain =
      element === undefined ? object.tree.at(path) : object.tree.elementAt(path, element)
    const slot = chain.find((one) => slots.recordOf(one) === position)
    return present(slot, 'slot')
  }
  entry.rehashKey()
  let slot = object.first(entry)
  while (slots.recordOf(slot) !== position) slot = object.after(slot, entry)
  return slot
}
