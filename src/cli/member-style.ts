import type { MemberInfo } from '../index.ts'
import type { Painter, Style } from './text.ts'

/** Colours of states; the word is always there too. */
export const STATE_STYLES: Readonly<Record<MemberInfo['state'], Style>> = {
  alive: 'green',
  suspect: 'yellow',
  degraded: 'yellow',
  failed: 'red',
  left: 'dim',
}

/** The number of convergence in words. @param digests distinct ones among live members */
export function stateWord(digests: number, paint: Painter): string {
  return digests <= 1
    ? paint('green', 'converged: 1 state')
    : paint('yellow', `spreading: ${digests} states`)
}
