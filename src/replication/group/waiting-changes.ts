import { present } from '../../base/assert.ts'
import type { Stamp } from '../../base/hybrid-clock.ts'
import type { ReplicaId } from '../../base/ids.ts'
import { ROW_MAX } from '../../crdt/element-row.ts'
import type { LoneChange } from '../../crdt/operation.ts'
import { NONE_CHANGED, ONE_CHANGED, type Results } from '../results.ts'

/** Who is told what each operation of a transaction changed. */
export interface Told {
  results: Results
}

/** More become events at once: they are one row. */
export const WAITING_CHANGES_MAX: number = ROW_MAX

/**
 * Transactions that add one element each to one set, or remove one from it, and wait to become events: many
 * in a row cost less than each on its own. Whoever looks at the state, or writes anything else, has them
 * become events first.
 */
export class WaitingChanges {
  object = ''
  self: ReplicaId | undefined
  /** The first so many of each column count. */
  count = 0
  readonly types: LoneChange['type'][] = []
  readonly values: string[] = []
  readonly stamps: Stamp[] = []
  readonly told: Told[] = []
  /** Of removals that have become events: the dot that died; 0 when there was none. */
  readonly killWriters: number[] = []
  readonly killDots: number[] = []

  begin(self: ReplicaId, object: string): void {
    this.self = self
    this.object = object
  }

  /** Whether a change by this replica to this set can wait with those that do. */
  continues(self: ReplicaId, object: string): boolean {
    return this.count > 0 && this.object === object && this.self === self
  }

  add(type: LoneChange['type'], value: string, stamp: Stamp, told: Told): void {
    const at = this.count
    this.types[at] = type
    this.values[at] = value
    this.stamps[at] = stamp
    this.told[at] = told
    this.count = at + 1
  }

  isAdd(i: number): boolean {
    return this.types[i] === 'set-add'
  }

  /** The end of those of one type that begin at one, at most `to`. */
  endOfType(from: number, to: number): number {
    const type = this.types[from]
    let end = from + 1
    while (end < to && this.types[end] === type) end += 1
    return end
  }

  /** Notes the dot that a removal has killed; 0 for none. */
  killed(i: number, writer: number, n: number): void {
    this.killWriters[i] = writer
    this.killDots[i] = n
  }

  /** Whether one that is over has changed anything. */
  hasChanged(i: number): boolean {
    return this.isAdd(i) || (this.killDots[i] ?? 0) > 0
  }

  /** Tells what some that are over have changed. @param to not included */
  tell(from: number, to: number): void {
    for (let i = from; i < to; i++) {
      present(this.told[i], 'transaction').results = this.hasChanged(i) ? ONE_CHANGED : NONE_CHANGED
    }
  }

  /** What one asks for. */
  operation(i: number): LoneChange {
    return {
      type: this.types[i] ?? 'set-add',
      object: this.object,
      values: [this.values[i] ?? ''],
    }
  }

  /** Lets go of the first `count`. */
  forget(count: number): void {
    this.values.fill('', 0, count)
  }
}
