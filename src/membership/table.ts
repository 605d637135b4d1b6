import { compareText, equalBytes } from '../base/bytes.ts'
import { Writer } from '../base/codec.ts'
import type { Millis } from '../base/core.ts'
import { sha256 } from '../base/hash.ts'
import { type PeerId, peerIdFromPublicKey } from '../base/ids.ts'
import type { Claims } from './claims.ts'
import { BUCKET_HASH_BYTES, BUCKETS, type DigestClaim } from './frame.ts'
import type { Member } from './member.ts'
import type { SignedRecord } from './record.ts'
import { type RingPositions, ringPositions } from './rings.ts'

/** What this node holds to be true of a member: claims after their refutation windows. */
export type EntryState = 'alive' | 'suspect' | 'failed' | 'left'

/** A member's digest and whether the member itself told us. */
export interface KnownDigest extends DigestClaim {
  readonly isDirect: boolean
}

/** One member. Only {@link Table} writes to it. */
export interface Entry {
  readonly peerId: PeerId
  readonly publicKey: Uint8Array
  readonly rings: RingPositions
  readonly bucket: number
  readonly createdAt: Millis
  readonly claims: Claims
  readonly state: EntryState
  readonly since: Millis
  readonly digest: KnownDigest | undefined
  readonly rttMs: Millis | undefined
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

interface Slot extends Mutable<Entry> {
  viewHash: Uint8Array
  digestHash: Uint8Array
  row: Member | undefined
}

const STATE_CODES = { alive: 0, suspect: 1, failed: 2, left: 3 }
const NO_HASH: Uint8Array = new Uint8Array(BUCKET_HASH_BYTES)
const KEY_PREFIX_BYTES = 6

/**
 * All members this node knows, itself included: an index by key and by id, incremental hashes of the
 * view and of the digests, and the rows shown to users. No protocol in here.
 */
export class Table {
  readonly #network: string
  readonly #slots = new Map<PeerId, Slot>()
  /** By the first six bytes of the public key, without encoding a peer id for every claim heard. */
  readonly #byKey = new Map<number, Slot[]>()
  readonly #viewBuckets: Uint8Array = new Uint8Array(BUCKETS * BUCKET_HASH_BYTES)
  readonly #digestBuckets: Uint8Array = new Uint8Array(BUCKETS * BUCKET_HASH_BYTES)
  readonly #counts = { alive: 0, suspect: 0, failed: 0, left: 0 }
  #ids: PeerId[] | undefined
  #rows: readonly Member[] | undefined
  #liveVersion = 0

  constructor(network: string) {
    this.#network = network
  }

  get size(): number {
    return this.#slots.size
  }

  /** Changes whenever a member starts or ceases to be alive or suspect. */
  get liveVersion(): number {
    return this.#liveVersion
  }

  count(state: EntryState): number {
    return this.#counts[state]
  }

  /** Members that take part: alive or suspect. */
  get liveCount(): number {
    return this.#counts.alive + this.#counts.suspect
  }

  entries(): Iterable<Entry> {
    return this.#slots.values()
  }

  of(peerId: PeerId): Entry | undefined {
    return this.#slots.get(peerId)
  }

  find(publicKey: Uint8Array): Entry | undefined {
    const candidates = this.#byKey.get(keyPrefix(publicKey))
    return candidates?.find((slot) => equalBytes(slot.publicKey, publicKey))
  }

