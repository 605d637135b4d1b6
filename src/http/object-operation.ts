import type { Json, Transaction } from '../index.ts'
import type { JsonObject } from './body.ts'
import { invalid, RequestFault } from './problem.ts'
import type { NamedOperation, ObjectOperation } from './shapes.ts'

/** host.md: path depth of a map. */
const PATH_DEPTH_MAX = 32

/** Parses the body of `POST /v1/objects/{name}`. @throws {RequestFault} 400 */
export function parseObjectOperation(body: JsonObject): ObjectOperation {
  switch (body.type) {
    case 'counter':
      return counterOperation(body)
    case 'set':
      return setOperation(body)
    case 'register':
      return registerOperation(body)
    case 'map':
      return mapOperation(body)
    default:
      throw expected('type', 'counter, set, register or map', body.type)
  }
}

/**
 * Parses the body of `POST /v1/transactions`. How many operations one transaction takes is the node's to say.
 * @throws {RequestFault} 400, naming the operation
 */
export function parseTransaction(body: JsonObject): readonly NamedOperation[] {
  refuseOthers(body, ['operations'])
  const { operations } = body
  if (!Array.isArray(operations)) throw expected('operations', 'a list', operations)
  return operations.map((operation: Json, index) => {
    try {
      return namedOperation(operation)
    } catch (error) {
      if (!(error instanceof RequestFault)) throw error
      throw invalid(`Cannot use operations[${index}]: ${error.message}`, error.hint)
    }
  })
}

function namedOperation(operation: Json): NamedOperation {
  if (!isObject(operation)) throw invalid('expected an object')
  const { name, ...rest } = operation
  if (typeof name !== 'string' || name === '') throw expected('name', 'a name', name)
  return { name, ...parseObjectOperation(rest) }
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

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

function counterOperation(body: JsonObject): ObjectOperation {
  refuseOthers(body, ['type', 'op', 'value', 'growOnly'])
  if (body.op !== 'add') throw expected('op', 'add', body.op)
  const { growOnly } = body
  if (growOnly !== undefined && typeof growOnly !== 'boolean') {
    throw expected('growOnly', 'true or false', growOnly)
  }
  return {
    type: 'counter',
    op: 'add',
    ...amountOf(body.value),
    ...(growOnly === undefined ? {} : { growOnly }),
  }
}

/** How much to add; 1 when nothing is said. @throws {RequestFault} 400 */
function amountOf(value: Json | undefined): { readonly value?: number } {
  if (value === undefined) return {}
  if (typeof value === 'number' && Number.isSafeInteger(value)) return { value }
  throw expected('value', 'an integer of at most 2^53 - 1', value)
}

function setOperation(body: JsonObject): ObjectOperation {
  refuseOthers(body, ['type', 'op', 'value', 'values'])
  const { op } = body
  if (op !== 'add' && op !== 'remove') throw expected('op', 'add or remove', op)
  return { type: 'set', op, ...elementsOf(body) }
}

/** One text as `value`, or a list as `values`. @throws {RequestFault} 400 */
function elementsOf({ value, values }: JsonObject): {
  readonly value?: string
  readonly values?: readonly string[]
} {
  if (value !== undefined && values !== undefined) {
    throw invalid('Cannot use value and values together: send one of them')
  }
  if (values !== undefined) return { values: texts('values', values) }
  if (typeof value !== 'string') throw expected('value', 'a text', value)
  return { value }
}

function registerOperation(body: JsonObject): ObjectOperation {
  refuseOthers(body, ['type', 'op', 'value'])
  if (body.op !== 'set') throw expected('op', 'set', body.op)
  if (body.value === undefined) throw expected('value', 'any JSON value', undefined)
  return { type: 'register', op: 'set', value: body.value }
}

function mapOperation(body: JsonObject): ObjectOperation {
  const { op, value } = body
  const path = op === 'remove' ? branchPath(body.path) : mapPath(body.path)
  switch (op) {
    case 'set':
      refuseOthers(body, ['type', 'op', 'path', 'value'])
      if (value === undefined) throw expected('value', 'any JSON value', undefined)
      return { type: 'map', op, path, value }
    case 'remove':
      refuseOthers(body, ['type', 'op', 'path'])
      return { type: 'map', op, path }
    case 'increment':
      refuseOthers(body, ['type', 'op', 'path', 'value'])
      return { type: 'map', op, path, ...amountOf(value) }
    case 'add':
    case 'discard':
      refuseOthers(body, ['type', 'op', 'path', 'value', 'values'])
      return { type: 'map', op, path, ...elementsOf(body) }
    default:
      throw expected('op', 'set, remove, increment, add or discard', op)
  }
}

/** As {@link mapPath}, or nothing for the whole map. @throws {RequestFault} 400 */
function branchPath(value: Json | undefined): readonly string[] {
  return Array.isArray(value) && value.length === 0 ? [] : mapPath(value)
}

/** A map's path: 1 to 32 texts. @throws {RequestFault} 400 */
export function mapPath(value: Json | undefined): readonly string[] {
  const path = texts('path', value)
  if (path.length > 0 && path.length <= PATH_DEPTH_MAX) return path
  throw invalid(`Cannot use path: expected 1 to ${PATH_DEPTH_MAX} keys: ${path.length}`)
}

/** A list of texts. @throws {RequestFault} 400 */
export function texts(name: string, value: Json | undefined): readonly string[] {
  const list: string[] = []
  if (!Array.isArray(value)) throw expected(name, 'a list of texts', value)
  for (const item of value) {
    if (typeof item !== 'string') throw expected(name, 'a list of texts', value)
    list.push(item)
  }
  return list
}

// A misspelt or misplaced field must not be a silent default: "group" belongs into the query.
function refuseOthers(body: JsonObject, known: readonly string[]): void {
  for (const name of Object.keys(body)) {
    if (!known.includes(name)) throw invalid(`Cannot use the body: unknown field: ${show(name)}`)
  }
}

/** 400: a field of the body is not what it must be. */
export function expected(field: string, what: string, value: Json | undefined): Error {
  return invalid(`Cannot use ${field}: expected ${what}: ${show(value)}`)
}

function show(value: Json | undefined): string {
  const text = value === undefined ? 'it is missing' : JSON.stringify(value)
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}
