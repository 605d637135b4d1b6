import { equalBytes, hex } from '../base/bytes.ts'
import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import { isExpired } from '../records/validate.ts'
import {
  bitmapOf,
  ITEM_PREFIX_BYTES,
  type KvReply,
  type KvRequest,
  type RecordItem,
} from './frame.ts'
import { itemOf, type KvContext } from './kv-context.ts'
import { BUCKET_BITS_MAX, bucketOf, isSameSum } from './range-index.ts'
import type { Held } from './record-store.ts'
import type { Repair } from './repair.ts'

/** Promised records remembered; above it lists are answered as if nobody had promised. */
const PROMISES_MAX = 4_096
/** So long a promised record is asked of nobody else. */
const PROMISE_MS: Millis = 3_000
/** So long a peer that broke its promise is not asked for the same record again. */
const BROKEN_PROMISE_MS: Millis = 60_000
/** When a comparison is worth asking for again that met us amid a change of members. */
const UNSETTLED_MS: Millis = 250

/** The answering side of repair: what is the same here, what is wanted, what the peer lacks. */
export class Reconciler {
  readonly #context: KvContext
  readonly #repair: Repair
  /** Records that peers were asked to push, by the head of the id in hex: several holders offer the same ones. */
  readonly #promises = new Map<string, { readonly peer: PeerId; readonly at: Millis }>()

  constructor(context: KvContext, repair: Repair) {
    this.#context = context
    this.#repair = repair
  }

  compare(peer: PeerId, request: KvRequest & { readonly type: 'compare' }, now: Millis): KvReply {
    const { id, count, sum } = request
    if (!this.#repair.isSettled) return { type: 'busy', id, retryAfterMs: UNSETTLED_MS }
    const { index, store } = this.#context
    // Without room nothing is to be brought here.
    if (store.isFull) return { type: 'same', id }
    if (count === index.count(peer) && isSameSum(sum, index.total(peer))) {
      this.#repair.compared(peer, now)
      return { type: 'same', id }
    }
    const bits = index.bitsFor(Math.max(count, index.count(peer)))
    return { type: 'buckets', id, bits, sums: index.sums(peer, bits) }
  }

  items(peer: PeerId, request: KvRequest & { readonly type: 'items' }, now: Millis): KvReply {
    const entries = new Entries(this.#context)
    const [wanted, held]: [number[], number[]] = [[], []]
    for (const [at, item] of request.items.entries()) {
      const entry = entries.byPrefix(item.prefix)
      const isHeld = entry !== undefined && !isOlder(entry, item)
      if (isHeld) held.push(at)
      else if (!this.#context.store.isFull && this.#promise(peer, item, now)) wanted.push(at)
    }
    if (request.whole !== undefined) this.#repair.owe(peer, this.#lacking(peer, request, now), now)
    const { id } = request
    return { type: 'wanted', id, wanted: bitmapOf(wanted), held: bitmapOf(held) }
  }

  /** A record came: whoever promised it has kept its word. */
  received(id: Uint8Array): void {
    if (this.#promises.size > 0) this.#promises.delete(nameOf(id))
  }

  /** What the peer, that listed all it holds in some buckets, does not have, or has older. */
  #lacking(
    peer: PeerId,
    { whole, items }: KvRequest & { readonly type: 'items' },
    now: Millis,
  ): Held[] {
    if (whole === undefined) return []
    const told = new Map(items.map((item) => [hex(item.prefix), item]))
    const lacking: Held[] = []
    for (const bucket of whole.buckets) {
      for (const entry of this.#context.index.shared(peer, { bits: whole.bits, bucket })) {
        if (isExpired(entry.record, now)) continue
        const item = told.get(nameOf(entry.id))
        if (item === undefined || itemOf(entry).rank > item.rank) lacking.push(entry)
      }
    }
    return lacking
  }

  /** Whether to ask this peer for the record: not while another, or it before in vain, promised it. */
  #promise(peer: PeerId, { prefix }: RecordItem, now: Millis): boolean {
    const name = hex(prefix)
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
}

/** Entries found by the head of their ids; each bucket is gone through once, not once for each item. */
class Entries {
  readonly #context: KvContext
  readonly #buckets = new Map<number, Map<string, Held>>()

  constructor(context: KvContext) {
    this.#context = context
  }

  byPrefix(prefix: Uint8Array): Held | undefined {
    const bucket = bucketOf(prefix)
    const known = this.#buckets.get(bucket)
    if (known !== undefined) return known.get(hex(prefix))
    const entries = new Map<string, Held>()
    for (const entry of this.#context.index.inBucket({ bits: BUCKET_BITS_MAX, bucket })) {
      entries.set(nameOf(entry.id), entry)
    }
    this.#buckets.set(bucket, entries)
    return entries.get(hex(prefix))
  }
}

/** The head of an id as a key. */
function nameOf(id: Uint8Array): string {
  return hex(id.subarray(0, ITEM_PREFIX_BYTES))
}

/** Whether an entry may be older than what a list names: of one rank both sides look at the other's. */
function isOlder(entry: Held, item: RecordItem): boolean {
  const own = itemOf(entry)
  return item.rank > own.rank || (item.rank === own.rank && !equalBytes(item.check, own.check))
}
