import { utf8 } from '../base/bytes.ts'
import { HearsayError } from '../base/errors.ts'
import { type Json, jsonText } from './json.ts'
import {
  KEY_BYTES_MAX,
  NAME_BYTES_MAX,
  OPERATIONS_MAX,
  PATH_DEPTH_MAX,
  VALUES_MAX,
} from './limits.ts'

export type { Json } from './json.ts'

export type ObjectType = 'counter' | 'set' | 'register' | 'map'

/** One wish of a user; a list of them becomes one atomic transaction. */
export type Operation =
  | {
      readonly type: 'counter-add'
      readonly object: string
      /** |amount| ≤ 2^53 − 1. */
      readonly amount: bigint
      /** Makes it a G-counter: from then on negative amounts are refused here. */
      readonly growOnly?: boolean
    }
  | {
      readonly type: 'set-add' | 'set-remove'
      readonly object: string
      readonly values: readonly string[]
    }
  | { readonly type: 'register-set'; readonly object: string; readonly value: Json }
  | {
      readonly type: 'map-set'
      readonly object: string
      readonly path: readonly string[]
      readonly value: Json
    }
  /** Adds to the counter at a path; |amount| ≤ 2^53 − 1. */
  | {
      readonly type: 'map-counter-add'
      readonly object: string
      readonly path: readonly string[]
      readonly amount: bigint
    }
  /** Adds to or removes from the set at a path. */
  | {
      readonly type: 'map-set-add' | 'map-set-remove'
      readonly object: string
      readonly path: readonly string[]
      readonly values: readonly string[]
    }
  /** An empty path removes everything observed in the map. */
  | { readonly type: 'map-remove'; readonly object: string; readonly path: readonly string[] }

/** An operation whose every part was checked; JSON values are text already. */
export type CheckedOperation =
  | {
      readonly type: 'counter-add'
      readonly object: string
      readonly amount: bigint
      readonly growOnly: boolean
    }
  | {
      readonly type: 'set-add' | 'set-remove'
      readonly object: string
      /** Distinct. */
      readonly values: readonly string[]
    }
  | { readonly type: 'register-set'; readonly object: string; readonly json: string }
  | {
      readonly type: 'map-set'
      readonly object: string
      readonly path: readonly string[]
      readonly json: string
    }
  | {
      readonly type: 'map-counter-add'
      readonly object: string
      readonly path: readonly string[]
      readonly amount: bigint
    }
  | {
      readonly type: 'map-set-add' | 'map-set-remove'
      readonly object: string
      readonly path: readonly string[]
      readonly values: readonly string[]
    }
  | { readonly type: 'map-remove'; readonly object: string; readonly path: readonly string[] }
  /** Kills the live entries of these dots, whatever they are: only what undoes a transaction asks for it. */
  | { readonly type: 'retract'; readonly object: ''; readonly dots: readonly Dot[] }

/** An event by its interned writer and number. */
export interface Dot {
  readonly writer: number
  readonly n: number
}

/** Of one operation. */
export const AMOUNT_MAX: bigint = BigInt(Number.MAX_SAFE_INTEGER)
const AMOUNT_MIN = -AMOUNT_MAX

/**
 * Checks the operations of one transaction before anything changes.
 * @throws {TypeError} parts of a wrong type @throws {RangeError} amounts out of range
 * @throws {HearsayError} ERR_LIMIT, ERR_INVALID
 */
export function checkOperations(operations: readonly Operation[]): readonly CheckedOperation[] {
  if (!Array.isArray(operations)) throw new TypeError('Cannot transact: expected a list')
  if (operations.length > OPERATIONS_MAX) {
    throw new HearsayError('ERR_LIMIT', `Cannot transact: above ${OPERATIONS_MAX} operations`)
  }
  const only = operations[0]
  if (operations.length === 1 && only !== undefined) return [checkOperation(only)]
  return operations.map(checkOperation)
}

/** An operation that adds one element to a set or removes it. */
export interface LoneChange {
  readonly type: 'set-add' | 'set-remove'
  readonly object: string
  readonly values: readonly [string]
}

/**
 * Whether a transaction is a lone change of a set; it is checked then.
 * @throws {TypeError} @throws {HearsayError} as {@link checkOperations}
 */
export function isLoneChange(
  operations: readonly Operation[],
): operations is readonly [LoneChange] {
  if (!Array.isArray(operations) || operations.length !== 1) return false
  const only = operations[0]
  if (only?.type !== 'set-add' && only?.type !== 'set-remove') return false
  const { object, values } = only
  if (!Array.isArray(values) || values.length !== 1) return false
  checkName('object', object)
  checkText('set value', values[0], KEY_BYTES_MAX)
  return true
}

/** An increment by 0 to 2^53 − 1. */
export interface LoneIncrement {
  readonly object: string
  readonly amount: bigint
  readonly growOnly?: boolean
}

