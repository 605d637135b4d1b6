import type { Transaction } from '../index.ts'
import type { NamedOperation, ObjectOperation } from './shapes.ts'

/** Adds an operation to a transaction. */
export function applyOperation(transaction: Transaction, operation: NamedOperation): void {
  const { name } = operation
  switch (operation.type) {
    case 'counter': {
      const { growOnly } = operation
      const growing = growOnly === undefined ? {} : { growOnly }
      transaction.counter(name).add(operation.value ?? 1, growing)
      break
    }
    case 'set':
      transaction.set(name)[operation.op](operation.values ?? operation.value ?? [])
      break
    case 'register':
      transaction.register(name).set(operation.value)
      break
    case 'map':
      applyToMap(transaction.map(name), operation)
      break
  }
}

function applyToMap(
  map: ReturnType<Transaction['map']>,
  operation: Extract<ObjectOperation, { readonly type: 'map' }>,
): void {
  const { path } = operation
  switch (operation.op) {
    case 'set':
      map.set(path, operation.value)
      break
    case 'remove':
      map.remove(path)
      break
    case 'increment':
      map.counterAt(path).add(operation.value ?? 1)
      break
    case 'add':
      map.setAt(path).add(operation.values ?? operation.value ?? [])
      break
    case 'discard':
      map.setAt(path).remove(operation.values ?? operation.value ?? [])
      break
  }
}
