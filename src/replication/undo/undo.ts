import type { ObjectType } from '../../crdt/operation.ts'
import type { Group } from '../group/group.ts'
import { rememberedBy, type Writing } from './undo-history.ts'
import { type Kept, planUndo, type UndoPlan } from './undo-plan.ts'

/** What an undo did. */
export interface UndoResult {
  /** Number of the transaction that was undone, and of the one that did it, if there was anything to do. */
  readonly transaction: number
  readonly undoneBy: number | undefined
  readonly undone: UndoPlan['undone']
  readonly kept: readonly Kept[]
}

/** A transaction that can be undone. */
export interface Undoable {
  readonly transaction: number
  /** The transaction that it undid. */
  readonly undoes: number | undefined
  readonly objects: readonly { readonly name: string; readonly type: ObjectType }[]
}

/**
 * Undoes an own transaction by another one.
 * @param number of the transaction; undefined: the last one
 * @throws {HearsayError} see UndoHistory.find(); ERR_LIMIT also when it takes more than a transaction may
 */
export function undo(group: Group, number: number | undefined, author: Writing): UndoResult {
  group.settle()
  const { state } = group
  const history = rememberedBy(group)
  const written = history.find(number, author.self)
  const later = history.written.filter((one) => one.number > written.number)
  const { operations, undone, kept } = planUndo(state, written, later)
  if (operations.length > 0) history.write(operations, author, written)
  else if (kept.length === 0) written.isUndone = true
  return { transaction: written.number, undoneBy: written.undoneBy, undone, kept }
}