  add(record: SignedRecord, now: Millis): Entry {
    const peerId = peerIdFromPublicKey(record.publicKey)
    const slot: Slot = {
      peerId,
      publicKey: record.publicKey,
      rings: ringPositions(this.#network, record.publicKey),
      bucket: (record.publicKey[0] ?? 0) % BUCKETS,
      createdAt: now,
      claims: { record, accusations: [] },
      state: record.status,
      since: now,
      digest: undefined,
      rttMs: undefined,
      viewHash: NO_HASH,
      digestHash: NO_HASH,
      row: undefined,
    }
    this.#slots.set(peerId, slot)
    const prefix = keyPrefix(record.publicKey)
    const candidates = this.#byKey.get(prefix)
    if (candidates === undefined) this.#byKey.set(prefix, [slot])
    else candidates.push(slot)
    this.#ids = undefined
    this.#counts[slot.state] += 1
    this.#liveVersion += 1
    this.#refresh(slot)
    return slot
  }

  remove(entry: Entry): void {
    const slot = this.#slots.get(entry.peerId)
    if (slot === undefined) return
    xorInto(this.#viewBuckets, slot.bucket, slot.viewHash)
    xorInto(this.#digestBuckets, slot.bucket, slot.digestHash)
    this.#slots.delete(slot.peerId)
    const prefix = keyPrefix(slot.publicKey)
    const rest = (this.#byKey.get(prefix) ?? []).filter((other) => other !== slot)
    if (rest.length === 0) this.#byKey.delete(prefix)
    else this.#byKey.set(prefix, rest)
    this.#counts[slot.state] -= 1
    this.#liveVersion += 1
    this.#ids = undefined
    this.#rows = undefined
  }

  setClaims(entry: Entry, claims: Claims): void {
    const slot = this.#slotOf(entry)
    if (slot === undefined) return
    const isOtherEpoch = claims.record.epoch !== slot.claims.record.epoch
    slot.claims = claims
    if (isOtherEpoch || claims.record.status === 'left') this.setDigest(entry, undefined)
    this.#refresh(slot)
  }

  setState(entry: Entry, state: EntryState, now: Millis): void {
    const slot = this.#slotOf(entry)
    if (slot === undefined || slot.state === state) return
    const wasLive = isLive(slot)
    this.#counts[slot.state] -= 1
    this.#counts[state] += 1
    slot.state = state
    slot.since = now
    if (isLive(slot) !== wasLive) this.#liveVersion += 1
    this.#refresh(slot)
  }

  setDigest(entry: Entry, digest: KnownDigest | undefined): void {
    const slot = this.#slotOf(entry)
    if (slot === undefined) return
    xorInto(this.#digestBuckets, slot.bucket, slot.digestHash)
    slot.digest = digest
    slot.digestHash = digest === undefined ? NO_HASH : hashOfDigest(digest)
    xorInto(this.#digestBuckets, slot.bucket, slot.digestHash)
    this.#touch(slot)
  }

  setRoundTrip(entry: Entry, rttMs: Millis | undefined): void {
    const slot = this.#slotOf(entry)
    if (slot === undefined || slot.rttMs === rttMs) return
    slot.rttMs = rttMs
    this.#touch(slot)
  }

  row(entry: Entry): Member {
    const slot = this.#slotOf(entry)
    if (slot?.row !== undefined) return slot.row
    const row = rowOf(entry)
    if (slot !== undefined) slot.row = row
    return row
  }

  /** Ordered by peer id text; the same array until something changes. */
  rows(): readonly Member[] {
    if (this.#rows !== undefined) return this.#rows
    this.#ids ??= [...this.#slots.keys()].sort(compareText)
    const rows: Member[] = []
    for (const id of this.#ids) {
      const slot = this.#slots.get(id)
      if (slot !== undefined) rows.push(this.row(slot))
    }
    this.#rows = rows
    return rows
  }

  /** 8 bytes over (peer id, epoch, incarnation, state) of all members. */
  viewHash(): Uint8Array {
    return fold(this.#viewBuckets)
  }

  /** 8 bytes over (peer id, epoch, counter, digest) of all known digests. */
  digestsHash(): Uint8Array {
    return fold(this.#digestBuckets)
  }

  /** 32 hashes of 8 bytes, concatenated. */
  viewBuckets(): Uint8Array {
    return this.#viewBuckets.slice()
  }

  digestBuckets(): Uint8Array {
    return this.#digestBuckets.slice()
  }

  #slotOf(entry: Entry): Slot | undefined {
    return this.#slots.get(entry.peerId)
  }

  #refresh(slot: Slot): void {
    xorInto(this.#viewBuckets, slot.bucket, slot.viewHash)
    slot.viewHash = hashOfView(slot)
    xorInto(this.#viewBuckets, slot.bucket, slot.viewHash)
    this.#touch(slot)
  }

  #touch(slot: Slot): void {
    slot.row = undefined
    this.#rows = undefined
  }
}

/** Alive or suspect: takes part in overlay, relays and counts. */
export function isLive(entry: Entry): boolean {
  return entry.state === 'alive' || entry.state === 'suspect'
}

function rowOf(entry: Entry): Member {
  const { record } = entry.claims
  return {
    peerId: entry.peerId,
    publicKey: entry.publicKey,
    name: record.name,
    state: entry.state,
    epoch: record.epoch,
    incarnation: record.incarnation,
    addresses: record.addresses,
    tags: record.tags,
    protocol: record.protocol,
    digest: entry.digest?.digest,
    rttMs: entry.rttMs,
    since: entry.since,
  }
}

function keyPrefix(publicKey: Uint8Array): number {
  let prefix = 0
  for (let i = 0; i < KEY_PREFIX_BYTES; i++) prefix = prefix * 256 + (publicKey[i] ?? 0)
  return prefix
}

function hashOfView(entry: Entry): Uint8Array {
  const { record } = entry.claims
  const bytes = new Writer(64)
    .raw(entry.publicKey)
    .varint(record.epoch)
    .varint(record.incarnation)
    .uint8(STATE_CODES[entry.state])
    .finish()
  return sha256(bytes).subarray(0, BUCKET_HASH_BYTES)
}

function hashOfDigest(claim: DigestClaim): Uint8Array {
  const bytes = new Writer(80)
    .raw(claim.subject)
    .varint(claim.epoch)
    .varint(claim.counter)
    .raw(claim.digest)
    .finish()
  return sha256(bytes).subarray(0, BUCKET_HASH_BYTES)
}

/** Adds or takes away one member's hash: exclusive or is its own inverse. */
function xorInto(buckets: Uint8Array, bucket: number, hash: Uint8Array): void {
  for (let i = 0; i < BUCKET_HASH_BYTES; i++) {
    const at = bucket * BUCKET_HASH_BYTES + i
    buckets[at] = (buckets[at] ?? 0) ^ (hash[i] ?? 0)
  }
}

function fold(buckets: Uint8Array): Uint8Array {
  const hash = new Uint8Array(BUCKET_HASH_BYTES)
  for (let i = 0; i < buckets.length; i++) {
    const at = i % BUCKET_HASH_BYTES
    hash[at] = (hash[at] ?? 0) ^ (buckets[i] ?? 0)
  }
  return hash
}
