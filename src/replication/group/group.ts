import { present } from '../../base/assert.ts'
import { Writer } from '../../base/codec.ts'
import type { Stamp } from '../../base/hybrid-clock.ts'
import type { ReplicaId } from '../../base/ids.ts'
import { EventDraft } from '../../crdt/event-draft.ts'
import { LiveState } from '../../crdt/live-state.ts'
import { ObjectReader } from '../../crdt/object-view.ts'
import type { CheckedOperation, LoneChange, LoneIncrement } from '../../crdt/operation.ts'
import { decodeRunHead } from '../../crdt/run-head.ts'
import type { RunReader } from '../../crdt/run-reader.ts'
import { RunWriter } from '../../crdt/run-writer.ts'
import { resultsOf } from '../results.ts'
import type { VectorEntry } from '../sync/frames.ts'
import { applyRead } from './apply-run.ts'
import { type Changes, TouchedObjects } from './changes.ts'
import { GroupLog, type LoggedRun, type LogRow } from './group-log.ts'
import type { GroupParts } from './group-parts.ts'
import { chainOver, isOther } from './history.ts'
import { Increments } from './increments.ts'
import { noHistory, type OwnHistory } from './own-history.ts'
import { OwnRun } from './own-run.ts'
import type { Receipt, Refusal } from './receipt.ts'
import { NO_TOTALS, type Totals } from './replaced-totals.ts'
import { ANY_ROOM, hasRoomFor, hasRoomForKills, type KillRoom } from './room.ts'
import { Staging, type StagingLimits } from './staging.ts'
import { type Told, WAITING_CHANGES_MAX, WaitingChanges } from './waiting-changes.ts'

/** Entries beyond one an element that a set may hold while changes to it wait. */
const SURPLUS_MAX = 1_024

/** One group's replicated state with the log it came from. */
export class Group {
  readonly name: string
  state: LiveState = new LiveState()
  reader: ObjectReader = new ObjectReader(this.state)
  readonly log: GroupLog = new GroupLog()
  readonly changes: Changes
  readonly replaced: Totals
  /** Own transactions are written through it. */
  readonly history: OwnHistory
  /** Who writes here, where it is not the replica's usual id. */
  self: ReplicaId | undefined
  /** Set while it is open whether others know our own events by other contents: they do not leave then. */
  isDisputed = false
  /** Own events up to here are known to be the same at some peer. */
  provenOwn = 0
  /** Own events at the start of this process. */
  loadedOwn = 0
  /** Own events up to here are durable at some peer. */
  ackedOwn = 0
  /** Number of the store's next row of the log. */
  sequence = 1
  /** The snapshot in the store: its number, its chunks, their bytes, the first row of the log it leaves out. */
  epoch = 0
  chunks = 0
  snapshotBytes = 0
  coveredBy = 0
  /** What a start would replay: bytes of rows, and the events in them. */
  tailBytes = 0
  tailEvents = 0
  /** Ends of runs that are in the store and wait for earlier events. */
  held: { readonly replica: ReplicaId; readonly end: number }[] = []
  /** For kills that come before their events. */
  readonly killRoom: KillRoom
  /** Runs that wait for earlier ones. */
  readonly staging: Staging
  readonly #runs: RunReader
  #own: OwnRun
  readonly #draft = new EventDraft()
  readonly #increments: Increments
  readonly #waiting = new WaitingChanges()
  /** Runs that are part of the state and not yet handed to the store. */
  #unsaved: LoggedRun[] = []

  /** @param runs scratch to read runs with; may be shared */
  constructor(name: string, limits: StagingLimits, runs: RunReader, parts: GroupParts = {}) {
    this.name = name
    this.killRoom = parts.killRoom ?? ANY_ROOM
    this.changes = parts.changes ?? new TouchedObjects()
    this.replaced = parts.replacedOf?.(this.log) ?? NO_TOTALS
    this.history = parts.historyOf?.(this) ?? noHistory(this)
    this.#increments = new Increments(this.history.increments)
    this.#runs = runs
    this.staging = new Staging(limits)
    this.#own = this.#ownRun()
    this.state.live.recorder = this.changes
    this.changes.attach(this.state)
  }

  get isEmpty(): boolean {
    return this.state.events === 0 && !this.#isWaiting
  }

