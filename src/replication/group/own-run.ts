import { HearsayError } from '../../base/errors.ts'
import type { Stamp } from '../../base/hybrid-clock.ts'
import type { ReplicaId } from '../../base/ids.ts'
import { NO_SLOT } from '../../crdt/chains.ts'
import { ElementRow } from '../../crdt/element-row.ts'
import { EventDraft } from '../../crdt/event-draft.ts'
import { chainStep, killShare } from '../../crdt/lanes.ts'
import { KILLS_MAX, REPLICAS_MAX } from '../../crdt/limits.ts'
import type { LiveObject } from '../../crdt/live-object.ts'
import type { LiveState } from '../../crdt/live-state.ts'
import { type EventSink, Mutator } from '../../crdt/mutate.ts'
import type { CheckedOperation } from '../../crdt/operation.ts'
import { RunWriter } from '../../crdt/run-writer.ts'
import type { LoggedRun } from './group-log.ts'
import type { Totals } from './replaced-totals.ts'
import { type Needs, Room } from './room.ts'
import type { WaitingChanges } from './waiting-changes.ts'

/** A run is closed for others beyond this: several fit one frame. */
const OPEN_BYTES_MAX = 48 << 10
const OPEN_EVENTS_MAX = 4096

/** Bytes that an add takes in a run beside its element: head, stamp, shape and length of the key. */
const ADD_BYTES_MAX = 24
const ONE_ADD: Needs = { events: 1, kills: 0 }
const ONE_REMOVAL: Needs = { events: 1, kills: 1 }

/** Part of a row. @param to not included */
interface Range {
  readonly from: number
  readonly to: number
}

/** The events of our own that are part of a state and not yet bytes: they become one run. */
export class OwnRun implements EventSink {
  readonly #state: LiveState
  readonly #replaced: Totals
  readonly #close: () => void
  readonly #mutator: Mutator
  readonly #room: Room
  readonly #run: RunWriter
  readonly #row = new ElementRow()
  readonly #draft = new EventDraft()
  readonly #removal = new EventDraft()
  #writer = -1
  /** Of the transaction under way. */
  #stamp: Stamp = 0
  #isFirst = false
  #chainHigh = 0
  #chainLow = 0

  /** @param close takes the run out by {@link finish}: another one has to begin */
  constructor(state: LiveState, replaced: Totals, close: () => void) {
    this.#state = state
    this.#replaced = replaced
    this.#close = close
    this.#mutator = new Mutator(state, this)
    this.#room = new Room(state)
    this.#run = new RunWriter(state)
  }

  get isEmpty(): boolean {
    return this.#run.count === 0
  }

  /** Whether its events, or those of the run before, are a replica's. */
  isBy(replica: ReplicaId): boolean {
    return this.#writer >= 0 && this.#state.replicaAt(this.#writer) === replica
  }

