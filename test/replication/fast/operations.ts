import {
  type CheckedOperation,
  checkOperations,
  type Operation,
} from '../../../src/crdt/operation.ts'

/*
 * What schedules write: few names, few values, so that everything meets. Checked once, not for each use.
 */

const VALUES = ['x', 'y', 'z']
const OBJECTS = ['a', 'b']
/** One below another, one beside them. */
const PATHS = [['p'], ['p', 'q'], ['s']]

/** Operations that have to do with each other. */
export type Family = 'counter' | 'set' | 'register' | 'map-value' | 'map-counter' | 'map-set'

export const FAMILIES: readonly Family[] = [
  'counter',
  'set',
  'register',
  'map-value',
  'map-counter',
  'map-set',
]

function operationsOf(family: Family): readonly Operation[] {
  return OBJECTS.flatMap((object) => operationsOn(family, object))
}

function operationsOn(family: Family, object: string): readonly Operation[] {
  switch (family) {
    case 'counter':
      return [
        ...[1n, 5n, -3n].map((amount) => ({ type: 'counter-add', object, amount }) as const),
        { type: 'counter-add', object, amount: 2n, growOnly: true },
      ]
    case 'set':
      return [
        ...VALUES.map((value) => ({ type: 'set-add', object, values: [value] }) as const),
        { type: 'set-add', object, values: VALUES },
        { type: 'set-remove', object, values: ['x'] },
        { type: 'set-remove', object, values: VALUES },
      ]
    case 'register':
      return VALUES.map((value) => ({ type: 'register-set', object, value }) as const)
    case 'map-value':
      return [
        ...PATHS.map((path, value) => ({ type: 'map-set', object, path, value }) as const),
        ...PATHS.map((path) => ({ type: 'map-remove', object, path }) as const),
        { type: 'map-remove', object, path: [] },
      ]
    case 'map-counter':
      return [
        ...PATHS.map((path) => ({ type: 'map-counter-add', object, path, amount: 3n }) as const),
        { type: 'map-counter-add', object, path: ['p'], amount: -1n },
        { type: 'map-remove', object, path: ['p'] },
      ]
    case 'map-set':
      return [
        ...PATHS.map((path) => ({ type: 'map-set-add', object, path, values: ['x'] }) as const),
        { type: 'map-set-add', object, path: ['p'], values: VALUES },
        { type: 'map-set-remove', object, path: ['p'], values: ['x', 'y'] },
        { type: 'map-remove', object, path: [] },
      ]
  }
}

/** Every operation a schedule may write; schedules name them by their index. */
export const OPERATIONS: readonly Operation[] = FAMILIES.flatMap(operationsOf)

export const CHECKED: readonly CheckedOperation[] = checkOperations(OPERATIONS)

/** Indexes of a family's operations. */
export const BY_FAMILY: Readonly<Record<Family, readonly number[]>> = indexed()

function indexed(): Record<Family, readonly number[]> {
  let at = 0
  const of = (family: Family): readonly number[] => {
    const indexes = operationsOf(family).map((_, i) => at + i)
    at += indexes.length
    return indexes
  }
  return {
    counter: of('counter'),
    set: of('set'),
    register: of('register'),
    'map-value': of('map-value'),
    'map-counter': of('map-counter'),
    'map-set': of('map-set'),
  }
}

/** An operation as a reader of a failure wants to see it. */
export function operationText(index: number): string {
  const operation = OPERATIONS[index]
  if (operation === undefined) return `operation ${index}?`
  const { type, object } = operation
  const parts: string[] = [type, object]
  if ('path' in operation) parts.push(`/${operation.path.join('/')}`)
  if ('values' in operation) parts.push(operation.values.join(','))
  if ('value' in operation) parts.push(JSON.stringify(operation.value))
  if ('amount' in operation) parts.push(String(operation.amount))
  return parts.join(' ')
}
