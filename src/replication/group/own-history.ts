import { HearsayError } from '../../base/errors.ts'
import type { ReplicaId } from '../../base/ids.ts'
import type { CheckedOperation } from '../../crdt/operation.ts'
import type { Undoable } from '../undo/undo.ts'
import type { Writing, Written } from '../undo/undo-history.ts'
import type { Group } from './group.ts'
import type { Increments } from './increments.ts'
import type { WaitingChanges } from './waiting-changes.ts'

/** What own transactions are written through: it may remember what they did, see UndoHistory. */
export interface OwnHistory {
  /** How many of the latest increments that wait it wants to be told one by one. */
  readonly incrementsMax: number
  /** Transactions that are remembered, oldest first. */
  readonly written: readonly Written[]
  /** What of them can be undone, the last one first. */
  undoables(): readonly Undoable[]
  /** Applies operations as one transaction, as Group.write() does. */
  write(
    operations: readonly CheckedOperation[],
    author: Writing,
    undoes?: Written,
  ): readonly number[]
  /**
   * The last transaction, or one by its number.
   * @throws {HearsayError} ERR_NOT_FOUND: there is none · ERR_INVALID: undone already · ERR_LIMIT: too large
   */
  find(number: number | undefined, self: ReplicaId): Written
  /** Changes of a set that waited have become the latest events. @param to not included */
  waited(waiting: WaitingChanges, from: number, to: number): void
  /** Increments that waited are about to become events. */
  counted(self: ReplicaId, increments: Increments): void
}

/** A history of a group that remembers nothing. */
export function noHistory(group: Group): OwnHistory {
  return {
    incrementsMax: 1,
    written: [],
    undoables: () => [],
    write: (operations, { self, stamp }) => group.write(self, operations, stamp),
    find() {
      throw new HearsayError('ERR_NOT_FOUND', 'Cannot undo: nothing is remembered here')
    },
    waited() {},
    counted() {},
  }
}
