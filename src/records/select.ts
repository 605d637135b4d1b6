import { compareBytes, equalBytes } from '../base/bytes.ts'
import type { Stamp } from '../base/hybrid-clock.ts'
import { stampAt } from '../base/hybrid-clock.ts'
import type { DhtRecord } from './record.ts'

/** Which of two records of one key counts, on every node alike. */
export interface Selection {
  /** Positive: the first wins; negative: the second; zero: they are the same bytes. */
  readonly order: number
  /** One author signed two different records of one version: the bytewise larger wins; worth a report. */
  readonly isConflict: boolean
}

/**
 * The later version wins: by stamp, then by the author's key. Of immutable records, which all hold the
 * same value, the one that lives longer wins, and so does one of two owned records that differ in
 * nothing else. A total order, so merging in any order agrees.
 */
export function select(first: DhtRecord, second: DhtRecord): Selection {
  const byVersion = compareVersions(first, second)
  if (byVersion !== 0) return { order: byVersion, isConflict: false }
  if (first.namespace === 'o' && isSameContent(first, second)) {
    const byLife = first.expiresAt - second.expiresAt
    if (byLife !== 0) return { order: byLife, isConflict: false }
  }
  const order = compareBytes(first.bytes, second.bytes)
  return { order, isConflict: order !== 0 && first.namespace !== 'h' }
}

/** Order of versions alone: (stamp, author bytes); of immutable records the moment of their end. */
export function compareVersions(first: DhtRecord, second: DhtRecord): number {
  if (first.namespace === 'h') return first.expiresAt - second.expiresAt
  return first.stamp - second.stamp || compareBytes(first.author, second.author)
}

/** The part of a version by which records are ordered first, as digests carry it. */
export function rankOf(record: DhtRecord): Stamp {
  return record.namespace === 'h' ? stampAt(record.expiresAt) : record.stamp
}

function isSameContent(first: DhtRecord, second: DhtRecord): boolean {
  if (first.value === undefined || second.value === undefined) return first.value === second.value
  return equalBytes(first.value, second.value)
}
