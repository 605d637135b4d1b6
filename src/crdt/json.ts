import { DecodeError } from '../base/codec.ts'
import { HearsayError } from '../base/errors.ts'
import { JSON_DEPTH_MAX, VALUE_BYTES_MAX } from './limits.ts'

/** Any JSON value. Numbers are finite; -0 becomes 0. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json }

/**
 * The JSON text of a value of unknown making. Reads every part once, so that getters cannot show one value to the
 * checks and another one to the text.
 * @throws {TypeError} what JSON cannot hold, or what throws when it is read
 * @throws {HearsayError} ERR_INVALID, ERR_LIMIT
 */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(readable(value))
  if (jsonBytes(text) > VALUE_BYTES_MAX) {
    throw new HearsayError(
      'ERR_LIMIT',
      `Cannot store value: longer than ${VALUE_BYTES_MAX} bytes of JSON`,
      { hint: 'Store large values in the DHT, or split them' },
    )
  }
  return text
}

/** Checks JSON text that a peer wrote. @throws {DecodeError} */
export function checkJsonText(text: string): void {
  let value: Json
  try {
    value = jsonValue(text)
  } catch {
    throw new DecodeError('malformed JSON')
  }
  try {
    checkParsed(value, 0)
  } catch {
    throw new DecodeError('JSON value outside its limits')
  }
}

/** The value of text that {@link jsonText} or {@link checkJsonText} let pass; a fresh one on each call. */
export function jsonValue(text: string): Json {
  return JSON.parse(text) as Json
}

function jsonBytes(text: string): number {
  // A code unit takes at most three bytes: short texts need no exact count.
  if (text.length * 3 <= VALUE_BYTES_MAX) return text.length
  let bytes = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    // Each half of a surrogate pair counts two of its four bytes.
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 2 : 3
  }
  return bytes
}

/** What a caller's getters or proxies throw is no error of ours: it becomes one. */
function readable(value: unknown): Json {
  try {
    return checkedCopy(value, 0)
  } catch (error) {
    if (error instanceof HearsayError || error instanceof TypeError) throw error
    throw new TypeError('Cannot store value: it cannot be read', { cause: error })
  }
}

function checkParsed(value: Json, depth: number): void {
  if (typeof value === 'string') checkText(value)
  else if (typeof value === 'number') checkNumber(value)
  else if (Array.isArray(value)) {
    checkDepth(depth + 1)
    for (const item of value) checkParsed(item, depth + 1)
  } else if (typeof value === 'object' && value !== null) {
    checkDepth(depth + 1)
    for (const [key, item] of Object.entries(value)) {
      checkText(key)
      checkParsed(item, depth + 1)
    }
  }
}

function checkedCopy(value: unknown, depth: number): Json {
  switch (typeof value) {
    case 'boolean':
      return value
    case 'string':
      checkText(value)
      return value
    case 'number':
      checkNumber(value)
      return value
    case 'object':
      return value === null ? null : copyOfContainer(value, depth + 1)
    default:
      throw new TypeError(`Cannot store value: JSON has no ${typeof value}`)
  }
}

function copyOfContainer(value: object, depth: number): Json {
  checkDepth(depth)
  if (Array.isArray(value)) {
    const items: Json[] = []
    for (let i = 0; i < value.length; i++) items.push(checkedCopy(value[i], depth))
    return items
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw new TypeError('Cannot store value: expected plain objects and arrays')
  }
  const entries: [string, Json][] = []
  for (const [key, item] of Object.entries(value)) {
    checkText(key)
    entries.push([key, checkedCopy(item, depth)])
  }
  // Never by assignment: "__proto__" is a name like others.
  return Object.fromEntries(entries)
}

function checkDepth(depth: number): void {
  if (depth <= JSON_DEPTH_MAX) return
  throw new HearsayError('ERR_LIMIT', `Cannot store value: nested above ${JSON_DEPTH_MAX} levels`)
}

function checkNumber(value: number): void {
  if (Number.isFinite(value)) return
  throw new HearsayError('ERR_INVALID', `Cannot store value: JSON has no number ${value}`)
}

function checkText(text: string): void {
  if (!text.isWellFormed()) {
    throw new HearsayError('ERR_INVALID', 'Cannot store value: a text holds a lone surrogate')
  }
}
