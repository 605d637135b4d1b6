import { usageError } from './errors.ts'

const INTEGER_MAX = BigInt(Number.MAX_SAFE_INTEGER)

/** An operand that the program has already found to be present. */
export function operand(operands: readonly string[], index: number): string {
  const word = operands[index]
  if (word === undefined) throw usageError('An argument is missing')
  return word
}

/** A whole number, negative too. @throws {CliError} exit 2 */
export function parseInteger(text: string): number {
  const value = /^[+-]?\d{1,20}$/.test(text) ? BigInt(text) : undefined
  if (value === undefined) throw usageError(`Cannot use "${text}": expected a whole number`)
  if (value > INTEGER_MAX || value < -INTEGER_MAX) {
    throw usageError(`Cannot use "${text}": at most ${INTEGER_MAX} at once`)
  }
  return Number(value)
}

/** `a.b.c` → its parts; a dot inside a part is written `\.`. @throws {CliError} exit 2 */
export function parsePath(text: string): readonly string[] {
  const parts = text.split(/(?<!\\)\./).map((part) => part.replaceAll('\\.', '.'))
  if (parts.includes('')) {
    throw usageError(
      `Cannot use path "${text}": a part is empty`,
      'Write a.b.c, and a dot inside a part as \\.',
    )
  }
  return parts
}
