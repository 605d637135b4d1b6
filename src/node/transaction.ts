import { unreachable } from '../base/assert.ts'
import {
  counterAdd,
  mapCounterAdd,
  mapRemove,
  mapSet,
  mapSetChange,
  type Operation,
  setChange,
} from './operations.ts'
import type { ObjectType, OperationResult, Transaction } from './state-types.ts'

/**
 * Runs the callback of `transact` and returns what it asked for.
 * @throws {TypeError} when it is async @throws whatever the callback throws
 */
export function collectOperations(build: (transaction: Transaction) => void): readonly Operation[] {
  const operations: Operation[] = []
  let isOpen = true
  const push = (operation: Operation): void => {
    if (!isOpen) {
      throw new TypeError('Cannot add to the transaction: its callback has returned')
    }
    operations.push(operation)
  }
  try {
    refuseAsync(build(transactionOf(push)))
  } finally {
    isOpen = false
  }
  return operations
}

/** Results as people read them: with the object that each operation was about. */
export function operationResults(
  operations: readonly Operation[],
  results: readonly { readonly changed: number }[],
): readonly OperationResult[] {
  return operations.map((operation, index) => ({
    name: operation.object,
    type: objectTypeOf(operation),
    changed: results[index]?.changed ?? 0,
  }))
}

function transactionOf(push: (operation: Operation) => void): Transaction {
  return {
    counter: (name) => ({
      add: (amount = 1, options = {}) => push(counterAdd(name, amount, options)),
    }),
    set: (name) => ({
      add: (values) => push(setChange('set-add', name, values)),
      remove: (values) => push(setChange('set-remove', name, values)),
    }),
    register: (name) => ({
      set: (value) => push({ type: 'register-set', object: name, value }),
    }),
    map: (name) => ({
      set: (path, value) => push(mapSet(name, path, value)),
      remove: (path) => push(mapRemove(name, path)),
      counterAt: (path) => ({
        add: (amount = 1) => push(mapCounterAdd(name, path, amount)),
      }),
      setAt: (path) => ({
        add: (values) => push(mapSetChange('map-set-add', { object: name, path }, values)),
        remove: (values) => push(mapSetChange('map-set-remove', { object: name, path }, values)),
      }),
      registerAt: (path) => ({ set: (value) => push(mapSet(name, path, value)) }),
    }),
  }
}

/** What an async callback did before its first await would be half of what was meant. */
function refuseAsync(returned: unknown): void {
  const isPromise =
    typeof returned === 'object' &&
    returned !== null &&
    'then' in returned &&
    typeof returned.then === 'function'
  if (!isPromise) return
  // It goes on by itself and fails at the dead transaction: nobody awaits that failure.
  Promise.resolve(returned).catch(() => {})
  throw new TypeError('Cannot transact: the callback is async; await first, then transact')
}

function objectTypeOf(operation: Operation): ObjectType {
  switch (operation.type) {
    case 'counter-add':
      return 'counter'
    case 'set-add':
    case 'set-remove':
      return 'set'
    case 'register-set':
      return 'register'
    case 'map-set':
    case 'map-counter-add':
    case 'map-set-add':
    case 'map-set-remove':
    case 'map-remove':
      return 'map'
    default:
      return unreachable(operation)
  }
}
