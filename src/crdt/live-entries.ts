import { NO_SLOT } from './chains.ts'
import { elementOf, pathOf } from './draft-path.ts'
import { evacuate } from './evacuation.ts'
import { EventDraft, NO_CONTENT } from './event-draft.ts'
import { Fingerprint } from './fingerprint.ts'
import { KIND_COUNTER, KIND_UNKNOWN } from './kinds.ts'
import type { LiveObject } from './live-object.ts'
import { LiveObjects } from './live-objects.ts'
import type { Loading } from './loading.ts'
import { Records } from './records.ts'
import { Slots } from './slots.ts'
import type { Writer } from './writers.ts'

/** What a record says that is part of no object. */
const NO_OBJECT = -1

/** Sees what transactions do to live entries, to undo them and to tell users. */
export interface Recorder {
  /** An entry has become live. */
  inserted(object: LiveObject, slot: number): void
  /** An entry is about to die. */
  removing(object: LiveObject, slot: number): void
}

/** A writer, its index, and the number of one of its events. */
export interface Dot {
  readonly writer: Writer
  readonly index: number
  readonly n: number
}

/** Live entries come and go: slots, records, objects and the fingerprint tell of the same ones. */
export class LiveEntries {
  readonly slots: Slots = new Slots()
  readonly records: Records = new Records()
  readonly objects: LiveObjects = new LiveObjects(this.records, this.slots)
  readonly fingerprint: Fingerprint = new Fingerprint(this.slots)
  /** Set while somebody wants to know what changes. */
  recorder: Recorder | undefined
  /** Set while nobody looks at what comes in. */
  loading: Loading | undefined
  /** Slots of entries of kinds that only a newer version can apply, by their records. */
  readonly #unknown = new Map<number, number>()
  readonly #dead = new EventDraft()

  /** Entries of kinds that only a newer version can apply. */
  get unknown(): number {
    return this.#unknown.size
  }

  /** A dot becomes live. */
  place({ writer, index, n }: Dot, event: EventDraft): void {
    if (event.kind === KIND_UNKNOWN) {
      // It is part of no object here, and nobody is told.
      const record = this.records.add(NO_OBJECT, event)
      this.#unknown.set(record, this.slots.insert(writer.live, index, n, record))
      return
    }
    const object = this.objects.at(event.object)
    const slot = this.slots.insert(writer.live, index, n, this.records.add(object.id, event))
    if (object.tree === undefined) object.insert(slot, event, this.loading)
    else object.tree.insert(pathOf(event), elementOf(event), slot)
    if (event.kind === KIND_COUNTER) object.count(event, 1)
    this.recorder?.inserted(object, slot)
  }

  /** As {@link place}, under a key that LiveObject.has() has just not found. */
  placeFirst(
    { live }: Writer,
    index: number,
    n: number,
    event: EventDraft,
    object: LiveObject,
  ): void {
    const slot = this.slots.insert(live, index, n, this.records.add(object.id, event))
    object.insertFirst(slot, event)
    this.recorder?.inserted(object, slot)
  }

  /** Has a new entry take the place of the one it kills, if that has its key. @param loser who wrote that */
  replace(loser: Writer, { writer, index, n }: Dot, event: EventDraft): boolean {
    if (event.kind === KIND_UNKNOWN) return false
    const { slots, records } = this
    const killed = event.killDots[0] ?? 0
    const slot = slots.find(loser.live, killed)
    const object = this.objects.at(event.object)
    if (slot === NO_SLOT || object.tree !== undefined) return false
    const dead = this.#dead
    const position = slots.recordOf(slot)
    records.read(position, dead)
    if (!records.isOfSameKey(dead, event)) return false
    this.recorder?.removing(object, slot)
    if (killed <= loser.settled) {
      dead.seal(object.lanes)
      this.fingerprint.subtract(loser, killed, dead)
    }
    if (dead.kind === KIND_COUNTER) {
      object.count(event, 1)
      object.count(dead, -1)
    }
    const isInPlace = records.rewrite(dead, event)
    const fresh = isInPlace ? position : records.add(object.id, event)
    const next = slots.insert(writer.live, index, n, fresh)
    object.replace(slot, next, event)
    slots.remove(loser.live, slot)
    if (!isInPlace) this.#release(position, dead.payloadEnd)
    this.recorder?.inserted(object, next)
    return true
  }

  /** An entry dies. @param sealed what it says, where that is known */
  remove(writer: Writer, slot: number, sealed?: EventDraft): void {
    const { slots, records } = this
    const dead = this.#dead
    const position = slots.recordOf(slot)
    records.read(position, dead)
    const n = slots.dotOf(slot)
    if (dead.kind === KIND_UNKNOWN) {
      dead.seal(NO_CONTENT)
      if (n <= writer.settled) this.fingerprint.subtract(writer, n, dead)
      slots.remove(writer.live, slot)
      this.#unknown.delete(position)
      this.#release(position, dead.payloadEnd)
      return
    }
    const object = this.objects.at(dead.object)
    this.recorder?.removing(object, slot)
    const isCounted = n <= writer.settled
    if (isCounted) {
      if (sealed === undefined) dead.seal(object.lanes)
      this.fingerprint.subtract(writer, n, sealed ?? dead)
    }
    if (object.tree !== undefined) object.tree.remove(pathOf(dead), elementOf(dead), slot)
    else if (!object.dismiss(slot)) {
      if (sealed !== undefined) dead.keyHash = sealed.keyHash
      // A seal has hashed the key; that of a counter is another.
      else if (!isCounted || dead.kind === KIND_COUNTER) dead.rehashKey()
      object.remove(slot, dead)
    }
    if (dead.kind === KIND_COUNTER) object.count(dead, -1)
    slots.remove(writer.live, slot)
    if (object.isEmpty) this.objects.emptied(object)
    this.#release(position, dead.payloadEnd)
  }

  /** Gives up a record that no slot has any more. @param end offset after it */
  #release(position: number, end: number): void {
    const { records } = this
    records.release(position, end - records.arena.offsetOf(position))
    // While entries come in that are not in an index yet they cannot be looked for.
    if (this.loading === undefined) this.evacuate()
  }

  /** Moves what lives out of a chunk too many of whose bytes are dead. @returns whether there was one */
  evacuate(): boolean {
    const { records } = this
    const chunk = records.arena.sparse()
    if (chunk < 0) return false
    evacuate(chunk, {
      records,
      slots: this.slots,
      objectAt: (id) => this.objects.at(id),
      unknown: this.#unknown,
      scratch: this.#dead,
    })
    return true
  }
}
