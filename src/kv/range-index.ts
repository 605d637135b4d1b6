/**
 * What this node and each other member should both hold, as numbers that two nodes compare.
 *
 * For every member with which we share replicas there is a count and 256 sums over the shared records,
 * by one byte of their ids, kept up to date with every write. Equal sums mean equal records, so two
 * nodes that hold the same say so in a few bytes, and two that differ find where.
 */
import type { PeerId } from '../base/ids.ts'
import { fingerprintOf } from '../records/record.ts'
import type { Held, StoreListener } from './record-store.ts'
import type { RingMember } from './ring.ts'

/** Sums of one pair, a power of two. */
const BUCKETS = 256
/** Bits of a bucket's number at the finest. */
export const BUCKET_BITS_MAX = 8
/** The byte of an id that chooses its bucket: any, since ids are hashes, but none that all ids of a range share. */
const BUCKET_BYTE = 7
/** Records a bucket should hold on average when sums are exchanged. */
const BUCKET_RECORDS = 16

/** Sums modulo 2^64 in two lanes of 32 bits. */
export interface RangeSum {
  readonly high: number
  readonly low: number
}

/** One of 2^bits buckets. */
export interface BucketRange {
  readonly bits: number
  readonly bucket: number
}

class Pair {
  count = 0
  readonly #lanes = new Uint32Array(2 * BUCKETS)

  change(bucket: number, { high, low }: RangeSum, sign: 1 | -1): void {
    this.count += sign
    const before = this.#lanes[2 * bucket + 1] ?? 0
    const lowSum = before + sign * low
    const carry = lowSum >= 2 ** 32 ? 1 : lowSum < 0 ? -1 : 0
    this.#lanes[2 * bucket + 1] = lowSum
    this.#lanes[2 * bucket] = (this.#lanes[2 * bucket] ?? 0) + sign * high + carry
  }

  /** The sum over buckets `from` … `to − 1`. */
  sum(from: number, to: number): RangeSum {
    let [high, low] = [0, 0]
    for (let bucket = from; bucket < to; bucket++) {
      low += this.#lanes[2 * bucket + 1] ?? 0
      high += this.#lanes[2 * bucket] ?? 0
    }
    return { high: (high + Math.floor(low / 2 ** 32)) >>> 0, low: low >>> 0 }
  }
}

export interface RangeIndexOptions {
  readonly self: PeerId
  /** The replicas of an id in the current view, closest first. */
  readonly replicas: (id: Uint8Array) => readonly RingMember[]
}

export class RangeIndex implements StoreListener {
  readonly #options: RangeIndexOptions
  readonly #pairs = new Map<PeerId, Pair>()
  readonly #buckets = Array.from({ length: BUCKETS }, () => new Set<Held>())

  constructor(options: RangeIndexOptions) {
    this.#options = options
  }

  placed(entry: Held): void {
    this.#buckets[bucketOf(entry.id)]?.add(entry)
    this.#include(entry, this.sharers(entry.id))
  }

  leaving(entry: Held): void {
    this.#buckets[bucketOf(entry.id)]?.delete(entry)
    this.#exclude(entry)
  }

  /** An expired entry is no longer something to hold. */
  expired(entry: Held): void {
    this.#exclude(entry)
  }

  /** Counts an entry for those with whom it is shared in the view of now. */
  refresh(entry: Held, sharers: readonly PeerId[]): void {
    const { sharedWith } = entry
    const isSame =
      sharers.length === sharedWith.length && sharers.every((peer, i) => peer === sharedWith[i])
    if (isSame) return
    this.#exclude(entry)
    this.#include(entry, sharers)
  }

  /** The other replicas of an id, closest first; none when we are no replica. */
  sharers(id: Uint8Array): readonly PeerId[] {
    const replicas = this.#options.replicas(id).map(({ peerId }) => peerId)
    const { self } = this.#options
    return replicas.includes(self) ? replicas.filter((peer) => peer !== self) : []
  }

  count(peer: PeerId): number {
    return this.#pairs.get(peer)?.count ?? 0
  }

  total(peer: PeerId): RangeSum {
    return this.sum(peer, { bits: 0, bucket: 0 })
  }

  sum(peer: PeerId, { bits, bucket }: BucketRange): RangeSum {
    const width = BUCKETS >>> bits
    return this.#pairs.get(peer)?.sum(bucket * width, (bucket + 1) * width) ?? { high: 0, low: 0 }
  }

  /** All sums at a number of bits. */
  sums(peer: PeerId, bits: number): RangeSum[] {
    return Array.from({ length: 2 ** bits }, (_, bucket) => this.sum(peer, { bits, bucket }))
  }

  /** So many bits tell buckets of a few records apart. */
  bitsFor(count: number): number {
    const bits = Math.ceil(Math.log2(Math.max(1, count / BUCKET_RECORDS)))
    return Math.min(BUCKET_BITS_MAX, bits)
  }

  /** The entries shared with a peer in one bucket. */
  *shared(peer: PeerId, range: BucketRange): Generator<Held, void, void> {
    for (const entry of this.inBucket(range)) if (entry.sharedWith.includes(peer)) yield entry
  }

  /** All entries of one bucket. */
  *inBucket({ bits, bucket }: BucketRange): Generator<Held, void, void> {
    const width = BUCKETS >>> bits
    for (let fine = bucket * width; fine < (bucket + 1) * width; fine++) {
      yield* this.#buckets[fine] ?? []
    }
  }

  #include(entry: Held, sharers: readonly PeerId[]): void {
    entry.sharedWith = sharers
    this.#change(entry, 1)
  }

  #exclude(entry: Held): void {
    this.#change(entry, -1)
    entry.sharedWith = []
  }

  #change(entry: Held, sign: 1 | -1): void {
    const sum = sumOf(fingerprintOf(entry.record))
    for (const peer of entry.sharedWith) {
      const pair = this.#pairs.get(peer) ?? new Pair()
      this.#pairs.set(peer, pair)
      pair.change(bucketOf(entry.id), sum, sign)
      if (pair.count === 0) this.#pairs.delete(peer)
    }
  }
}

/** The finest bucket of an id. */
export function bucketOf(id: Uint8Array): number {
  return id[BUCKET_BYTE] ?? 0
}

function sumOf(fingerprint: Uint8Array): RangeSum {
  const view = new DataView(fingerprint.buffer, fingerprint.byteOffset, 8)
  return { high: view.getUint32(0), low: view.getUint32(4) }
}

export function isSameSum(a: RangeSum, b: RangeSum): boolean {
  return a.high === b.high && a.low === b.low
}

export function isEmptySum({ high, low }: RangeSum): boolean {
  return high === 0 && low === 0
}
