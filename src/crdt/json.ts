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
 * The JSON text of a value of unknown making. Never calls user code but property getters.
 * @throws {TypeError} what JSON cannot hold @throws {HearsayError} ERR_INVALID, ERR_LIMIT
 */
export function jsonText(value: unknown): string {
  checkJson(value, 0)
  const text = JSON.stringify(value)
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
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new DecodeError('malformed JSON')
  }
  try {
    checkJson(value, 0)
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

function checkJson(value: unknown, depth: number): void {
  switch (typeof value) {
    case 'boolean':
      return
    case 'string':
      checkText(value)
      return
    case 'number':
      if (Number.isFinite(value)) return
      throw new HearsayError('ERR_INVALID', `Cannot store value: JSON has no number ${value}`)
    case 'object':
      if (value !== null) checkContainer(value, depth + 1)
      return
    default:
      throw new TypeError(`Cannot store value: JSON has no ${typeof value}`)
  }
}

function checkContainer(value: object, depth: number): void {
  if (depth > JSON_DEPTH_MAX) {
    throw new HearsayError('ERR_LIMIT', `Cannot store value: nested above ${JSON_DEPTH_MAX} levels`)
  }
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) checkJson(value[i], depth)
    return
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw new TypeError('Cannot store value: expected plain objects and arrays')
  }
  for (const [key, item] of Object.entries(value)) {
    checkText(key)
    checkJson(item, depth)
  }
}

function checkText(text: string): void {
  if (!text.isWellFormed()) {
    throw new HearsayError('ERR_INVALID', 'Cannot store value: a text holds a lone surrogate')
  }
}
