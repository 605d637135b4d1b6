import { compareBytes, equalBytes } from '../base/bytes.ts'
import { type Accusation, kindRank } from './accusation.ts'
import { compareRecords, type SignedRecord } from './record.ts'

/**
 * All that is claimed about one member. A join-semilattice: {@link mergeClaims} is commutative,
 * associative and idempotent, so tables may meet in any order, any number of times.
 *
 * record: the greatest by (epoch, incarnation, left above alive, bytes).
 * accusations: per accuser its greatest by (epoch, incarnation, kind); of these the sixteen greatest;
 * none below the record. Those above the record wait for it. The cut to sixteen and the cut at the
 * record commute, because both remove from the low end of one order.
 */
export interface Claims {
  readonly record: SignedRecord
  /** Greatest first. */
  readonly accusations: readonly Accusation[]
}

/** Eight observers and those that were faster; bounds memory and flood. */
export const ACCUSATIONS_MAX = 16

export function mergeClaims(a: Claims, b: Claims): Claims {
  const record = compareRecords(a.record, b.record) >= 0 ? a.record : b.record
  return { record, accusations: selectAccusations(record, [...a.accusations, ...b.accusations]) }
}

export function withRecord(claims: Claims, record: SignedRecord): Claims {
  return mergeClaims(claims, { record, accusations: [] })
}

export function withAccusation(claims: Claims, accusation: Accusation): Claims {
  return {
    record: claims.record,
    accusations: selectAccusations(claims.record, [...claims.accusations, accusation]),
  }
}

/** True when both hold the same facts. */
export function equalClaims(a: Claims, b: Claims): boolean {
  if (a.accusations.length !== b.accusations.length) return false
  if (!equalBytes(a.record.bytes, b.record.bytes)) return false
  return a.accusations.every((accusation, i) => {
    const other = b.accusations[i]
    return other !== undefined && compareAccusations(accusation, other) === 0
  })
}

/** Whether exactly this accusation is among these: most of what a flood brings is. */
export function isHeld(accusations: readonly Accusation[], one: Accusation): boolean {
  return accusations.some((held) => compareAccusations(held, one) === 0)
}

/** The accusations that hold for the record as it is. */
export function standingAccusations(claims: Claims): readonly Accusation[] {
  if (claims.record.status === 'left') return []
  return claims.accusations.filter((accusation) => compareTimes(accusation, claims.record) === 0)
}

/** Precedence at equal (epoch, incarnation): left > failed > suspect > alive. */
export function claimedState(claims: Claims): 'alive' | 'suspect' | 'failed' | 'left' {
  if (claims.record.status === 'left') return 'left'
  const standing = standingAccusations(claims)
  if (standing.some((accusation) => accusation.kind === 'failed')) return 'failed'
  return standing.length > 0 ? 'suspect' : 'alive'
}

function selectAccusations(
  record: SignedRecord,
  candidates: readonly Accusation[],
): readonly Accusation[] {
  const sorted = candidates
    .filter((accusation) => compareTimes(accusation, record) >= 0)
    .sort(compareAccusations)
  const selected: Accusation[] = []
  for (const accusation of sorted) {
    if (selected.length === ACCUSATIONS_MAX) break
    if (selected.some((kept) => equalBytes(kept.accuser, accusation.accuser))) continue
    selected.push(accusation)
  }
  return selected
}

interface Time {
  readonly epoch: number
  readonly incarnation: number
}

/** Order of (epoch, incarnation). */
export function compareTimes(a: Time, b: Time): number {
  return a.epoch - b.epoch || a.incarnation - b.incarnation
}

/** Greatest first; equal only for the same claim of the same accuser (signatures are deterministic). */
function compareAccusations(a: Accusation, b: Accusation): number {
  return (
    -compareTimes(a, b) ||
    kindRank(b.kind) - kindRank(a.kind) ||
    compareBytes(a.accuser, b.accuser) ||
    compareBytes(a.signature, b.signature)
  )
}
