import { equalBytes } from '../base/bytes.ts'
import type { Millis } from '../base/core.ts'
import type { HybridClock } from '../base/hybrid-clock.ts'
import type { PeerId } from '../base/ids.ts'
import type { Random } from '../base/random.ts'
import type { Signer } from '../base/signer.ts'
import { authorOf, type DhtRecord, decodeRecord, fingerprintOf } from '../records/record.ts'
import { type RecordAddress, recordId, recordKey } from '../records/record-key.ts'
import { rankOf } from '../records/select.ts'
import { STAMP_AHEAD_MS_MAX, validate } from '../records/validate.ts'
import type { Calls } from './calls.ts'
import {
  ITEM_CHECK_BYTES,
  ITEM_PREFIX_BYTES,
  type RecordItem,
  type RecordVersion,
} from './frame.ts'
import type { KvOutput } from './kv-contract.ts'
import type { KvTunables } from './options.ts'
import type { OwnKeys } from './own-keys.ts'
import type { PeerTable } from './peer-table.ts'
import type { Placement } from './placement.ts'
import type { RangeIndex } from './range-index.ts'
import type { Held, RecordStore } from './record-store.ts'
import type { Ring } from './ring.ts'
import type { Searches } from './searches.ts'
import type { Timers } from './timers.ts'

/** What the parts of the kv core share. */
export interface KvContext {
  readonly signer: Signer
  readonly random: Random
  readonly tunables: KvTunables
  /** Replicas of a record, N. */
  readonly replication: number
  readonly timers: Timers
  readonly peers: PeerTable
  readonly calls: Calls
  readonly store: RecordStore
  readonly ownKeys: OwnKeys
  readonly index: RangeIndex
  readonly emit: (output: KvOutput) => void
  /** Whether a peer only reads. */
  readonly isObserver: (peer: PeerId) => boolean
  /** The current view of the members. */
  readonly ring: () => Ring
  /** Where callers find the members closest to a key. */
  readonly placement: Placement
  readonly searches: Searches
  /** Members that failed lately and did not leave. */
  readonly lost: () => number
  readonly clock: HybridClock
}

/** Where a record belongs. */
export interface RecordPlace {
  readonly address: RecordAddress
  /** UTF-8 of the record key, `/k/KEY` and its like. */
  readonly recordKey: Uint8Array
  readonly id: Uint8Array
}

export function placeAt(address: RecordAddress): RecordPlace {
  const bytes = recordKey(address)
  return { address, recordKey: bytes, id: recordId(bytes) }
}

/** Version and fingerprint of a record, for digests and conditional reads. */
export function versionOf(record: DhtRecord): RecordVersion {
  return { stamp: rankOf(record), fingerprint: fingerprintOf(record) }
}

/** What a list says of an entry. */
export function itemOf({ id, record }: Held): RecordItem {
  return {
    prefix: id.subarray(0, ITEM_PREFIX_BYTES),
    rank: rankOf(record),
    check: record.signature.subarray(0, ITEM_CHECK_BYTES),
  }
}

/** Whether two records, or what is told of them, are the same one. */
export function isSameVersion(a: RecordVersion, b: RecordVersion): boolean {
  return a.stamp === b.stamp && equalBytes(a.fingerprint, b.fingerprint)
}

/**
 * The record inside an answer, if it is the one asked for and may be believed; our clock moves past
 * its version, so that what we write from now on wins over what we have read.
 */
export function recordInAnswer(
  context: KvContext,
  asked: { readonly bytes: Uint8Array; readonly recordKey: Uint8Array },
  now: Millis,
): DhtRecord | undefined {
  const decoded = decodeRecord(asked.bytes)
  if (!decoded.ok) {
    context.emit({ type: 'dropped', reason: `kv answer: ${decoded.reason}` })
    return undefined
  }
  const record = decoded.value
  const isAsked = equalBytes(recordKey(record), asked.recordKey)
  const fault = isAsked ? faultOf(context, record, now) : 'record of another key'
  if (fault !== undefined) {
    context.emit({ type: 'dropped', reason: `kv answer: ${fault}` })
    return undefined
  }
  context.clock.observe(record.stamp, now, STAMP_AHEAD_MS_MAX)
  context.ownKeys.seen(record)
  return record
}

/** What we hold ourselves was checked when it came. */
function faultOf(context: KvContext, record: DhtRecord, now: Millis): string | undefined {
  const held = context.store.live(recordId(recordKey(record)), now)
  if (held !== undefined && equalBytes(held.bytes, record.bytes)) return undefined
  return authorFault(context, record) ?? validate(record, now, context.signer)
}

/** Whose records count for nothing, whoever holds them. */
export function authorFault(
  { isObserver }: Pick<KvContext, 'isObserver'>,
  record: DhtRecord,
): string | undefined {
  return isObserver(authorOf(record)) ? 'its author only reads' : undefined
}

/** Takes a record heard of in an answer, and believed, into our own store when it belongs there. */
export function keepIfOurs(context: KvContext, record: DhtRecord, now: Millis): void {
  const id = recordId(recordKey(record))
  const self = context.signer.peerId
  const isReplica = context
    .ring()
    .closest(id, context.replication)
    .some(({ peerId }) => peerId === self)
  if (isReplica || context.store.held(id) !== undefined) context.store.offer(record, now, true)
}
