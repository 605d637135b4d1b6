import { HearsayError } from '../index.ts'

const LETTERS = 'abcdefghijklmnopqrstuvwxyz'
/** More nodes than this do not fit into one process. */
const NODES_MAX = 200

/**
 * Names of a lab's nodes: a, b, … z, n27, n28, … unless given.
 * @throws {RangeError} for an impossible number @throws {HearsayError} ERR_INVALID for names that do not fit
 */
export function labNames(nodes: number, names: readonly string[] | undefined): readonly string[] {
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > NODES_MAX) {
    throw new RangeError(`Cannot start a lab: expected 1 to ${NODES_MAX} nodes: ${nodes}`)
  }
  if (names === undefined) {
    return Array.from({ length: nodes }, (_, index) => LETTERS[index] ?? `n${index + 1}`)
  }
  if (names.length === nodes && new Set(names).size === nodes) return [...names]
  throw new HearsayError(
    'ERR_INVALID',
    `Cannot start a lab: expected ${nodes} different names: ${names.join(', ')}`,
  )
}
