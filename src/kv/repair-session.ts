import { assert } from '../base/assert.ts'
import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import { isExpired } from '../records/validate.ts'
import type { Call, CallReply } from './calls.ts'
import { encodeFrame, ITEMS_MAX, isMarked, type KvFrame } from './frame.ts'
import { itemOf, type KvContext } from './kv-context.ts'
import { pushRecord } from './push.ts'
import { isEmptySum, isSameSum, type RangeSum } from './range-index.ts'
import type { Held } from './record-store.ts'

/** A peer that refuses so many records is left alone for a while. */
const REFUSALS_MAX = 16

/**
 * How the records shared with a peer are compared. `own`: only those are brought whose first holder we
 * are, which several holders can do at the same time without sending anything twice. `whole`: all, and
 * the peer learns what we lack.
 */
export type Comparison = 'own' | 'whole'

/** Items of one frame: names, or everything in some buckets. */
interface Listing {
  readonly names: readonly string[]
  readonly whole: { readonly bits: number; readonly buckets: readonly number[] } | undefined
}

export interface SessionOptions {
  readonly peer: PeerId
  /** Whether we are the first of those who hold an entry, the peer not counted. */
  readonly isFirst: (entry: Held) => boolean
  /** The peer said that it holds this record or a newer one, durably. */
  readonly confirmed: (name: string, now: Millis) => void
  readonly ended: (outcome: 'done' | 'failed' | 'refused', now: Millis) => void
}

/**
 * Brings one peer up to date: sums of what both should hold, then lists of the buckets that differ,
 * then the records it wants. Ends when there is nothing left to ask or to bring, or early when the peer
 * falls silent or keeps refusing; the next round begins anew.
 */
export class RepairSession {
  readonly #context: KvContext
  readonly #options: SessionOptions
  /** The comparison that is to come, and the one that awaits its answer. */
  #comparison: Comparison | undefined
  #compared: Comparison | undefined
  /** Names the peer is to be asked about; bounded by the records held here. */
  readonly #offers = new Set<string>()
  /** Buckets to be listed. */
  #buckets: number[] = []
  #bits = 0
  #listed: readonly string[] = []
  #call: Call | undefined
  /** Names to push, the next last. */
  #wanted: string[] = []
  #pushing = 0
  #pushingBytes = 0
  #refusals = 0
  #isClosed = false

  constructor(context: KvContext, options: SessionOptions) {
    this.#context = context
    this.#options = options
  }

  compare(comparison: Comparison): void {
    if (this.#comparison !== 'whole') this.#comparison = comparison
  }

  /** Asks about a record, and pushes it if the peer lacks it. */
  offer(name: string): void {
    this.#offers.add(name)
  }

  /** Pushes a record that the peer is known to lack. */
  owe(name: string): void {
    this.#wanted.push(name)
  }

  /** Begins; calling it again while it works changes nothing. @returns whether it works now */
  start(now: Millis): boolean {
    if (!this.#isClosed && this.#call === undefined && this.#pushing === 0) this.#advance(now)
    return !this.#isClosed
  }

  close(): void {
    this.#isClosed = true
    this.#call?.close()
  }

  answered(_peer: PeerId, reply: CallReply, now: Millis): void {
    this.#call?.close()
    this.#call = undefined
    switch (reply.type) {
      case 'same':
        break
      case 'buckets':
        this.#spread(reply.bits, reply.sums)
        break
      case 'wanted':
        this.#sort(reply.wanted, reply.held, now)
        break
      default:
        this.#end('failed', now)
        return
    }
    this.#advance(now)
  }

  failed(_peer: PeerId, _failure: unknown, now: Millis): void {
    this.#end('failed', now)
  }

  /** What the peer's sums say about each bucket. */
  #spread(bits: number, sums: readonly RangeSum[]): void {
    const { index } = this.#context
    const { peer, isFirst } = this.#options
    const isWhole = this.#compared === 'whole'
    this.#bits = bits
    for (const [bucket, theirs] of sums.entries()) {
      if (isSameSum(theirs, index.sum(peer, { bits, bucket }))) continue
      const isEmpty = isEmptySum(theirs)
      if (isWhole && !isEmpty) {
        this.#buckets.push(bucket)
        continue
      }
      for (const entry of index.shared(peer, { bits, bucket })) {
        if (isFirst(entry) && isEmpty) this.#wanted.push(entry.name)
        else if (isWhole || isFirst(entry)) this.#offers.add(entry.name)
      }
    }
  }

  #sort(wanted: Uint8Array, held: Uint8Array, now: Millis): void {
    for (const [at, name] of this.#listed.entries()) {
      if (isMarked(wanted, at)) this.#wanted.push(name)
      else if (isMarked(held, at)) this.#options.confirmed(name, now)
    }
    this.#listed = []
  }

