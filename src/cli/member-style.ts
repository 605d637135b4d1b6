import type { MemberInfo, StatusInfo } from '../index.ts'
import { type Painter, plural, printable, type Style } from './text.ts'

/** Colours of states; the word is always there too. */
export const STATE_STYLES: Readonly<Record<MemberInfo['state'], Style>> = {
  alive: 'green',
  suspect: 'yellow',
  degraded: 'yellow',
  failed: 'red',
  left: 'dim',
}

/** The state of a member and, when it only reads, its role. */
export function memberWord(
  { state, role }: Pick<MemberInfo, 'state' | 'role'>,
  paint: Painter,
): string {
  const words = role === undefined ? printable(state) : `${printable(state)}, ${printable(role)}`
  return paint(STATE_STYLES[state] ?? 'red', words)
}

/** How many of the members only read; nothing when none does. */
export function observersWord({ observers = 0 }: StatusInfo['members']): readonly string[] {
  return observers === 0 ? [] : [`${plural(observers, 'observer')} among them`]
}

/** The number of convergence in words. @param digests distinct ones among live members */
export function stateWord(digests: number, paint: Painter): string {
  return digests <= 1
    ? paint('green', 'converged: 1 state')
    : paint('yellow', `spreading: ${digests} states`)
}
