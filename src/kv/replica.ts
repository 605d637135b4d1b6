import { equalBytes, hex } from '../base/bytes.ts'
import type { Lane, Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import { type DhtRecord, decodeRecord } from '../records/record.ts'
import { recordId, recordKey } from '../records/record-key.ts'
import { STAMP_AHEAD_MS_MAX } from '../records/validate.ts'
import {
  encodeFrame,
  type KvReply,
  type KvRequest,
  type RecordDigest,
  wantedBitmap,
} from './frame.ts'
import { isSameVersion, type KvContext, versionOf } from './kv-context.ts'
import type { Admission } from './record-store.ts'

/** A record costs one more for each so many bytes, a batch of digests for each so many digests. */
const BYTES_A_COST = 8_192
const DIGESTS_A_COST = 32
/** Promised records remembered; above it digests are answered as if nobody had promised. */
const PROMISES_MAX = 4_096
/** So long a promised record is asked of nobody else. */
const PROMISE_MS: Millis = 3_000
/** So long a peer that broke its promise is not asked for the same record again. */
const BROKEN_PROMISE_MS: Millis = 60_000

/** The answering side: what others, and we ourselves, ask of the records held here. */
export class Replica {
  readonly #context: KvContext
  /** Records that peers were asked to push, by id in hex: several holders offer the same ones. */
  readonly #promises = new Map<string, { readonly peer: PeerId; readonly at: Millis }>()

  constructor(context: KvContext) {
    this.#context = context
  }

  handle(peer: PeerId, request: KvRequest, now: Millis): void {
    const retryAfterMs = this.#charge(peer, request, now)
    if (retryAfterMs > 0) {
      this.#context.emit({ type: 'dropped', reason: 'kv request above the rate' })
      this.#reply(peer, { type: 'busy', id: request.id, retryAfterMs }, { lane: 'control' })
      return
    }
    switch (request.type) {
      case 'put':
        this.#put(peer, request, now)
        return
      case 'get':
        this.#reply(peer, this.#get(request, now), { lane: 'user' })
        return
      case 'digests':
        this.#reply(peer, this.#digests(peer, request, now), { lane: 'bulk' })
        return
    }
  }

  /** Takes a record from outside: the one way in for frames and for kad-dht. */
  admit(bytes: Uint8Array, expectedKey: Uint8Array | undefined, now: Millis): Admission {
    const decoded = decodeRecord(bytes)
    if (!decoded.ok) return { outcome: 'refused', reason: decoded.reason }
    const record = decoded.value
    const key = recordKey(record)
    if (expectedKey !== undefined && !equalBytes(key, expectedKey)) {
      return { outcome: 'refused', reason: 'record of another key' }
    }
    const admission = this.#context.store.offer(record, now)
    if (admission.outcome === 'stored') this.#promises.delete(hex(recordId(key)))
    if (admission.outcome !== 'refused') {
      this.#context.clock.observe(record.stamp, now, STAMP_AHEAD_MS_MAX)
    }
    return admission
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
    const admission = this.admit(record, undefined, now)
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

  #get({ id, key, known }: KvRequest & { type: 'get' }, now: Millis): KvReply {
    const record = this.#context.store.live(recordId(key), now)
    if (record === undefined) return { type: 'absent', id }
    if (known !== undefined && isSameVersion(known, versionOf(record))) return { type: 'same', id }
    return { type: 'found', id, record: record.bytes }
  }

  #digests(peer: PeerId, request: KvRequest & { type: 'digests' }, now: Millis): KvReply {
    const indexes: number[] = []
    const isFull = this.#context.store.isFull
    for (const [index, digest] of isFull ? [] : request.digests.entries()) {
      if (this.#isWanted(digest) && this.#promise(peer, digest, now)) indexes.push(index)
    }
    return { type: 'wanted', id: request.id, bitmap: wantedBitmap(indexes) }
  }

  #isWanted(digest: RecordDigest): boolean {
    const held: DhtRecord | undefined = this.#context.store.held(digest.id)?.record
    if (held === undefined) return true
    return digest.stamp >= held.stamp && !isSameVersion(digest, versionOf(held))
  }

  /** Whether to ask this peer for the record: not while another, or it before in vain, promised it. */
  #promise(peer: PeerId, { id }: RecordDigest, now: Millis): boolean {
    const name = hex(id)
    const promise = this.#promises.get(name)
    const age = now - (promise?.at ?? Number.NEGATIVE_INFINITY)
    if (promise !== undefined && age <= PROMISE_MS) return promise.peer === peer
    if (promise !== undefined && age <= BROKEN_PROMISE_MS && promise.peer === peer) return false
    this.#promises.delete(name)
    this.#forgetOldPromises(now)
    if (this.#promises.size < PROMISES_MAX) this.#promises.set(name, { peer, at: now })
    return true
  }

  /** The map is in the order of the promises. */
  #forgetOldPromises(now: Millis): void {
    for (const [name, { at }] of this.#promises) {
      if (now - at <= BROKEN_PROMISE_MS) return
      this.#promises.delete(name)
    }
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
    case 'digests':
      return 1 + Math.floor(request.digests.length / DIGESTS_A_COST)
  }
}