  #advance(now: Millis): void {
    while (this.#wanted.length > 0 && this.#pushNext(now)) {}
    const isBusy = this.#wanted.length > 0 || this.#pushing > 0 || this.#call !== undefined
    if (isBusy || this.#isClosed) return
    if (this.#buckets.length > 0) this.#list(this.#nextBuckets(now), now)
    else if (this.#comparison !== undefined) this.#askSums(now)
    else if (this.#offers.size > 0) this.#list(this.#nextOffers(now), now)
    else this.#end('done', now)
  }

  #askSums(now: Millis): void {
    const { index } = this.#context
    const { peer } = this.#options
    this.#compared = this.#comparison
    this.#comparison = undefined
    const told = { count: index.count(peer), sum: index.total(peer) }
    this.#ask((id) => ({ type: 'compare', id, ...told }), now)
  }

  /** As many buckets as a frame takes, at least one. */
  #nextBuckets(now: Millis): Listing {
    const [names, buckets]: [string[], number[]] = [[], []]
    while (this.#buckets.length > 0) {
      const bucket = this.#buckets.at(-1) ?? 0
      const inBucket: string[] = []
      const at = { bits: this.#bits, bucket }
      for (const { name, record } of this.#context.index.shared(this.#options.peer, at)) {
        if (!isExpired(record, now)) inBucket.push(name)
      }
      const isFull = names.length + inBucket.length > ITEMS_MAX
      if (isFull && buckets.length > 0) break
      this.#buckets.pop()
      if (isFull) {
        // More than anybody's hashes bring about: asked about like any other records.
        for (const name of inBucket) this.#offers.add(name)
        break
      }
      names.push(...inBucket)
      buckets.push(bucket)
    }
    return { names, whole: buckets.length === 0 ? undefined : { bits: this.#bits, buckets } }
  }

  #nextOffers(now: Millis): Listing {
    const names: string[] = []
    for (const name of this.#offers) {
      if (names.length >= ITEMS_MAX) break
      this.#offers.delete(name)
      const held = this.#context.store.heldByName(name)
      if (held !== undefined && !isExpired(held.record, now)) names.push(name)
    }
    return { names, whole: undefined }
  }

  #list({ names, whole }: Listing, now: Millis): void {
    if (names.length === 0 && whole === undefined) {
      this.#advance(now)
      return
    }
    const { store } = this.#context
    const items = names.flatMap((name) => {
      const held = store.heldByName(name)
      return held === undefined ? [] : [itemOf(held)]
    })
    this.#listed = names
    this.#ask((id) => ({ type: 'items', id, whole, items }), now)
  }

  #ask(frame: (id: number) => KvFrame, now: Millis): void {
    this.#call = this.#context.calls.open({
      frame: (id) => encodeFrame(frame(id)),
      lane: 'bulk',
      listener: this,
    })
    this.#call.ask(this.#options.peer, now)
  }

  /** @returns false when enough bytes are in flight */
  #pushNext(now: Millis): boolean {
    const name = this.#wanted.at(-1)
    assert(name !== undefined, 'a wanted record is pushed')
    const record = this.#context.store.heldByName(name)?.record
    if (record === undefined || isExpired(record, now)) {
      this.#wanted.pop()
      return true
    }
    const bytes = record.bytes.length
    const { pushBytesMax } = this.#context.tunables
    if (this.#pushing > 0 && this.#pushingBytes + bytes > pushBytesMax) return false
    this.#wanted.pop()
    this.#pushing += 1
    this.#pushingBytes += bytes
    pushRecord(this.#context, { record, peer: this.#options.peer }, now, (outcome, at) => {
      this.#pushing -= 1
      this.#pushingBytes -= bytes
      if (this.#isClosed) return
      if (outcome === 'held') this.#options.confirmed(name, at)
      if (outcome === 'refused') this.#refusals += 1
      if (this.#refusals >= REFUSALS_MAX) this.#end('refused', at)
      else if (outcome === 'failed') this.#end('failed', at)
      else this.#advance(at)
    })
    return true
  }

  #end(outcome: 'done' | 'failed' | 'refused', now: Millis): void {
    if (this.#isClosed) return
    this.close()
    this.#options.ended(outcome, now)
  }
}
