import {
  asOneIncrement,
  type CheckedOperation,
  checkOperations,
  isLoneChange,
  type LoneChange,
  type LoneIncrement,
  type Operation,
} from '../../crdt/operation.ts'
import { ONE_CHANGED, resultsOf } from '../results.ts'
import type { Writing } from '../undo/undo-history.ts'
import type { Group } from './group.ts'
import type { Told } from './waiting-changes.ts'

/** A transaction that was checked. The first two may wait and become events with others of their kind. */
export type Wish = LoneChange | LoneIncrement | readonly CheckedOperation[]

/**
 * Checks the operations of one transaction before anything changes.
 * @throws {TypeError} @throws {RangeError} @throws {HearsayError} as checkOperations()
 */
export function checkTransaction(operations: readonly Operation[]): Wish {
  if (isLoneChange(operations)) return operations[0]
  return asOneIncrement(operations) ?? checkOperations(operations)
}

/**
 * Applies a transaction whole or not at all, at once or together with others that wait.
 * @param operations what `wish` was made of
 * @param told is told what they changed, at the latest when the group settles
 * @throws {HearsayError} ERR_LIMIT @throws {RangeError} nothing changed then
 */
export function transact(
  group: Group,
  { operations, wish }: { readonly operations: readonly Operation[]; readonly wish: Wish },
  author: Writing,
  told: Told,
): void {
  const { self, stamp } = author
  if (!isList(wish)) {
    if ('values' in wish) {
      if (group.changeLater(self, wish, stamp, told)) return
    } else if (group.countLater(self, wish, stamp)) {
      const { length } = operations
      told.results = length === 1 ? ONE_CHANGED : resultsOf(new Array<number>(length).fill(1))
      return
    }
  }
  const checked = isList(wish) ? wish : checkOperations(operations)
  told.results = resultsOf(group.history.write(checked, author))
}

function isList(wish: Wish): wish is readonly CheckedOperation[] {
  return Array.isArray(wish)
}
