import { compareBytes } from '../base/bytes.ts'
import type { DhtRecord } from './record.ts'

/** Which of two records of one key counts, on every node alike. */
export interface Selection {
  /** Positive: the first wins; negative: the second; zero: they are the same bytes. */
  readonly order: number
  /** One author signed two different records of one version: the bytewise larger wins; worth a report. */
  readonly isConflict: boolean
}

/** The later version wins: by stamp, then by the author's key. A total order, so merging in any order agrees. */
export function select(first: DhtRecord, second: DhtRecord): Selection {
  const byVersion = compareVersions(first, second)
  if (byVersion !== 0) return { order: byVersion, isConflict: false }
  const order = compareBytes(first.bytes, second.bytes)
  return { order, isConflict: order !== 0 }
}

/** Order of versions alone: (stamp, author bytes). */
export function compareVersions(first: DhtRecord, second: DhtRecord): number {
  return first.stamp - second.stamp || compareBytes(first.author, second.author)
}