  /**
   * Applies operations as one transaction of `self`, all or nothing.
   * @returns members changed by each operation
   * @throws {HearsayError} ERR_LIMIT @throws {RangeError} nothing changed then
   */
  write(self: ReplicaId, operations: readonly CheckedOperation[], stamp: Stamp): readonly number[] {
    const state = this.#state
    if (state.indexOf(self) === undefined && state.replicaCount >= REPLICAS_MAX) {
      throw new HearsayError('ERR_LIMIT', `Cannot write: the group has ${REPLICAS_MAX} writers`)
    }
    const writer = state.intern(self)
    const needs = this.#room.check(operations)
    this.#makeRoom(writer, stamp, needs)
    this.#isFirst = true
    this.#stamp = stamp
    const author = { writer, stamp, shipped: this.#run.n0 - 1 }
    const only = operations[0]
    if (operations.length === 1 && only !== undefined) return [this.#mutator.run(only, author)]
    return operations.map((operation) => this.#mutator.run(operation, author))
  }

  /** Has a row tell of changes that wait, for {@link writeWaiting}. */
  prepare({ values, count, object }: WaitingChanges): void {
    this.#row.fill(values, 0, count, this.#state.objectFor('set', object).lanes)
  }

  /**
   * Applies changes that wait, a transaction each, from one on, up to the first that takes a closer look: its
   * element is to be added and there already, or to be removed and has several entries.
   * @returns index of that one, or `to`
   */
  writeWaiting(self: ReplicaId, waiting: WaitingChanges, { from, to }: Range): number {
    const writer = this.#state.intern(self)
    let at = from
    while (at < to) {
      const end = waiting.endOfType(at, to)
      at = waiting.isAdd(at)
        ? this.#addAll(writer, waiting, at, end)
        : this.#removeAll(writer, waiting, at, end)
      if (at < end) break
    }
    return at
  }

  /** Part of a transaction, see EventSink. */
  emitNew(row: ElementRow, object: LiveObject, from: number): number {
    const end = this.#state.applyRow(
      this.#writer,
      row,
      { object, from, to: row.count },
      this.#draft,
    )
    this.#tell(row, from, end, undefined)
    return end
  }

  /** Ends the run: it becomes bytes. Undefined when it has no events. */
  finish(): LoggedRun | undefined {
    if (this.#run.count === 0) return undefined
    const { n0, count, lastStamp: stamp } = this.#run
    const chain = { high: this.#chainHigh, low: this.#chainLow }
    const bytes = this.#run.finish(chain)
    const writer = this.#writer
    this.#state.advance(writer, n0 - 1, chain)
    this.#run.begin(writer, n0 + count, stamp)
    return { replica: this.#state.replicaAt(writer), writer, n0, count, stamp, bytes }
  }

  #addAll(writer: number, waiting: WaitingChanges, from: number, to: number): number {
    const { object: name, stamps } = waiting
    const row = this.#row
    let at = from
    while (at < to) {
      this.#makeRoom(writer, stamps[at] ?? 0, ONE_ADD)
      // After the run before has ended: objects without entries go then.
      const object = this.#state.objectFor('set', name)
      const fitting = this.#fitting(at, to)
      const end = this.#state.applyRow(writer, row, { object, from: at, to: fitting }, this.#draft)
      this.#tell(row, at, end, stamps)
      at = end
      if (at < fitting) break
    }
    return at
  }

  #removeAll(writer: number, waiting: WaitingChanges, from: number, to: number): number {
    const { object: name, stamps } = waiting
    const state = this.#state
    const { slots } = state
    const key = this.#draft
    const removal = this.#removal
    for (let i = from; i < to; i++) {
      waiting.killed(i, 0, 0)
      const object = state.object('set', name)
      if (object === undefined) continue
      this.#row.draft(i, key)
      const slot = object.first(key)
      if (slot === NO_SLOT) continue
      if (object.after(slot, key) !== NO_SLOT) return i
      const stamp = stamps[i] ?? 0
      this.#makeRoom(writer, stamp, ONE_REMOVAL)
      const [killWriter, killDot] = [slots.writerOf(slot), slots.dotOf(slot)]
      const lanes = state.lanesOf(killWriter)
      this.#chainHigh = chainStep(this.#chainHigh, 0, killShare(lanes.high, killDot), stamp)
      this.#chainLow = chainStep(this.#chainLow, 0, killShare(lanes.low, killDot), stamp)
      removal.stamp = stamp
      removal.killCount = 0
      removal.kill(killWriter, killDot)
      this.#run.add(removal, true)
      state.applyKill(writer, state.have(writer) + 1, slot, key)
      waiting.killed(i, killWriter, killDot)
    }
    return to
  }

  /** The end of those in a row that the run has room for, each a transaction, when it has room for one. */
  #fitting(from: number, to: number): number {
    const row = this.#row
    const start = row.startOf(from)
    const max = Math.min(to, from + OPEN_EVENTS_MAX - this.#run.count)
    const room = OPEN_BYTES_MAX - this.#run.length
    let end = from + 1
    while (end < max && row.startOf(end) - start + (end - from) * ADD_BYTES_MAX < room) end += 1
    return end
  }

  /**
   * Has the chain and the run tell of elements that are new.
   * @param stamps of transactions of one each; undefined: all of them are part of the one under way
   */
  #tell(row: ElementRow, from: number, to: number, stamps: readonly Stamp[] | undefined): void {
    const { highs, lows } = row
    const draft = this.#draft
    const run = this.#run
    let high = this.#chainHigh
    let low = this.#chainLow
    let isFirst = stamps !== undefined || this.#isFirst
    for (let i = from; i < to; i++) {
      row.draft(i, draft)
      draft.stamp = stamps === undefined ? this.#stamp : (stamps[i] ?? 0)
      const counted = isFirst ? draft.stamp : -1
      high = chainStep(high, highs[i] ?? 0, 0, counted)
      low = chainStep(low, lows[i] ?? 0, 0, counted)
      run.add(draft, isFirst)
      isFirst = stamps !== undefined
    }
    this.#chainHigh = high
    this.#chainLow = low
    if (to > from) this.#isFirst = false
  }

  /** Has the next transaction fit the run, or begins another one. */
  #makeRoom(writer: number, stamp: Stamp, needs: Needs): void {
    if (!this.#mayContinue(writer, stamp, needs)) this.#close()
    if (this.#run.count > 0) return
    this.#writer = writer
    const chain = this.#state.chainOf(writer)
    this.#chainHigh = chain.high
    this.#chainLow = chain.low
    // Its first stamp follows the one counted from, which costs the head nothing.
    this.#run.begin(writer, this.#state.have(writer) + 1, Math.max(0, stamp - 1))
  }

  #mayContinue(writer: number, stamp: Stamp, { events, kills }: Needs): boolean {
    const run = this.#run
    if (run.count === 0) return true
    const isRoom =
      run.length < OPEN_BYTES_MAX &&
      run.count + events <= OPEN_EVENTS_MAX &&
      run.killed + kills <= KILLS_MAX
    return writer === this.#writer && isRoom && run.fits(stamp)
  }

  /** See EventSink. */
  emit(event: EventDraft): void {
    const state = this.#state
    const writer = this.#writer
    let high = 0
    let low = 0
    const { killCount, killWriters, killDots } = event
    for (let i = 0; i < killCount; i++) {
      const lanes = state.lanesOf(killWriters[i] ?? 0)
      high = (high + killShare(lanes.high, killDots[i] ?? 0)) | 0
      low = (low + killShare(lanes.low, killDots[i] ?? 0)) | 0
    }
    const stamp = this.#isFirst ? event.stamp : -1
    this.#chainHigh = chainStep(this.#chainHigh, event.high, high, stamp)
    this.#chainLow = chainStep(this.#chainLow, event.low, low, stamp)
    this.#run.add(event, this.#isFirst)
    this.#isFirst = false
    this.#replaced.keep(state, writer, event, this.#run.n0)
    state.apply(writer, state.have(writer) + 1, event)
  }
}
