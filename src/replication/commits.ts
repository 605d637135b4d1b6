import type { Millis, Outbox, StoreWrite } from '../base/core.ts'
import type { HybridClock } from '../base/hybrid-clock.ts'
import type { Adopting } from './base/adopting.ts'
import type { Group } from './group/group.ts'
import type { LoggedRun } from './group/group-log.ts'
import { RunSlabs } from './group/run-slabs.ts'
import type { Told } from './group/waiting-changes.ts'
import type { Arrival } from './host.ts'
import type { Replaced } from './identity/endings.ts'
import type { ReplicationTunables } from './options.ts'
import type { ReplicationOutput } from './replication-io.ts'
import { adoptedRows, logRow } from './store/rows.ts'
import { Snapshots } from './store/snapshots.ts'
import type { Dissemination } from './sync/dissemination.ts'
import type { UndoResult } from './undo/undo.ts'

export interface CommitsParts {
  readonly outbox: Outbox<ReplicationOutput>
  readonly dissemination: Dissemination
  readonly clock: HybridClock
  readonly tunables: ReplicationTunables
}

/** A transaction's answer, told once it is durable: it is complete when the group's runs are taken. */
export interface Answer extends Told {
  readonly type: 'transacted'
  readonly request: number
  /** What it did, if it was an undo. */
  readonly undo?: UndoResult
}

const NOBODY: ReadonlySet<number> = new Set()

/**
 * What has happened and is not in the store yet. It gathers, goes to the store as one batch, and then, and
 * only then, is told to peers and callers: the driver holds back what is pushed after a `persist`.
 */
export class Commits {
  readonly #outbox: Outbox<ReplicationOutput>
  readonly #dissemination: Dissemination
  readonly #clock: HybridClock
  readonly #snapshots: Snapshots
  readonly #slabs = new RunSlabs()
  readonly #unsaved = new Set<Group>()
  /** The one of them that was written last. */
  #last: Group | undefined
  /** How runs have come; those of our own are not here. */
  readonly #arrivals = new Map<LoggedRun, Arrival>()
  #results: Answer[] = []
  #isSaving = false
  /** Set while the disk has no room: snapshots wait. */
  isFull = false

  constructor({ outbox, dissemination, clock, tunables }: CommitsParts) {
    this.#outbox = outbox
    this.#dissemination = dissemination
    this.#clock = clock
    this.#snapshots = new Snapshots(tunables)
  }

  /** Whether anything waits for the store to be free. */
  get hasWork(): boolean {
    const isSnapshotDue = this.#snapshots.isBusy && !this.isFull
    return this.#unsaved.size > 0 || this.#results.length > 0 || isSnapshotDue
  }

  /** Transactions that wait to be answered. */
  get waiting(): number {
    return this.#results.length
  }

  /** A group has events of our own. */
  wrote(group: Group): void {
    if (group === this.#last) return
    this.#last = group
    this.#unsaved.add(group)
  }

  /** A transaction is to be answered. */
  answer(answer: Answer): void {
    this.#results.push(answer)
  }

  /** Runs of others have become part of a group. */
  integrated(group: Group, runs: readonly LoggedRun[], from: Arrival): void {
    this.#unsaved.add(group)
    for (const run of runs) this.#arrivals.set(run, from)
  }

  /**
   * The store is free: hands it what has gathered, and the next part of a snapshot, which so keeps up however
   * much is written.
   */
  flush(now: Millis): void {
    this.#save(now, this.#snapshots.isBusy && !this.isFull)
  }

  /** Hands what has gathered to the store. */
  save(now: Millis): void {
    this.#save(now, false)
  }

  #save(now: Millis, withSnapshot: boolean): void {
    const isIdle = this.#unsaved.size === 0 && this.#results.length === 0
    if (this.#isSaving || (isIdle && !withSnapshot)) return
    this.#isSaving = true
    const writes: StoreWrite[] = []
    const saved: (readonly [Group, readonly LoggedRun[]])[] = []
    for (const group of this.#unsaved) {
      const runs = group.takeUnsaved()
      if (runs.length === 0) continue
      saved.push([group, runs])
      const { name, sequence } = group
      const row = logRow(
        name,
        sequence,
        runs.map(({ bytes }) => bytes),
      )
      writes.push(row)
      this.#slabs.keep(group, runs)
      // A list that has grown has room for sixteen more.
      group.addRow({ sequence, runs: runs.slice(), bytes: row.value?.length ?? 0, at: now })
      for (const { count } of runs) group.tailEvents += count
      writes.push(...this.#snapshots.saved(group, this.#clock.last, now))
    }
    this.#unsaved.clear()
    this.#last = undefined
    if (withSnapshot) writes.push(...this.#snapshots.step(now))
    if (writes.length > 0) this.#outbox.push({ type: 'persist', writes })
    for (const [group, runs] of saved) this.tell(group, runs)
    for (const answer of this.#results) this.#outbox.push(answer)
    this.#results = []
    this.#arrivals.clear()
    this.#isSaving = false
  }

  /**
   * Merges a complete base and stores it, as one step.
   * @param replace makes room for what takes the place of something here
   * @param follow takes in the events that came after it
   */
  adopt(
    group: Group,
    adopting: Adopting,
    { replace, follow }: { readonly replace: () => Replaced; readonly follow: () => void },
    now: Millis,
  ): void {
    this.save(now)
    const { writes: first, issued } = replace()
    adopting.apply()
    const rows = adoptedRows(group.name, group.sequence, adopting)
    const writes = [...first, ...rows]
    for (const { value } of rows) {
      const bytes = value?.length ?? 0
      group.addRow({ sequence: group.sequence, runs: [], bytes, at: now })
    }
    this.#outbox.push({ type: 'persist', writes })
    follow()
    this.save(now)
    const stored = this.#snapshots.saved(group, this.#clock.last, now)
    if (stored.length > 0) this.#outbox.push({ type: 'persist', writes: stored })
    this.tell(group, issued)
  }

  /** Tells peers and readers what a group has become. @param runs new ones, on their way to the store */
  tell(group: Group, runs: readonly LoggedRun[]): void {
    for (const run of runs) {
      const from = this.#arrivals.get(run)
      if (from === undefined) this.#dissemination.push(group, run, NOBODY)
      else if (from.session === 0) {
        this.#dissemination.owesAck(from.peer, group, run.writer)
        this.#dissemination.push(group, run, from.served)
      }
    }
    for (const change of group.changes.take()) {
      this.#outbox.push({ type: 'changed', group: group.name, ...change })
    }
    this.#outbox.push({ type: 'digest', group: group.name, digest: group.digest() })
  }
}
