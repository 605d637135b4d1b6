import { assert, present } from '../base/assert.ts'
import { HASH64_ZERO, type Hash64 } from '../base/hash.ts'
import { mixNumber32 } from '../base/hash32.ts'
import type { ReplicaId } from '../base/ids.ts'
import { readUtf8 } from '../base/utf8.ts'
import { isGrowOnlyAmount, readAmount } from './amount.ts'
import { EventDraft, type Lanes } from './event-draft.ts'
import { KIND_COUNTER, KIND_MAP_SET, KIND_NONE, KIND_UNKNOWN } from './kinds.ts'
import { dotShare, objectLanes, replicaLanes } from './lanes.ts'
import { LiveObject } from './live-object.ts'
import { readPath } from './map-path.ts'
import type { ObjectType } from './operation.ts'
import { Records } from './records.ts'
import { NO_SLOT, Slots, type WriterPages, writerPages } from './slots.ts'

/** Sees what transactions do to live entries, to undo them and to tell users. */
export interface Recorder {
  /** An entry has become live. */
  inserted(object: LiveObject, slot: number): void
  /** An entry is about to die. */
  removing(object: LiveObject, slot: number): void
}

interface Writer {
  readonly id: ReplicaId
  readonly high: number
  readonly low: number
  /** Highest integrated n: all of 1 … have are integrated. */
  have: number
  /** Hash over all its events up to `have`, see {@link LiveState.chainOf}. */
  chain: Lanes
  readonly live: WriterPages
  /** Kills that came before their add. Never merged with `have`: that loses adds (Akka #22188). */
  readonly pendingKills: Set<number>
}

