import { equalBytes } from '../base/bytes.ts'
import type { Lane, Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import { type DhtRecord, decodeRecord } from '../records/record.ts'
import { recordId, recordKey } from '../records/record-key.ts'
import { STAMP_AHEAD_MS_MAX, validate } from '../records/validate.ts'
import { encodeFrame, type KvReply, type KvRequest } from './frame.ts'
import { authorFault, isSameVersion, type KvContext, versionOf } from './kv-context.ts'
import type { Reconciler } from './reconciler.ts'
import type { Admission } from './record-store.ts'

/** A record costs one more for each so many bytes, a list for each so many items. */
const BYTES_A_COST = 65_536
/** Larger records go behind small ones. */
const BULK_BYTES = 16_384
const ITEMS_A_COST = 64

/** The answering side: what others, and we ourselves, ask of the records held here. */
export class Replica {
  readonly #context: KvContext
  readonly #reconciler: Reconciler

  constructor(context: KvContext, reconciler: Reconciler) {
    this.#context = context
    this.#reconciler = reconciler
  }

  handle(peer: PeerId, request: KvRequest, now: Millis): void {
    const retryAfterMs = this.#charge(peer, request, now)
    if (retryAfterMs > 0) {
      this.#context.emit({ type: 'dropped', reason: 'kv request above the rate' })
      this.#reply(peer, { type: 'busy', id: request.id, retryAfterMs }, { lane: 'control' })
      return
    }
    if (request.type !== 'get' && this.#context.isObserver(peer)) {
      this.#context.emit({ type: 'dropped', reason: 'kv request of an observer' })
      const reason = 'observers only read'
      this.#reply(peer, { type: 'refused', id: request.id, reason }, { lane: 'user' })
      return
    }
    switch (request.type) {
      case 'put':
        this.#put(peer, request, now)
        return
      case 'get':
        this.#answer(peer, this.#get(request, now))
        return
      case 'compare':
        this.#reply(peer, this.#reconciler.compare(peer, request, now), { lane: 'bulk' })
        return
      case 'items':
        // What it says is held must be durable: others may forget it then.
        this.#reply(peer, this.#reconciler.items(peer, request, now), { lane: 'bulk', gated: true })
        return
    }
  }

  /** Takes a record from outside: the one way in for kad-dht. */
  admit(bytes: Uint8Array, expectedKey: Uint8Array, now: Millis): Admission {
    const decoded = decodeRecord(bytes)
    if (!decoded.ok) return { outcome: 'refused', reason: decoded.reason }
    const record = decoded.value
    if (!equalBytes(recordKey(record), expectedKey)) {
      return { outcome: 'refused', reason: 'record of another key' }
    }
    return this.#offer(record, false, now)
  }

  #offer(record: DhtRecord, isProven: boolean, now: Millis): Admission {
    const admission = this.#context.store.offer(record, now, isProven)
    if (admission.outcome === 'stored') {
      this.#reconciler.received(admission.id)
      this.#context.ownKeys.seen(record)
    }
    if (admission.outcome !== 'refused') {
      this.#context.clock.observe(record.stamp, now, STAMP_AHEAD_MS_MAX)
    }
    return admission
  }

  /** Why a record cannot be taken under a key, whatever is held. */
  fault(bytes: Uint8Array, expectedKey: Uint8Array, now: Millis): string | undefined {
    const decoded = decodeRecord(bytes)
    if (!decoded.ok) return decoded.reason
    const record = decoded.value
    const fault = authorFault(this.#context, record)
    if (fault !== undefined) return fault
    const isItsKey = equalBytes(recordKey(record), expectedKey)
    return isItsKey ? validate(record, now, this.#context.signer) : 'record of another key'
  }

  #charge(peer: PeerId, request: KvRequest, now: Millis): Millis {
    const { signer, tunables, peers, ring } = this.#context
    if (peer === signer.peerId) return 0
    const isMember = ring().member(peer) !== undefined
    const perSecond = isMember ? tunables.memberCostPerSecond : tunables.strangerCostPerSecond
    const wait = peers.charge(peer, costOf(request), { perSecond, now })
    return Math.min(wait, 60_000)
  }

  #put(peer: PeerId, { id, record }: KvRequest & { type: 'put' }, now: Millis): void {
    const decoded = decodeRecord(record)
    // What we send to ourselves we have signed, or verified when it came.
    const isProven = peer === this.#context.signer.peerId
    const admission: Admission = decoded.ok
      ? this.#offer(decoded.value, isProven, now)
      : { outcome: 'refused', reason: decoded.reason }
    switch (admission.outcome) {
      case 'stored':
      case 'same':
        this.#reply(peer, { type: 'stored', id }, { lane: 'user', gated: true })
        return
      case 'stale': {
        const newer = admission.newer?.bytes
        this.#reply(peer, { type: 'superseded', id, record: newer }, { lane: 'user', gated: true })
        return
      }
      case 'refused':
        this.#context.emit({ type: 'dropped', reason: `kv record: ${admission.reason}` })
        this.#reply(peer, { type: 'refused', id, reason: admission.reason }, { lane: 'user' })
        return
    }
  }

  #answer(peer: PeerId, reply: KvReply): void {
    const isLarge = reply.type === 'found' && reply.record.length > BULK_BYTES
    this.#reply(peer, reply, { lane: isLarge ? 'bulk' : 'user' })
  }

  #get({ id, key, known }: KvRequest & { type: 'get' }, now: Millis): KvReply {
    const record = this.#context.store.live(recordId(key), now)
    if (record === undefined) return { type: 'absent', id }
    if (known !== undefined && isSameVersion(known, versionOf(record))) return { type: 'same', id }
    return { type: 'found', id, record: record.bytes }
  }

  #reply(
    peer: PeerId,
    reply: KvReply,
    { lane, gated = false }: { readonly lane: Lane; readonly gated?: boolean },
  ): void {
    this.#context.emit({ type: 'send', peer, lane, bytes: encodeFrame(reply), gated })
  }
}

function costOf(request: KvRequest): number {
  switch (request.type) {
    case 'put':
      return 1 + Math.floor(request.record.length / BYTES_A_COST)
    case 'get':
      return 1
    case 'compare':
      return 1
    case 'items':
      return 1 + Math.floor(request.items.length / ITEMS_A_COST)
  }
}
