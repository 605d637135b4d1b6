import type { CheckedOperation } from '../../../src/crdt/operation.ts'
import type { GroupView } from '../../../src/replication/group/group-view.ts'
import { Fault } from './model.ts'
import { CHECKED, operationText } from './operations.ts'

/** Throws unless its writer sees at once what the last operation of a transaction was for. */
export function checkWritten(view: GroupView, index: number | undefined): void {
  const operation = CHECKED[index ?? -1]
  if (operation === undefined || isSeen(view, operation)) return
  throw new Fault(`${operationText(index ?? -1)} was written and is not to be seen`)
}

function isSeen(view: GroupView, operation: CheckedOperation): boolean {
  const { object } = operation
  switch (operation.type) {
    case 'counter-add':
      return view.has(object, 'counter')
    case 'set-add':
      return operation.values.every((value) => view.setHas(object, value))
    case 'set-remove':
      return !operation.values.some((value) => view.setHas(object, value))
    case 'register-set': {
      const { value, siblings } = view.register(object)
      return siblings.length === 1 && JSON.stringify(value) === operation.json
    }
    case 'map-set':
      return JSON.stringify(view.mapAt(object, operation.path)) === operation.json
    case 'map-counter-add':
      return typeof view.mapAt(object, operation.path) === 'number'
    case 'map-set-add':
      return operation.values.every((value) => elementsAt(view, operation).includes(value))
    case 'map-set-remove':
      return !operation.values.some((value) => elementsAt(view, operation).includes(value))
    case 'map-remove':
      return view.mapAt(object, operation.path) === undefined
    default:
      return true
  }
}

function elementsAt(
  view: GroupView,
  { object, path }: { readonly object: string; readonly path: readonly string[] },
): readonly unknown[] {
  const value = view.mapAt(object, path)
  return Array.isArray(value) ? value : []
}
