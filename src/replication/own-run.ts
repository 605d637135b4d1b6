import { HearsayError } from '../base/errors.ts'
import type { Stamp } from '../base/hybrid-clock.ts'
import type { ReplicaId } from '../base/ids.ts'
import type { EventDraft } from '../crdt/event-draft.ts'
import { chainStep, killShare } from '../crdt/lanes.ts'
import { KILLS_MAX, REPLICAS_MAX } from '../crdt/limits.ts'
import type { LiveState } from '../crdt/live-state.ts'
import { Mutator } from '../crdt/mutate.ts'
import type { CheckedOperation } from '../crdt/operation.ts'
import { RunWriter } from '../crdt/run-writer.ts'
import type { LoggedRun } from './group-log.ts'
import type { ReplacedTotals } from './replaced-totals.ts'
import { type Needs, Room } from './room.ts'
import type { WaitingAdds } from './waiting-adds.ts'

/** A run is closed for others beyond this: several fit one frame. */
const OPEN_BYTES_MAX = 48 << 10
const OPEN_EVENTS_MAX = 4096

const ONE_ADD: Needs = { events: 1, kills: 0 }

/** The events of our own that are part of a state and not yet bytes: they become one run. */
export class OwnRun {
  readonly #state: LiveState
  readonly #replaced: ReplacedTotals
  readonly #close: () => void
  readonly #mutator: Mutator
  readonly #room: Room
  readonly #run: RunWriter
  #writer = -1
  #isFirst = false
  #chainHigh = 0
  #chainLow = 0

  /** @param close takes the run out by {@link finish}: another one has to begin */
  constructor(state: LiveState, replaced: ReplacedTotals, close: () => void) {
    this.#state = state
    this.#replaced = replaced
    this.#close = close
    this.#mutator = new Mutator(state, (event) => this.#emit(event))
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
    const author = { writer, stamp, shipped: this.#run.n0 - 1 }
    const only = operations[0]
    if (operations.length === 1 && only !== undefined) return [this.#mutator.run(only, author)]
    return operations.map((operation) => this.#mutator.run(operation, author))
  }

  /**
   * Applies adds that wait, a transaction each, as long as their elements are new.
   * @returns index of the first whose element is there, or `to`
   */
  addNew(self: ReplicaId, adds: WaitingAdds, from: number, to: number): number {
    const writer = this.#state.intern(self)
    for (let i = from; i < to; i++) {
      const stamp = adds.stamps[i] ?? 0
      this.#makeRoom(writer, stamp, ONE_ADD)
      this.#isFirst = true
      // After the run before has ended: objects without entries go then.
      const object = this.#state.objectFor('set', adds.object)
      if (!this.#mutator.addNew(object, adds.values[i] ?? '', stamp)) return i
    }
    return to
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

  #emit(event: EventDraft): void {
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