  /** Vector hash (8 B) and fingerprint (8 B): equal digests, equal state. */
  digest(): Uint8Array {
    this.close()
    const { vectorHash, fingerprint } = this.state
    const writer = new Writer(16).uint32(vectorHash.high).uint32(vectorHash.low)
    return writer.uint32(fingerprint.high).uint32(fingerprint.low).finish()
  }

  /** The version vector. */
  vector(): readonly VectorEntry[] {
    this.settle()
    const entries: VectorEntry[] = []
    for (let i = 0; i < this.state.replicaCount; i++) {
      const n = this.state.have(i)
      if (n > 0) entries.push({ replica: this.state.replicaAt(i), n })
    }
    return entries
  }

  /** Whether anything waits to be handed to the store. */
  get hasUnsaved(): boolean {
    return this.#unsaved.length > 0 || !this.#own.isEmpty || this.#isWaiting
  }

  /** Takes the runs that are new since the last time, for one row of the store. */
  takeUnsaved(): readonly LoggedRun[] {
    this.close()
    const runs = this.#unsaved
    this.#unsaved = []
    return runs
  }

  /** Takes in a run of any writer, in any order, any number of times. */
  receive(bytes: Uint8Array): Receipt {
    this.settle()
    const head = decodeRunHead(bytes)
    if (!head.ok || head.value.isEntries) return { type: 'dropped', reason: 'run-malformed' }
    const { replica, n0, count } = head.value
    const have = this.state.haveOf(replica)
    const end = n0 + count - 1
    if (end <= have)
      return isOther(this, replica, end, bytes)
        ? { type: 'conflict', replica, n0 }
        : { type: 'duplicate', replica, end }
    if (n0 > have + 1) {
      // A view into a frame would keep the whole frame in memory.
      const isRoom = this.staging.add(replica, { n0, count, bytes: bytes.slice() })
      return isRoom ? { type: 'staged', replica, end } : { type: 'dropped', reason: 'staging-full' }
    }
    const runs: LoggedRun[] = []
    let next: Uint8Array | undefined = bytes
    while (next !== undefined) {
      const outcome = this.integrate(next, this.killRoom)
      if (typeof outcome === 'string') {
        if (runs.length > 0) break
        return outcome === 'conflict'
          ? { type: 'conflict', replica, n0 }
          : { type: 'dropped', reason: outcome }
      }
      runs.push(outcome)
      this.#unsaved.push(outcome)
      next = this.staging.take(replica, outcome.n0 + outcome.count - 1)?.bytes
    }
    return { type: 'integrated', runs }
  }

  /** Notes a row of the store, the one numbered {@link sequence}. */
  addRow(row: LogRow): void {
    this.log.addRow(row)
    this.sequence = row.sequence + 1
    this.tailBytes += row.bytes
  }

  /** Ends loading: changes are told from here on. */
  begin(): void {
    this.state.live.recorder = this.changes
  }

  /**
   * Applies operations as one transaction of `self`, all or nothing.
   * @returns members changed by each operation
   * @throws {HearsayError} ERR_LIMIT @throws {RangeError} nothing changed then
   */
  write(self: ReplicaId, operations: readonly CheckedOperation[], stamp: Stamp): readonly number[] {
    this.settle()
    this.changes.origin = 'local'
    return this.#own.write(self, operations, stamp)
  }

