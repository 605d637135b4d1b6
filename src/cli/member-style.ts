import type { MemberInfo } from '../index.ts'
import type { Style } from './text.ts'

/** Colours of states; the word is always there too. */
export const STATE_STYLES: Readonly<Record<MemberInfo['state'], Style>> = {
  alive: 'green',
  suspect: 'yellow',
  degraded: 'yellow',
  failed: 'red',
  left: 'dim',
}
