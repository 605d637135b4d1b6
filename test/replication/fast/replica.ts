import type { StoreWrite } from '../../../src/base/core.ts'
import type { ReplicaId } from '../../../src/base/ids.ts'
import type { CheckedOperation } from '../../../src/crdt/operation.ts'
import type { RunReader } from '../../../src/crdt/run-reader.ts'
import type { Adopting, MergeLimits } from '../../../src/replication/base/adopting.ts'
import type { Group } from '../../../src/replication/group/group.ts'
import type { LoggedRun } from '../../../src/replication/group/group-log.ts'
import { GroupView } from '../../../src/replication/group/group-view.ts'
import type { Receipt } from '../../../src/replication/group/receipt.ts'
import { nodeGroup } from '../../../src/replication/node-group.ts'
import { REPLICATION_DEFAULTS } from '../../../src/replication/options.ts'
import { Loader } from '../../../src/replication/store/loader.ts'
import { adoptedRows, logRow, replicaRow } from '../../../src/replication/store/rows.ts'
import { forgottenRows, SnapshotJob } from '../../../src/replication/store/snapshot.ts'
import type { Counts } from './counts.ts'
import { Fault, type Model } from './model.ts'
import { CHECKED } from './operations.ts'
import { isSame, type Mark, markOf, Store } from './store.ts'

const GROUP = 'main'

/** What the replicas of one schedule share. */
export interface World {
  readonly model: Model
  readonly counts: Counts
  /** Scratch that all groups read runs with. */
  readonly runs: RunReader
  /** How bases are merged. */
  readonly limits: MergeLimits
  /** A writer's id that nobody has had. */
  mint(): ReplicaId
  /** A run is durable somewhere: from now on it may reach anybody. */
  publish(run: Uint8Array): void
}

/**
 * One group with its store and its writing identity, used as Replication uses it but without frames, timers
 * and peers: state goes to rows, rows to the disk, and only what is on the disk is told.
 */
export class Replica {
  readonly #world: World
  group: Group
  store = new Store()
  view: GroupView
  self: ReplicaId
  /** The number of `self` in the model. */
  selfIndex: number
  /** Own transactions that no row holds yet, and what they add to counters. */
  #isOpen = false
  #amounts = new Map<string, number>()
  #job: SnapshotJob | undefined
  #floors: number[] = []
  #backup: { readonly rows: ReadonlyMap<string, Uint8Array>; readonly mark: Mark } | undefined

  constructor(world: World) {
    this.#world = world
    this.group = nodeGroup(GROUP, REPLICATION_DEFAULTS, world.runs)
    this.view = new GroupView(() => this.group)
    this.self = world.mint()
    this.selfIndex = world.model.add(this.self)
    this.#identify()
  }

  /** One transaction. False when it was refused. */
  write(indexes: readonly number[], stamp: number): boolean {
    const { group } = this
    const operations = indexes.flatMap((index) => CHECKED[index] ?? [])
    try {
      group.write(this.self, operations, stamp)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      this.#world.counts.refused += 1
      this.#checkRefused(operations, stamp)
      return false
    }
    if (!group.hasUnsaved) return true
    this.#isOpen = true
    this.#world.counts.transactions += 1
    for (const operation of operations) {
      if (operation.type !== 'counter-add') continue
      const { object, amount } = operation
      this.#amounts.set(object, (this.#amounts.get(object) ?? 0) + Number(amount))
    }
    return true
  }