  /**
   * Takes in a transaction of `self` that adds one element to one set or removes it: it becomes an event with
   * others of its kind. It was checked.
   * @param told is told what it changed, at the latest when runs are taken to be saved
   * @returns whether it waits; otherwise it has to be written
   */
  changeLater(self: ReplicaId, change: LoneChange, stamp: Stamp, told: Told): boolean {
    const waiting = this.#waiting
    const { object } = change
    if (!waiting.continues(self, object)) {
      this.settle()
      if (!this.#mayWait(self, object)) return false
      waiting.begin(self, object)
    }
    waiting.add(change.type, change.values[0], stamp, told)
    if (waiting.count === WAITING_CHANGES_MAX) this.settle()
    return true
  }

  /**
   * Takes in a transaction of `self` that increments a counter: all of them become one event.
   * @returns whether it waits; otherwise it has to be written
   */
  countLater(self: ReplicaId, increment: LoneIncrement, stamp: Stamp): boolean {
    const increments = this.#increments
    if (this.#waiting.count > 0 || increments.self !== self) this.settle()
    if (this.state.indexOf(self) === undefined) return false
    if (!increments.add(this.state, increment)) return false
    increments.self = self
    increments.stamp = stamp
    return true
  }

  /** Has transactions that wait become events. */
  settle(): void {
    if (this.#waiting.count > 0) this.#settleChanges()
    if (!this.#increments.isEmpty) this.#settleIncrements()
  }

  /** Ends the open run of own transactions: it becomes bytes. */
  close(): void {
    this.settle()
    const run = this.#own.finish()
    if (run !== undefined) {
      this.log.append(run)
      this.#unsaved.push(run)
    }
    this.state.sweep()
  }

  /** Puts a state in the place of the one before, which is closed: its writers have the same numbers. */
  become(state: LiveState): void {
    this.state = state
    this.reader = new ObjectReader(state)
    this.#own = this.#ownRun()
    this.changes.attach(state)
  }

  get #isWaiting(): boolean {
    return this.#waiting.count > 0 || !this.#increments.isEmpty
  }

  /** Whether nothing can keep changes of a set from becoming events later. */
  #mayWait(self: ReplicaId, name: string): boolean {
    if (this.state.indexOf(self) === undefined) return false
    const object = this.state.object('set', name)
    // What one of them replaces or removes must fit one event.
    return object === undefined || object.entries <= object.keys + SURPLUS_MAX
  }

  #settleChanges(): void {
    const waiting = this.#waiting
    const { self, stamps, told, count } = waiting
    if (self === undefined) return
    this.#own.prepare(waiting)
    // Whoever is called from here finds none waiting.
    waiting.count = 0
    this.changes.origin = 'local'
    let at = 0
    while (at < count) {
      const from = at
      at = this.#own.writeWaiting(self, waiting, { from, to: count })
      this.history.waited(waiting, from, at)
      waiting.tell(from, at)
      if (at === count) break
      const author = { self, stamp: stamps[at] ?? 0 }
      const changed = this.history.write([waiting.operation(at)], author)
      present(told[at], 'transaction').results = resultsOf(changed)
      at += 1
    }
    waiting.forget(count)
  }

  #settleIncrements(): void {
    const { self, stamp } = this.#increments
    if (self === undefined) return
    this.changes.origin = 'local'
    this.history.counted(self)
    for (const operation of this.#increments.take()) this.#own.write(self, [operation], stamp)
  }

  #ownRun(): OwnRun {
    return new OwnRun(this.state, this.replaced, () => this.close())
  }

  /**
   * Integrates what a run has above `have`; its first event there starts a transaction.
   * @param killRoom of what was taken in before there has been enough
   */
  integrate(bytes: Uint8Array, killRoom: KillRoom = ANY_ROOM): LoggedRun | Refusal {
    const runs = this.#runs
    const read = runs.read(bytes)
    if (!read.ok) return 'run-malformed'
    const { replica, n0, count } = read.value
    if (!hasRoomFor(this.state, runs.replicas)) return 'replicas-limit'
    // Own events reach the store in their order.
    if (this.#own.isBy(replica)) this.close()
    const writer = this.state.intern(replica)
    const have = this.state.have(writer)
    const from = have + 1 - n0
    // Transactions end where ours do, or they are not the same.
    if (runs.starts[from] !== 1) return 'conflict'
    const table = runs.replicas.map((id) => this.state.intern(id))
    const before = this.state.chainOf(writer)
    const chain = chainOver(this.state, runs, table, { from, to: count, chain: before })
    if (chain.high !== runs.chain.high || chain.low !== runs.chain.low) return 'conflict'
    if (!hasRoomForKills(this.state, runs, table, killRoom)) return 'kills-limit'
    const isWhole = from === 0
    const tail = isWhole ? undefined : new RunWriter(this.state)
    tail?.begin(writer, have + 1, runs.stamps[from] ?? 0)
    this.changes.origin = 'remote'
    applyRead(this.state, runs, { writer, table, from, to: count }, this.#draft, (i, draft) => {
      tail?.add(draft, runs.starts[i] === 1)
      // Whose events they are is not known yet while rows are loaded.
      if (this.state.live.recorder === undefined) this.replaced.keep(this.state, writer, draft, n0)
    })
    this.state.advance(writer, have, chain)
    const stamp = runs.stamps[count - 1] ?? 0
    const own = tail === undefined ? bytes.slice() : tail.finish(chain)
    const run = { replica, writer, n0: have + 1, count: count - from, stamp, bytes: own }
    this.log.append(run)
    if (this.#own.isEmpty) this.state.sweep()
    return run
  }
}
