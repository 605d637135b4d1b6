import type { Command } from '../engine/engine-types.ts'

/** One wish of a transaction as the core takes it. Lists are copied: callers may change theirs at once. */
export type Operation = Extract<Command, { readonly type: 'transact' }>['operations'][number]

/** @throws {RangeError} a number that is no safe integer */
export function counterAdd(
  object: string,
  amount: number | bigint,
  options: { readonly growOnly?: boolean },
): Operation {
  const { growOnly } = options
  const kind = growOnly === undefined ? {} : { growOnly }
  return { type: 'counter-add', object, amount: toBigint(amount), ...kind }
}

export function setChange(
  type: 'set-add' | 'set-remove',
  object: string,
  values: string | readonly string[],
): Operation {
  return { type, object, values: listOf(values) }
}

export function mapSet(
  object: string,
  path: readonly string[],
  value: Extract<Operation, { readonly type: 'map-set' }>['value'],
): Operation {
  return { type: 'map-set', object, path: copy(path), value }
}

/** @throws {RangeError} a number that is no safe integer */
export function mapCounterAdd(
  object: string,
  path: readonly string[],
  amount: number | bigint,
): Operation {
  return { type: 'map-counter-add', object, path: copy(path), amount: toBigint(amount) }
}

export function mapSetChange(
  type: 'map-set-add' | 'map-set-remove',
  leaf: { readonly object: string; readonly path: readonly string[] },
  values: string | readonly string[],
): Operation {
  return { type, object: leaf.object, path: copy(leaf.path), values: listOf(values) }
}

export function mapRemove(object: string, path: readonly string[]): Operation {
  return { type: 'map-remove', object, path: copy(path) }
}

function listOf(values: string | readonly string[]): readonly string[] {
  return typeof values === 'string' ? [values] : copy(values)
}

// What is no list is passed on: the core refuses it with a message.
function copy(list: readonly string[]): readonly string[] {
  return Array.isArray(list) ? [...list] : list
}

function toBigint(amount: number | bigint): bigint {
  if (typeof amount === 'bigint') return amount
  if (!Number.isSafeInteger(amount)) {
    throw new RangeError(`Cannot add to counter: expected a safe integer: ${amount}`)
  }
  return BigInt(amount)
}