const NO_CHAIN: Lanes = { high: 0, low: 0 }

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
  readonly slots: Slots = new Slots()
  readonly records: Records = new Records()
  /** Set while somebody wants to know what changes. */
  recorder: Recorder | undefined
  readonly #writers: Writer[] = []
  readonly #indexes = new Map<ReplicaId, number>()
  /** The one that was asked for last: most ask for it again. */
  #lastId: ReplicaId | undefined
  #lastIndex = -1
  readonly #objects = {
    counter: new Map<string, LiveObject>(),
    set: new Map<string, LiveObject>(),
    register: new Map<string, LiveObject>(),
    map: new Map<string, LiveObject>(),
  }
  /** The one that was asked for last: most ask for it again. */
  #lastObject: LiveObject | undefined
  readonly #byId: (LiveObject | undefined)[] = []
  readonly #freeIds: number[] = []
  /** Objects that had no entries at some time since the last sweep. */
  readonly #emptied = new Set<LiveObject>()
  readonly #dead = new EventDraft()
  readonly #cursor = { at: 0 }
  #vectorHigh = 0
  #vectorLow = 0
  #high = 0
  #low = 0
  #events = 0
  #unapplied = 0

  /** Replicas ever mentioned, with or without events. */
  get replicaCount(): number {
    return this.#writers.length
  }

  /** Order-free hash of the version vector. */
  get vectorHash(): Hash64 {
    return hash64Of(this.#vectorHigh, this.#vectorLow)
  }

  /** Order-free hash of the live entries. */
  get fingerprint(): Hash64 {
    return hash64Of(this.#high, this.#low)
  }

  /** Events integrated. */
  get events(): number {
    return this.#events
  }

  /** Live entries. */
  get entries(): number {
    return this.slots.count
  }

  /** Events of kinds that only a newer version can apply. */
  get unapplied(): number {
    return this.#unapplied
  }

  /** Bytes of columns, contents and indexes. */
  get allocatedBytes(): number {
    let bytes = this.slots.allocatedBytes + this.records.arena.allocatedBytes
    for (const object of this.objects()) bytes += object.indexBytes
    return bytes
  }

  /** The small integer that stands for a replica in this group. */
  intern(id: ReplicaId): number {
    const known = this.indexOf(id)
    if (known !== undefined) return known
    const index = this.#writers.length
    const lanes = replicaLanes(id)
    this.#writers.push({
      id,
      high: lanes.high,
      low: lanes.low,
      have: 0,
      chain: lanes,
      live: writerPages(),
      pendingKills: new Set(),
    })
    this.#indexes.set(id, index)
    return index
  }

  indexOf(id: ReplicaId): number | undefined {
    if (id === this.#lastId) return this.#lastIndex
    const index = this.#indexes.get(id)
    if (index === undefined) return undefined
    this.#lastId = id
    this.#lastIndex = index
    return index
  }

  replicaAt(index: number): ReplicaId {
    return this.#writer(index).id
  }

  have(index: number): number {
    return this.#writers[index]?.have ?? 0
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
    return this.#writers[index]?.chain ?? NO_CHAIN
  }

  /** Hash of a writer's id. */
  lanesOf(index: number): Lanes {
    return this.#writer(index)
  }

  pendingKillsOf(index: number): ReadonlySet<number> {
    return this.#writer(index).pendingKills
  }

  pendingKillCount(): number {
    let count = 0
    for (const writer of this.#writers) count += writer.pendingKills.size
    return count
  }

  /** The object of a name, unless it holds nothing. */
  object(type: ObjectType, name: string): LiveObject | undefined {
    const object = this.#known(type, name)
    return object === undefined || object.isEmpty ? undefined : object
  }

  /** The object of a name, made when it is new; {@link sweep} takes it back if nothing comes of it. */
  objectFor(type: ObjectType, name: string): LiveObject {
    const known = this.#known(type, name)
    if (known !== undefined) return known
    const id = this.#freeIds.pop() ?? this.#byId.length
    const lanes = objectLanes(type, name)
    const { records, slots } = this
    const object = new LiveObject({ type, name, id, lanes, records, slots })
    this.#objects[type].set(name, object)
    this.#byId[id] = object
    this.#emptied.add(object)
    return object
  }

  objectAt(id: number): LiveObject {
    return present(this.#byId[id], 'object of a live entry')
  }

  objectName(id: number): string {
    return this.objectAt(id).name
  }

  /** Forgets objects without entries. Their numbers get a new meaning: not while a run is open. */
  sweep(): void {
    if (this.#emptied.size === 0) return
    for (const object of this.#emptied) {
      if (!object.isEmpty) continue
      this.#objects[object.type].delete(object.name)
      this.#byId[object.id] = undefined
      this.#freeIds.push(object.id)
    }
    this.#emptied.clear()
    this.#lastObject = undefined
  }

  /** Objects with live entries, unordered. */
  *objects(): Generator<LiveObject> {
    for (const objects of Object.values(this.#objects)) {
      for (const object of objects.values()) if (!object.isEmpty) yield object
    }
  }

  get objectCount(): number {
    let count = 0
    for (const objects of Object.values(this.#objects)) count += objects.size
    for (const object of this.#emptied) if (object.isEmpty) count -= 1
    return count
  }

  /**
   * Applies the next event of a writer; {@link advance} closes a row of them.
   * @param event sealed; its kills are interned here
   */
  apply(index: number, n: number, event: EventDraft): void {
    const writer = this.#writer(index)
    assert(n === writer.have + 1, 'events of a writer are applied in order')
    writer.have = n
    this.#events += 1
    const isUnborn = writer.pendingKills.size > 0 && writer.pendingKills.delete(n)
    // Insertion first: an object does not end and begin anew when a write replaces its only entry.
    if (event.kind === KIND_UNKNOWN) this.#unapplied += 1
    else if (event.kind !== KIND_NONE && !isUnborn) this.insert(index, n, event)
    const { killCount, killWriters, killDots } = event
    for (let i = 0; i < killCount; i++) this.kill(killWriters[i] ?? 0, killDots[i] ?? 0)
  }

  /** A dot dies, or will when its event comes. */
  kill(index: number, n: number): void {
    const writer = this.#writer(index)
    if (n > writer.have) {
      writer.pendingKills.add(n)
      return
    }
    const slot = this.slots.find(writer.live, n)
    if (slot !== NO_SLOT) this.#remove(writer, slot)
  }

  isLive(index: number, n: number): boolean {
    return this.slots.find(this.#writer(index).live, n) !== NO_SLOT
  }

  /** Makes a dot live. @param event its sealed content */
  insert(index: number, n: number, event: EventDraft): void {
    const writer = this.#writer(index)
    const object = this.objectAt(event.object)
    const slot = this.slots.insert(writer.live, index, n, this.records.add(object.id, event))
    this.#high = (this.#high + dotShare(event.high, writer.high, n)) | 0
    this.#low = (this.#low + dotShare(event.low, writer.low, n)) | 0
    if (object.tree === undefined) object.insert(slot, event)
    else {
      object.tree.insert(pathOf(event), elementOf(event), slot)
    }
    if (event.kind === KIND_COUNTER) this.#count(object, event, 1)
    this.recorder?.inserted(object, slot)
  }

  /** Closes a transaction or a row of them: moves the vector hash. @param before `have` before the first */
  advance(index: number, before: number, chain: Lanes): void {
    const writer = this.#writer(index)
    this.#moveVector(writer, before)
    writer.chain = chain
  }

  /** Adopts a writer's events without having seen each: their live entries are in place already. */
  adopt(index: number, have: number, chain: Lanes): void {
    const writer = this.#writer(index)
    const before = writer.have
    assert(have >= before, 'have is monotone')
    writer.have = have
    this.#events += have - before
    for (const n of writer.pendingKills) if (n <= have) writer.pendingKills.delete(n)
    this.advance(index, before, chain)
  }

  /** Visits a writer's live dots in order, see Slots.walk. */
  walk(
    index: number,
    from: number,
    to: number,
    visit: (slot: number, n: number) => boolean,
  ): number {
    return this.slots.walk(this.#writer(index).live, from, to, visit)
  }

  /** Fills a draft with the content of a live slot, unsealed. */
  draftOf(slot: number, draft: EventDraft): void {
    this.records.read(this.slots.recordOf(slot), draft)
  }

  #known(type: ObjectType, name: string): LiveObject | undefined {
    const last = this.#lastObject
    if (last !== undefined && last.type === type && last.name === name) return last
    const object = this.#objects[type].get(name)
    if (object !== undefined) this.#lastObject = object
    return object
  }

  #writer(index: number): Writer {
    return present(this.#writers[index], 'interned replica')
  }

  #moveVector(writer: Writer, before: number): void {
    const { high, low, have } = writer
    if (before > 0) {
      this.#vectorHigh = (this.#vectorHigh - mixNumber32(high, before)) | 0
      this.#vectorLow = (this.#vectorLow - mixNumber32(low, before)) | 0
    }
    if (have === 0) return
    this.#vectorHigh = (this.#vectorHigh + mixNumber32(high, have)) | 0
    this.#vectorLow = (this.#vectorLow + mixNumber32(low, have)) | 0
  }

  #remove(writer: Writer, slot: number): void {
    const { slots, records } = this
    const dead = this.#dead
    const position = slots.recordOf(slot)
    records.read(position, dead)
    const object = this.objectAt(dead.object)
    this.recorder?.removing(object, slot)
    dead.seal(object.lanes)
    const n = slots.dotOf(slot)
    this.#high = (this.#high - dotShare(dead.high, writer.high, n)) | 0
    this.#low = (this.#low - dotShare(dead.low, writer.low, n)) | 0
    if (object.tree === undefined) object.remove(slot, dead)
    else object.tree.remove(pathOf(dead), elementOf(dead), slot)
    if (dead.kind === KIND_COUNTER) this.#count(object, dead, -1)
    slots.remove(writer.live, slot)
    const sparse = records.release(position, dead.payloadEnd - records.arena.offsetOf(position))
    if (object.isEmpty) this.#emptied.add(object)
    if (sparse >= 0) this.#evacuate(sparse)
  }

  #count(object: LiveObject, event: EventDraft, sign: 1 | -1): void {
    const { payloadBytes, payloadStart } = event
    const amount = readAmount(payloadBytes, payloadStart, this.#cursor)
    const growOnly = isGrowOnlyAmount(payloadBytes, payloadStart) ? sign : 0
    if (typeof amount === 'bigint') object.count(sign === 1 ? amount : -amount, growOnly)
    else object.count(sign * amount, growOnly)
  }

  /** Moves the live records out of a chunk most of whose bytes are dead, and gives it back. */
  #evacuate(chunk: number): void {
    const { records } = this
    const { arena } = records
    const bytes = arena.chunkBytes(chunk)
    const end = arena.chunkEnd(chunk)
    const entry = this.#dead
    for (let start = 0; start < end; ) {
      const dead = records.deadLength(bytes, start)
      if (dead > 0) {
        start += dead
        continue
      }
      const next = records.readAt(bytes, start, entry)
      const slot = this.#slotAt(entry, arena.positionIn(chunk, start))
      this.slots.setRecord(slot, records.copy(bytes, start, next))
      start = next
    }
    arena.drop(chunk)
  }

  /** The slot whose record lies at a position. */
  #slotAt(entry: EventDraft, position: number): number {
    const object = this.objectAt(entry.object)
    if (object.tree !== undefined) {
      const path = pathOf(entry)
      const element = elementOf(entry)
      const chain =
        element === undefined ? object.tree.at(path) : object.tree.elementAt(path, element)
      const slot = chain.find((one) => this.slots.recordOf(one) === position)
      return present(slot, 'slot of a live record')
    }
    entry.rehashKey()
    let slot = object.first(entry)
    while (this.slots.recordOf(slot) !== position) slot = object.after(slot, entry)
    return slot
  }
}

function pathOf(event: EventDraft): readonly string[] {
  return readPath(event.keyBytes, event.keyStart, event.keyEnd)
}

function elementOf(event: EventDraft): string | undefined {
  if (event.kind !== KIND_MAP_SET) return undefined
  return readUtf8(event.payloadBytes, event.payloadStart, event.payloadEnd)
}

function hash64Of(high: number, low: number): Hash64 {
  return high === 0 && low === 0 ? HASH64_ZERO : { high: high >>> 0, low: low >>> 0 }
}
