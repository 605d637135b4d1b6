/** Checks one numeric option. @throws {TypeError} when it is no number @throws {RangeError} outside its range */
export function checkNumber(
  name: string,
  value: unknown,
  range: { readonly min: number; readonly max: number; readonly isInteger?: boolean },
): number {
  if (typeof value !== 'number' || Number.isNaN(value)) {
    throw new TypeError(`Cannot use option ${name}: expected a number: ${String(value)}`)
  }
  const isWhole = range.isInteger !== true || Number.isInteger(value)
  if (value < range.min || value > range.max || !isWhole) {
    const kind = range.isInteger === true ? 'an integer' : 'a number'
    throw new RangeError(
      `Cannot use option ${name}: expected ${kind} in ${range.min} … ${range.max}: ${value}`,
    )
  }
  return value
}
