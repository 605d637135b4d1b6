import type { Json } from '../index.ts'
import { invalid, tooLarge } from './problem.ts'
import { wrongNumber } from './wrong-number.ts'

/** host.md: the largest request body. */
export const BODY_BYTES_MAX: number = 1024 * 1024
/** Nesting of a JSON body; deeper ones only serve to exhaust a stack. */
export const JSON_DEPTH_MAX = 64

export type JsonObject = { readonly [key: string]: Json }

/**
 * The whole body, never buffering more than `bytesMax`.
 * @throws {RequestFault} 413 when it is larger
 */
export async function readBytes(request: Request, bytesMax: number): Promise<Uint8Array> {
  const declared = Number(request.headers.get('content-length') ?? 0)
  if (declared > bytesMax) throw bodyTooLarge(bytesMax)
  if (request.body === null) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of request.body) {
    length += chunk.length
    if (length > bytesMax) throw bodyTooLarge(bytesMax)
    chunks.push(chunk)
  }
  return concat(chunks, length)
}

function concat(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.length
  }
  return bytes
}

function bodyTooLarge(bytesMax: number): Error {
  return tooLarge(`Cannot take the body: more than ${bytesMax} bytes`)
}

/**
 * The body as a JSON object of at most 1 MiB.
 * @throws {RequestFault} 413, or 400 for anything that is not well-formed JSON within the limits
 */
export async function readJsonObject(request: Request): Promise<JsonObject> {
  const value = parseJson(await readBytes(request, BODY_BYTES_MAX))
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid('Cannot use the body: expected a JSON object')
  }
  return value as JsonObject
}

/** Parses untrusted JSON bytes. @throws {RequestFault} 400 */
export function parseJson(bytes: Uint8Array): Json {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw invalid('Cannot parse the body: it is not UTF-8')
  }
  // Before parsing, so that no parser ever recurses over a hostile nesting.
  if (nesting(text) > JSON_DEPTH_MAX) {
    throw invalid(`Cannot parse the body: nested deeper than ${JSON_DEPTH_MAX} levels`)
  }
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'malformed'
    throw invalid(`Cannot parse the body as JSON: ${reason.slice(0, 200)}`)
  }
  const number = wrongNumber(text)
  if (number !== undefined) {
    const hint = 'Send it as a text: no JSON number here holds it exactly'
    throw invalid(`Cannot use the body: a number is out of range: ${number.slice(0, 100)}`, hint)
  }
  checkValue(value)
  return value
}

function nesting(text: string): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i)
    if (inString) {
      if (character === 0x5c) i += 1
      else if (character === 0x22) inString = false
    } else if (character === 0x22) inString = true
    else if (character === 0x7b || character === 0x5b) deepest = Math.max(deepest, ++depth)
    else if (character === 0x7d || character === 0x5d) depth -= 1
  }
  return deepest
}

function checkValue(value: Json): void {
  if (typeof value === 'string') checkText(value)
  else if (Array.isArray(value)) for (const item of value) checkValue(item)
  else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      if (key === '__proto__') throw invalid('Cannot use the body: the name "__proto__" is refused')
      checkText(key)
      checkValue(item)
    }
  }
}

function checkText(text: string): void {
  if (!text.isWellFormed()) throw invalid('Cannot use the body: a text holds a lone surrogate')
}
