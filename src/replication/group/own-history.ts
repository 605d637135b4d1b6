import type { ReplicaId } from '../../base/ids.ts'
import type { CheckedOperation } from '../../crdt/operation.ts'
import type { Undoable } from '../undo/undo.ts'
import type { Writing, Written } from '../undo/undo-history.ts'
import type { Group } from './group.ts'
import type { EachIncrement } from './increments.ts'
import type { WaitingChanges } from './waiting-changes.ts'

/** What own transactions are written through: it may remember what they did, see UndoHistory. */
export interface OwnHistory {
  /** Is told of increments that wait one by one. */
  readonly increments?: EachIncrement
  /** Transactions that can be undone, the last one first. */
  undoables?(): readonly Undoable[]
  /** Applies operations as one transaction, as Group.write() does. */
  write(
    operations: readonly CheckedOperation[],
    author: Writing,
    undoes?: Written,
  ): readonly number[]
  /** Changes of a set that waited have become the latest events. @param to not included */
  waited(waiting: WaitingChanges, from: number, to: number): void
  /** Increments that waited are about to become events. */
  counted(self: ReplicaId): void
}

/** A history of a group that remembers nothing. */
export function noHistory(group: Group): OwnHistory {
  return {
    write: (operations, { self, stamp }) => group.write(self, operations, stamp),
    waited() {},
    counted() {},
  }
}