/**
 * The one increment that increments of one counter, or one alone, amount to. Undefined for everything else,
 * for sums that one operation may not add, and for what {@link checkOperations} has to refuse.
 * @throws {TypeError} @throws {HearsayError} for the counter's name, as {@link checkOperations}
 */
export function asOneIncrement(operations: readonly Operation[]): LoneIncrement | undefined {
  if (!Array.isArray(operations) || operations.length > OPERATIONS_MAX) return undefined
  const first = operations[0]
  if (first?.type !== 'counter-add') return undefined
  const { object } = first
  const growOnly = first.growOnly === true
  let sum = 0
  for (const operation of operations) {
    if (operation.type !== 'counter-add' || operation.object !== object) return undefined
    const { amount } = operation
    if (typeof amount !== 'bigint' || (operation.growOnly === true) !== growOnly) return undefined
    const number = Number(amount)
    sum += number
    if (number < 0 || sum > Number.MAX_SAFE_INTEGER) return undefined
  }
  checkName('object', object)
  return operations.length === 1 ? first : { object, amount: BigInt(sum), growOnly }
}

/** Checks a group's or object's name. @throws {TypeError} no text @throws {HearsayError} ERR_INVALID, ERR_LIMIT */
export function checkName(what: 'group' | 'object', name: unknown): string {
  const text = checkText(what === 'group' ? 'group name' : 'object name', name, NAME_BYTES_MAX)
  if (text === '') throw new HearsayError('ERR_INVALID', `Cannot use ${what} name: it is empty`)
  return text
}

function checkOperation(operation: Operation): CheckedOperation {
  const object = checkName('object', operation.object)
  switch (operation.type) {
    case 'counter-add':
      return {
        type: 'counter-add',
        object,
        amount: checkAmount(operation.amount),
        growOnly: operation.growOnly === true,
      }
    case 'set-add':
    case 'set-remove':
      return { type: operation.type, object, values: checkValues(operation.values) }
    case 'register-set':
      return { type: 'register-set', object, json: jsonText(operation.value) }
    case 'map-set': {
      const path = checkLeafPath(operation.path)
      return { type: 'map-set', object, path, json: jsonText(operation.value) }
    }
    case 'map-counter-add': {
      const path = checkLeafPath(operation.path)
      return { type: 'map-counter-add', object, path, amount: checkAmount(operation.amount) }
    }
    case 'map-set-add':
    case 'map-set-remove': {
      const path = checkLeafPath(operation.path)
      return { type: operation.type, object, path, values: checkValues(operation.values) }
    }
    case 'map-remove':
      return { type: 'map-remove', object, path: checkPath(operation.path) }
    default:
      throw new TypeError('Cannot transact: unknown operation')
  }
}

function checkAmount(amount: unknown): bigint {
  if (typeof amount !== 'bigint') throw new TypeError('Cannot add to counter: expected a bigint')
  if (amount > AMOUNT_MAX || amount < AMOUNT_MIN) {
    throw new RangeError(`Cannot add to counter: amount beyond 2^53 − 1: ${amount}`)
  }
  return amount
}

function checkLeafPath(path: unknown): readonly string[] {
  const checked = checkPath(path)
  if (checked.length === 0) {
    throw new HearsayError('ERR_INVALID', 'Cannot set in map: the path is empty')
  }
  return checked
}

function checkValues(values: unknown): readonly string[] {
  if (!Array.isArray(values)) throw new TypeError('Cannot change set: expected a list of values')
  if (values.length > VALUES_MAX) {
    throw new HearsayError('ERR_LIMIT', `Cannot change set: above ${VALUES_MAX} values at once`)
  }
  if (values.length === 1) return [checkText('set value', values[0], KEY_BYTES_MAX)]
  return [...new Set(values.map((value) => checkText('set value', value, KEY_BYTES_MAX)))]
}

function checkPath(path: unknown): readonly string[] {
  if (!Array.isArray(path)) throw new TypeError('Cannot use map path: expected a list of texts')
  if (path.length > PATH_DEPTH_MAX) {
    throw new HearsayError('ERR_LIMIT', `Cannot use map path: deeper than ${PATH_DEPTH_MAX}`)
  }
  let room = KEY_BYTES_MAX
  for (const component of path) {
    const text = checkText('map path', component, room)
    if (text === '') {
      throw new HearsayError('ERR_INVALID', 'Cannot use map path: a component is empty')
    }
    room -= utf8(text).length
  }
  return [...path]
}

function checkText(what: string, value: unknown, bytesMax: number): string {
  if (typeof value !== 'string') throw new TypeError(`Cannot use ${what}: expected a text`)
  if (!value.isWellFormed()) {
    throw new HearsayError('ERR_INVALID', `Cannot use ${what}: it holds a lone surrogate`)
  }
  // A code unit takes at most three bytes: short texts need no encoding.
  if (value.length * 3 > bytesMax && utf8(value).length > bytesMax) {
    throw new HearsayError('ERR_LIMIT', `Cannot use ${what}: longer than ${bytesMax} bytes`)
  }
  return value
}
