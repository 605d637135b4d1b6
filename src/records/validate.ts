import type { Millis } from '../base/core.ts'
import { stampMillis } from '../base/hybrid-clock.ts'
import type { Signer } from '../base/signer.ts'
import {
  type DhtRecord,
  IMMUTABLE_BYTES_MAX,
  isSignedByAuthor,
  RECORD_TTL_MS_MAX,
  VALUE_BYTES_MAX,
} from './record.ts'
import { hashKey, isNamespace, keyFault } from './record-key.ts'

/** A version further ahead of our clock than this is refused: it would win over honest writes. */
export const STAMP_AHEAD_MS_MAX: Millis = 10 * 60_000

/** Why a record is refused. Stable: counted, sent to the writer, shown to people. */
export type RecordFault =
  | 'unknown namespace'
  | 'oversized'
  | 'expired'
  | 'key is not the hash of the value'
  | 'version ahead of time'
  | 'expiry too far ahead'
  | 'bad signature'

/**
 * Whether a decoded record may enter this node at `now`: undefined when it may. Asked at every
 * entrance; the cheap questions come first, the signature (≈ 0.1 ms) last.
 */
export function validate(record: DhtRecord, now: Millis, signer: Signer): RecordFault | undefined {
  return boundsFault(record, now) ?? proofFault(record, signer)
}

/** Why a record may not enter at `now`, its author's word believed. */
export function boundsFault(record: DhtRecord, now: Millis): RecordFault | undefined {
  if (!isNamespace(record.namespace)) return 'unknown namespace'
  const bytesMax = record.namespace === 'h' ? IMMUTABLE_BYTES_MAX : VALUE_BYTES_MAX
  const isOversized = (record.value?.length ?? 0) > bytesMax
  if (isOversized || keyFault(record.key) !== undefined) return 'oversized'
  if (isExpired(record, now)) return 'expired'
  if (stampMillis(record.stamp) > now + STAMP_AHEAD_MS_MAX) return 'version ahead of time'
  if (record.expiresAt > now + RECORD_TTL_MS_MAX + STAMP_AHEAD_MS_MAX) return 'expiry too far ahead'
  return undefined
}

/** Why the author's word cannot be believed. It does not change with time. */
export function proofFault(record: DhtRecord, signer: Signer): RecordFault | undefined {
  if (record.namespace === 'h' && !isNamedByHash(record, signer)) {
    return 'key is not the hash of the value'
  }
  return isSignedByAuthor(record, signer) ? undefined : 'bad signature'
}

/** What is immutable cannot be deleted either. */
function isNamedByHash({ key, value, isManifest }: DhtRecord, signer: Signer): boolean {
  return value !== undefined && !isManifest && hashKey(value, signer) === key
}

/** From `expiresAt` on a record does not count. */
export function isExpired(record: DhtRecord, now: Millis): boolean {
  return record.expiresAt <= now
}
