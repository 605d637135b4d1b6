const LENGTH_MIN = 16
/** A column grows by this share: more means fewer copies, less means less of it empty. */
const GROWTH = 1.25

/** How long a column becomes that must hold `needed` values. */
export function columnLength(needed: number): number {
  return Math.max(LENGTH_MIN, Math.ceil(needed * GROWTH))
}

/** The same values at the beginning of a longer column. */
export function longerBytes(column: Uint8Array, length: number): Uint8Array {
  const longer = new Uint8Array(length)
  longer.set(column)
  return longer
}

/** As {@link longerBytes}. */
export function longerShorts(column: Uint16Array, length: number): Uint16Array {
  const longer = new Uint16Array(length)
  longer.set(column)
  return longer
}

/** As {@link longerBytes}. */
export function longerIntegers(column: Int32Array, length: number): Int32Array {
  const longer = new Int32Array(length)
  longer.set(column)
  return longer
}

/** As {@link longerBytes}. */
export function longerNumbers(column: Float64Array, length: number): Float64Array {
  const longer = new Float64Array(length)
  longer.set(column)
  return longer
}
