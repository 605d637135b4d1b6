import { assert } from '../base/assert.ts'
import type { Hash64 } from '../base/hash.ts'
import type { ReplicaId } from '../base/ids.ts'
import { NO_SLOT } from './chains.ts'
import type { ElementRow } from './element-row.ts'
import { type EventDraft, type Lanes, NO_CONTENT } from './event-draft.ts'
import { KIND_NONE, KIND_SET } from './kinds.ts'
import { LiveEntries } from './live-entries.ts'
import type { LiveObject } from './live-object.ts'
import type { ObjectType } from './operation.ts'
import type { Records } from './records.ts'
import type { Slots } from './slots.ts'
import { type Writer, Writers } from './writers.ts'

/** Elements of a row, on their way into a set. @param to not included */
export interface RowPart {
  readonly object: LiveObject
  readonly from: number
  readonly to: number
}

/**
 * State as a function of a set of events, closed under each writer's prefix:
 *
 *     live(E) = { dots with an entry in E } minus { dots killed by an event in E }
 *
 * Applying events in any order that is FIFO per writer gives the same state. A dot's life is monotone:
 * unseen → live → dead, or unseen → dead. See Bieniusa et al., "An optimized conflict-free replicated
 * set" (2012), and Almeida et al., "Delta state replicated data types" (2018).
 *
 * Entries live in columns (Slots) over bytes (Records); objects find them by key.
 */
export class LiveState {
  /** For its owner alone. */
  readonly live: LiveEntries = new LiveEntries()
  readonly #entries = this.live
  readonly slots: Slots = this.#entries.slots
  readonly records: Records = this.#entries.records
  readonly #objects = this.#entries.objects
  readonly #fingerprint = this.#entries.fingerprint
  readonly #writers = new Writers()
  #events = 0
  #waitingKills = 0

  /** Replicas ever mentioned, with or without events. */
  get replicaCount(): number {
    return this.#writers.count
  }

  /** Order-free hash of the version vector. */
  get vectorHash(): Hash64 {
    return this.#writers.vectorHash
  }

