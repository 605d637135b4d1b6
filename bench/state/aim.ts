import type { Row } from './case.ts'
import { figure } from './figure.ts'

/** What hearsay's figure has to reach. */
export interface Aim {
  /** At least this where higher is better, at most this where lower is. */
  readonly value: number
  /** And at least so many times what another library reaches in the same run. */
  readonly over?: { readonly library: string; readonly times: number }
}

type Aimed = Pick<Row, 'unit' | 'better' | 'aim'>

export function aimText({ unit, better, aim }: Aimed): string {
  if (aim === undefined) return ''
  const own = `${better === 'higher' ? '≥' : '≤'} ${figure(aim.value, unit)}`
  return aim.over === undefined ? own : `${own}, ≥ ${aim.over.times} × ${aim.over.library}`
}

/**
 * Whether a figure reaches its aim; undefined when there is none, or nothing to compare.
 * @param others figures of other libraries in the same run
 */
export function holds(
  { better, aim }: Aimed,
  value: number | undefined,
  others: Readonly<Record<string, number | undefined>>,
): boolean | undefined {
  if (aim === undefined || value === undefined) return undefined
  const isOwn = better === 'higher' ? value >= aim.value : value <= aim.value
  if (aim.over === undefined || !isOwn) return isOwn
  const other = others[aim.over.library]
  return other === undefined ? undefined : value >= other * aim.over.times
}

/** For a table's cell. */
export function holdsText(isHeld: boolean | undefined): string {
  if (isHeld === undefined) return ''
  return isHeld ? 'holds' : 'fails'
}