  /** What is new becomes a row. */
  save(): void {
    const { group } = this
    const { model } = this.#world
    const runs = group.takeUnsaved()
    this.#isOpen = false
    if (runs.length === 0) return
    for (const run of runs) if (run.replica === this.self) model.note(run, group.state)
    if (this.#amounts.size > 0) {
      const end = group.state.haveOf(this.self)
      model.writer(this.selfIndex).intents.push({ end, amounts: this.#amounts })
      this.#amounts = new Map()
    }
    const bytes = runs.map((run) => run.bytes)
    const row = logRow(GROUP, group.sequence, bytes)
    group.log.addRow({ sequence: group.sequence, runs, bytes: row.value?.length ?? 0, at: 0 })
    group.sequence += 1
    this.#push([row], runs)
  }

  /** Rows reach the disk, all but the newest `left`. */
  commit(left: number = 0): void {
    this.save()
    while (this.store.waiting > left) {
      const batch = this.store.commit()
      this.#world.counts.commits += 1
      for (const run of batch?.runs ?? []) {
        if (run.replica === this.self) {
          this.#world.model.writer(this.selfIndex).durable = run.n0 + run.count - 1
        }
        this.#world.publish(run.bytes)
      }
    }
  }

  /** Takes in a run that is durable somewhere. */
  receive(bytes: Uint8Array): Receipt {
    const { counts } = this.#world
    const receipt = this.group.receive(bytes)
    switch (receipt.type) {
      case 'integrated': {
        counts.integrated += 1
        const [first] = receipt.runs
        if (first !== undefined && first.bytes.length !== bytes.length) counts.overlapping += 1
        break
      }
      case 'duplicate':
        counts.duplicates += 1
        break
      case 'staged':
        counts.staged += 1
        break
      case 'conflict':
        throw new Fault(`a fork of ${receipt.replica} is seen at ${receipt.n0}`)
      default:
        throw new Fault(`a run is dropped: ${receipt.reason}`)
    }
    return receipt
  }

  /** A complete base, and the events that came behind it. */
  adopt(adopting: Adopting): void {
    const { group } = this
    this.save()
    const before = group.state
    adopting.apply()
    const isInPlace = group.state === before
    this.#world.counts[isInPlace ? 'merged' : adopting.hasKnown ? 'mergedAside' : 'swapped'] += 1
    const writes = adoptedRows(GROUP, group.sequence, adopting)
    for (const { value } of writes) {
      const bytes = value?.length ?? 0
      group.log.addRow({ sequence: group.sequence, runs: [], bytes, at: 0 })
      group.sequence += 1
    }
    this.#push(writes, [])
    for (const bytes of adopting.tail) this.receive(bytes)
    this.#world.counts.baseTails += adopting.tail.length
    this.save()
  }

  /** Begins a snapshot, or goes on with one. */
  snapshot(steps: number, logBytes: number): void {
    this.save()
    const { group } = this
    this.#job ??= new SnapshotJob(group, 0)
    for (let i = 0; i < steps && this.#job !== undefined; i++) {
      const { writes, isDone } = this.#job.step()
      if (!isDone) {
        this.#push(writes, [])
        continue
      }
      this.#job = undefined
      this.#world.counts.snapshots += 1
      this.#push([...writes, ...this.#shrunk(logBytes)], [])
    }
  }

  /** Forgets the oldest rows of the log that a snapshot covers. */
  shrink(logBytes: number): void {
    this.save()
    const writes = this.#shrunk(logBytes)
    if (writes.length > 0) this.#push(writes, [])
  }

  /** Ends, and starts again from what is on the disk. */
  crash(): void {
    this.#world.model.forget(this.selfIndex)
    this.store = new Store(this.store.rows, this.store.mark)
    const found = this.#start()
    if (found !== this.self) throw new Fault(`${this.self} starts as ${found}`)
  }

  /** Starts with an empty disk. */
  lose(): void {
    this.#world.counts.lost += 1
    this.#restartFrom(new Store())
  }

  backup(): void {
    this.#backup = { rows: new Map(this.store.rows), mark: this.store.mark }
  }

  /** Starts from the backup, if there is one. */
  restore(): void {
    if (this.#backup === undefined) return
    this.#world.counts.restored += 1
    this.#restartFrom(new Store(this.#backup.rows, this.#backup.mark))
  }

  /** Starts from a copy of another one's disk. */
  clone(other: Replica): void {
    this.#world.counts.cloned += 1
    this.#restartFrom(new Store(other.store.rows, other.store.mark))
  }

  /** Compares state and events, unless some of them are known to nobody else yet. */
  check(): void {
    if (this.#isOpen) return
    this.#world.counts.checks += 1
    if (this.group.state.pendingKillCount() > 0) this.#world.counts.checksWithWaitingKills += 1
    this.#world.model.check(this.group, this.selfIndex, this.#floors)
  }

  /** What is refused changes nothing; what had gathered before it may have become events. */
  #checkRefused(operations: readonly CheckedOperation[], stamp: number): void {
    const { state } = this.group
    const before = state.haveOf(this.self)
    try {
      this.group.write(this.self, operations, stamp)
    } catch (error) {
      if (error instanceof RangeError && state.haveOf(this.self) === before) return
    }
    throw new Fault('a refused write changed state')
  }

  #shrunk(bytesMax: number): readonly StoreWrite[] {
    const { group } = this
    const limits = { bytesMax, since: Number.NEGATIVE_INFINITY, coveredBy: group.coveredBy }
    const rows = forgottenRows(group, group.log.shrink(limits))
    this.#world.counts.truncatedRows += rows.length
    return rows
  }

  #push(writes: readonly StoreWrite[], runs: readonly LoggedRun[]): void {
    this.store.push({ writes, mark: markOf(this.group.state), runs })
  }

  /** Another disk: under the old id nobody goes on. */
  #restartFrom(store: Store): void {
    const { model } = this.#world
    model.forget(this.selfIndex)
    model.writer(this.selfIndex).isGone = true
    this.store = store
    this.#start()
    this.self = this.#world.mint()
    this.selfIndex = model.add(this.self)
    this.#identify()
  }

  #identify(): void {
    const { key, value } = replicaRow(this.self)
    if (value !== undefined) this.store.rows.set(key, value)
  }

  /** @returns the writing identity on the disk */
  #start(): ReplicaId | undefined {
    const { runs, counts } = this.#world
    const group = nodeGroup(GROUP, REPLICATION_DEFAULTS, runs)
    this.group = group
    this.#isOpen = false
    this.#amounts = new Map()
    this.#job = undefined
    this.#floors = []
    const loader = new Loader(() => group, runs)
    for (const row of this.store.sorted()) loader.load(row)
    loader.end()
    group.begin()
    counts.restarts += 1
    if (group.coveredBy > 0) counts.restartsFromSnapshots += 1
    counts.leftovers += loader.repairs.length
    for (const { key } of loader.repairs) this.store.rows.delete(key)
    if (!isSame(markOf(group.state), this.store.mark)) {
      throw new Fault(`${this.self} starts with another state than its disk had`)
    }
    return loader.replica
  }
}