  /** Order-free hash of the live entries. */
  get fingerprint(): Hash64 {
    for (const writer of this.#writers.each()) this.#fingerprint.settle(writer)
    return this.#fingerprint.hash
  }

  /** Events integrated. */
  get events(): number {
    return this.#events
  }

  /** Live entries. */
  get entries(): number {
    return this.slots.count
  }

  /** Live entries of kinds that only a newer version can apply: kept like others, and part of no object. */
  get unapplied(): number {
    return this.#entries.unknown
  }

  /** The small integer that stands for a replica in this group. */
  intern(id: ReplicaId): number {
    return this.#writers.intern(id)
  }

  indexOf(id: ReplicaId): number | undefined {
    return this.#writers.indexOf(id)
  }

  /** The replica whose id's hash has this low half; undefined when there is none, or more than one. */
  indexOfHash(low: number): number | undefined {
    return this.#writers.indexOfHash(low)
  }

  replicaAt(index: number): ReplicaId {
    return this.#writers.at(index).id
  }

  have(index: number): number {
    return this.#writers.haveAt(index)
  }

  haveOf(id: ReplicaId): number {
    const index = this.indexOf(id)
    return index === undefined ? 0 : this.have(index)
  }

  /**
   * Hash over the sequence of a writer's integrated events, from its id on: two stores with one dot's two
   * lives differ in it.
   */
  chainOf(index: number): Lanes {
    return this.#writers.chainAt(index)
  }

  /** Hash of a writer's id. */
  lanesOf(index: number): Lanes {
    return this.#writers.at(index)
  }

  pendingKillsOf(index: number): ReadonlySet<number> {
    return this.#writers.at(index).pendingKills
  }

  /** Kills that came before their add, of all writers. */
  pendingKillCount(): number {
    return this.#waitingKills
  }

  /** The object of a name, unless it holds nothing. */
  object(type: ObjectType, name: string): LiveObject | undefined {
    return this.#objects.find(type, name)
  }

  /** The object of a name, made when it is new; {@link sweep} takes it back if nothing comes of it. */
  objectFor(type: ObjectType, name: string): LiveObject {
    return this.#objects.ensure(type, name)
  }

  objectAt(id: number): LiveObject {
    return this.#objects.at(id)
  }

  objectName(id: number): string {
    return this.#objects.at(id).name
  }

  /** Forgets objects without entries. Their numbers get a new meaning: not while a run is open. */
  sweep(): void {
    this.#objects.sweep()
  }

  /** Objects with live entries, unordered. */
  objects(): Iterable<LiveObject> {
    return this.#objects.each()
  }

  get objectCount(): number {
    return this.#objects.count
  }

  /**
   * Applies the next event of a writer; {@link advance} closes a row of them.
   * @param event sealed; its kills are interned here
   */
  apply(index: number, n: number, event: EventDraft): void {
    const writer = this.#next(index, n, event)
    const isUnborn = writer.pendingKills.size > 0 && writer.pendingKills.delete(n)
    if (isUnborn) this.#waitingKills -= 1
    // Insertion first: an object does not end and begin anew when a write replaces its only entry.
    if (event.kind !== KIND_NONE && !isUnborn) {
      if (event.killCount === 1) {
        const loser = this.#writers.at(event.killWriters[0] ?? 0)
        if (this.#entries.replace(loser, { writer, index, n }, event)) return
      }
      this.#entries.place({ writer, index, n }, event)
    }
    const { killCount, killWriters, killDots } = event
    for (let i = 0; i < killCount; i++) this.kill(killWriters[i] ?? 0, killDots[i] ?? 0)
  }

  /**
   * As {@link apply}, for a writer's next events that add elements of a row to a set, up to the first that is
   * there already.
   * @param draft scratch @returns index of that one, or `to`
   */
  applyRow(
    index: number,
    row: ElementRow,
    { object, from, to }: RowPart,
    draft: EventDraft,
  ): number {
    const writer = this.#writers.at(index)
    draft.kind = KIND_SET
    draft.object = object.id
    const isPlain = writer.pendingKills.size === 0
    let n = writer.have
    let at = from
    for (; at < to; at++) {
      row.draft(at, draft)
      if (object.has(draft)) break
      n += 1
      if (isPlain) this.#entries.placeFirst(writer, index, n, draft, object)
      else this.apply(index, n, draft)
    }
    if (isPlain) {
      this.come(index, writer.have + 1, at - from)
      this.#fingerprint.noteRow(writer, row, from, at)
    }
    return at
  }

  /**
   * As {@link apply}, for an event that does no more than kill an entry of a set.
   * @param slot the entry's @param sealed its content
   */
  applyKill(index: number, n: number, slot: number, sealed: EventDraft): void {
    const writer = this.#next(index, n, NO_CONTENT)
    if (writer.pendingKills.size > 0 && writer.pendingKills.delete(n)) this.#waitingKills -= 1
    this.#entries.remove(this.#writers.at(this.slots.writerOf(slot)), slot, sealed)
  }

  /** A dot dies, or will when its event comes. */
  kill(index: number, n: number): void {
    const writer = this.#writers.at(index)
    if (n > writer.have) {
      this.#waitingKills -= writer.pendingKills.size
      writer.pendingKills.add(n)
      this.#waitingKills += writer.pendingKills.size
      return
    }
    const slot = this.slots.find(writer.live, n)
    if (slot !== NO_SLOT) this.#entries.remove(writer, slot)
  }

  isLive(index: number, n: number): boolean {
    return this.slots.find(this.#writers.at(index).live, n) !== NO_SLOT
  }

  /** Makes a dot live whose event is not applied but adopted. @param event its sealed content */
  insert(index: number, n: number, event: EventDraft): void {
    const writer = this.#writers.at(index)
    this.#fingerprint.add(writer, n, event)
    this.#entries.place({ writer, index, n }, event)
  }

  /**
   * Closes a transaction or a row of them: moves fingerprint and vector hash.
   * @param before `have` before the first
   */
  advance(index: number, before: number, chain: Lanes): void {
    const writer = this.#writers.at(index)
    this.#fingerprint.settle(writer)
    this.#writers.advance(writer, before, chain)
  }

  /** Adopts a writer's events without having seen each: their live entries are in place already. */
  adopt(index: number, have: number, chain: Lanes): void {
    const writer = this.#writers.at(index)
    assert(have >= writer.have, 'have is monotone')
    this.#waitingKills -= writer.pendingKills.size
    for (const n of writer.pendingKills) if (n <= have) writer.pendingKills.delete(n)
    this.#waitingKills += writer.pendingKills.size
    this.jump(index, have, chain)
  }

  /** Has a writer's events end elsewhere; what lives of them is as it has to be. */
  jump(index: number, have: number, chain: Lanes): void {
    const writer = this.#writers.at(index)
    const before = writer.have
    this.#fingerprint.settle(writer)
    writer.have = have
    writer.settled = have
    this.#events += have - before
    this.advance(index, before, chain)
  }

  /** Visits a writer's live dots in order, see Slots.walk. */
  walk(
    index: number,
    from: number,
    to: number,
    visit: (slot: number, n: number) => boolean,
  ): number {
    return this.slots.walk(this.#writers.at(index).live, from, to, visit)
  }

  /** Which of a writer's dots from … to live: a bit each, least first. */
  liveBits(index: number, from: number, to: number): Int32Array {
    return this.slots.liveBits(this.#writers.at(index).live, from, to)
  }

  /** Fills a draft with the content of a live slot, unsealed. */
  draftOf(slot: number, draft: EventDraft): void {
    this.records.read(this.slots.recordOf(slot), draft)
  }

  /** A writer's next events come: whoever calls notes and applies them. @param n the first */
  come(index: number, n: number, count: number): Writer {
    const writer = this.#writers.at(index)
    assert(n === writer.have + 1, 'events in order')
    writer.have += count
    this.#events += count
    return writer
  }

  #next(index: number, n: number, content: Lanes): Writer {
    const writer = this.come(index, n, 1)
    this.#fingerprint.note(writer, content)
    return writer
  }
}
