import type { Stamp } from '../base/hybrid-clock.ts'
import type { ReplicaId } from '../base/ids.ts'
import { ROW_MAX } from '../crdt/element-row.ts'
import type { Results } from './results.ts'

/** Who is told what each operation of a transaction changed. */
export interface Told {
  results: Results
}

/** More become events at once: they are one row. */
export const WAITING_ADDS_MAX: number = ROW_MAX

/**
 * Transactions that add one element each to one set and wait to become events: many in a row cost less than
 * each on its own. Whoever looks at the state, or writes anything else, has them become events first.
 */
export class WaitingAdds {
  object = ''
  self: ReplicaId | undefined
  /** The first so many of each column count. */
  count = 0
  readonly values: string[] = []
  readonly stamps: Stamp[] = []
  readonly told: Told[] = []

  get isEmpty(): boolean {
    return this.count === 0
  }

  begin(self: ReplicaId, object: string): void {
    this.self = self
    this.object = object
  }

  /** Whether an add by this replica to this set can wait with those that do. */
  continues(self: ReplicaId, object: string): boolean {
    return this.count > 0 && this.object === object && this.self === self
  }

  add(value: string, stamp: Stamp, told: Told): void {
    this.values[this.count] = value
    this.stamps[this.count] = stamp
    this.told[this.count] = told
    this.count += 1
  }

  /** Lets go of the first `count`. */
  forget(count: number): void {
    this.values.fill('', 0, count)
  }
}
