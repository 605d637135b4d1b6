import { wrongNumber } from '../http/wrong-number.ts'
import type { Json } from '../index.ts'
import { usageError } from './errors.ts'

/**
 * JSON that a user wrote, to be sent as it is meant: parsing and writing it again must not change a number.
 * @param what names it in the refusal
 * @throws {SyntaxError} what is no JSON @throws {CliError} a number that would arrive as another one
 */
export function parseJsonInput(what: string, text: string): Json {
  // JSON.parse makes nothing else.
  const value = JSON.parse(text) as Json
  const number = wrongNumber(text)
  if (number === undefined) return value
  throw usageError(
    `Cannot use ${what}: a number is out of range: ${number.slice(0, 100)}`,
    `Write it as a text: "${number.slice(0, 100)}"`,
  )
}
