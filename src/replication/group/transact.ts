import type { Stamp } from '../../base/hybrid-clock.ts'
import type { ReplicaId } from '../../base/ids.ts'
import {
  asOneIncrement,
  checkOperations,
  isLoneChange,
  type Operation,
} from '../../crdt/operation.ts'
import { ONE_CHANGED, resultsOf } from '../results.ts'
import type { Group } from './group.ts'
import type { Told } from './waiting-changes.ts'

/**
 * Applies a transaction of `self` whole or not at all, at once or together with others that wait. Parameters one
 * by one: an object for them would be a tenth of what adding an element costs (measured).
 * @param told is told what its operations changed, at the latest when the group settles
 * @throws {TypeError} @throws {RangeError} @throws {HearsayError} ERR_INVALID, ERR_LIMIT; nothing changed then
 */
export function transact(
  group: Group,
  operations: readonly Operation[],
  self: ReplicaId,
  stamp: Stamp,
  told: Told,
): void {
  if (isLoneChange(operations)) {
    if (group.changeLater(self, operations[0], stamp, told)) return
  } else {
    const increment = asOneIncrement(operations)
    if (increment !== undefined && group.countLater(self, increment, stamp)) {
      told.results = operations.length === 1 ? ONE_CHANGED : resultsOf(operations.map(() => 1))
      return
    }
  }
  told.results = resultsOf(group.history.write(checkOperations(operations), { self, stamp }))
}
