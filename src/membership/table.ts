import { assert } from '../base/assert.ts'
import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import { Buckets } from './buckets.ts'
import { Carriers } from './carriers.ts'
import type { Claims } from './claims.ts'
import {
  columnLength,
  longerBytes,
  longerIntegers,
  longerNumbers,
  longerShorts,
} from './columns.ts'
import { DigestColumns } from './digest-columns.ts'
import type { OwnDigest } from './frame.ts'
import type { KnownRecord } from './known-record.ts'
import type { Member } from './member.ts'
import type { SignedRecord } from './record.ts'
import type { RecordCache } from './record-cache.ts'
import { RING_ROWS_MAX, RingIndex } from './ring-index.ts'
import { Roster } from './roster.ts'
import { type Entry, type EntryState, isLive, type KnownDigest, Row, STATES } from './row.ts'

/** What a member's two hashes are over: its place in the view, and the digest it told. */
export const HASH_KINDS = ['view', 'digest'] as const
export type HashKind = (typeof HASH_KINDS)[number]

export { type Entry, type EntryState, isLive, type KnownDigest } from './row.ts'

/** Measured on Node.js 24: the object of one row and its place in the list of rows. */
const ROW_OBJECT_BYTES = 64
const STATE_BITS = 0b0011
const IS_NEWEST = 0b0100
const NO_ROW = 0
/** Two words a hash. */
const WORDS = 2

/**
 * All members this node knows, itself included. What does not change lies in a cache that the tables of
 * a process may share; what this node holds of a member lies in columns, one place a row. Rows are
 * reused, and iteration is in their order: a function of this table's own history alone. Hashes of the
 * view and of the digests are kept as members change. No protocol in here.
 */
export class Table {
  readonly #cache: RecordCache
  /** By row; undefined where nobody is. */
  readonly #rows: (Row | undefined)[] = []
  readonly #free: number[] = []
  /** By subject number: its row + 1. */
  #rowOf: Uint16Array = new Uint16Array(0)
  #length = 0
  #flags: Uint8Array = new Uint8Array(0)
  #since: Float64Array = new Float64Array(0)
  #viewHashes: Int32Array = new Int32Array(0)
  readonly #digests = new DigestColumns()
  /** What few members have. */
  readonly #contested = new Map<number, Claims>()
  readonly #roundTrips = new Map<number, Millis>()
  /** Members added at the last instant at which any was are flagged; their rows lie between these. */
  #newestAt: Millis = Number.NEGATIVE_INFINITY
  #newestFrom = 0
  #newestTo = 0
  readonly #position = (row: number, ring: number): number => this.#positionOf(row, ring)
  readonly #living = new RingIndex(this.#position)
  readonly #carriers = new Carriers({
    living: this.#living,
    positionOf: this.#position,
    rows: () => this.#everybody(),
  })
  readonly #views = new Buckets()
  readonly #counts = { alive: 0, suspect: 0, failed: 0, left: 0 }
  readonly #roster = new Roster(() => this.#everybody())
  #liveVersion = 0
  #stateVersion = 0

  constructor(cache: RecordCache) {
    this.#cache = cache
  }

  get size(): number {
    return this.#rows.length - this.#free.length
  }

  /** Bytes of this table, not of what the cache holds. */
  get allocatedBytes(): number {
    let bytes = this.#rows.length * ROW_OBJECT_BYTES
    const parts = [this.#living, this.#carriers, this.#digests, this.#roster]
    for (const part of parts) bytes += part.allocatedBytes
    const columns = [this.#rowOf, this.#flags, this.#since, this.#viewHashes]
    for (const { byteLength } of columns) bytes += byteLength
    return bytes
  }

  /** Changes whenever a member starts or ceases to be alive or suspect. */
  get liveVersion(): number {
    return this.#liveVersion
  }

  /** Changes whenever a member comes, goes or gets another state. */
  get stateVersion(): number {
    return this.#stateVersion
  }

  count(state: EntryState): number {
    return this.#counts[state]
  }

  /** Members that take part: alive or suspect. */
  get liveCount(): number {
    return this.#counts.alive + this.#counts.suspect
  }

  /** How many of them are no observers. */
  get speakerCount(): number {
    return this.liveCount - this.#carriers.livingObservers
  }

  isObserver(entry: Entry): boolean {
    return this.#carriers.isObserver(entry)
  }

  /** Whether links with a member are for everybody, see {@link Carriers}. */
  isCarrier(entry: Entry): boolean {
    return this.#carriers.isCarrier(this.#rowFor(entry))
  }

  /** Whether it tells any address: pages in browsers do not. */
  isDialable(entry: Entry): boolean {
    return this.#rowFor(entry).known.reach !== 'none'
  }

  /** Members that only read, all of them; here or not. */
  setObservers(peers: ReadonlySet<PeerId>): void {
    if (this.#carriers.setObservers(peers)) this.#liveVersion += 1
  }

  entries(): Iterable<Entry> {
    return this.#everybody()
  }

  of(peerId: PeerId): Entry | undefined {
    return this.#at(this.#cache.subjects.numberOf(peerId))
  }

  find(publicKey: Uint8Array): Entry | undefined {
    return this.#at(this.#cache.subjects.find(publicKey))
  }

  /** The living members that `entry` should hold links with: the same from either end of a link. */
  neighbours(entry: Entry): Entry[] {
    const rows = this.#carriers.neighbours(this.#rowFor(entry))
    return rows.flatMap((row) => this.#rows[row] ?? [])
  }

  /** The living member after another in an order that is as good as random, round and round. */
  livingAfter(entry: Entry): Entry | undefined {
    const row = this.#living.at(this.#living.placeAfter(this.#rowFor(entry).index))
    return row === undefined ? undefined : this.#rows[row]
  }

  /** A living member by a number: each has as many numbers as any other. */
  livingAt(place: number): Entry | undefined {
    const row = this.#living.at(place)
    return row === undefined ? undefined : this.#rows[row]
  }

  /** So many members more are going to be added: columns are lengthened once. */
  reserve(count: number): void {
    const length = this.#rows.length + count
    if (length <= this.#length) return
    this.#lengthen(length)
    this.#living.reserve(length)
  }

  add(record: SignedRecord, now: Millis): Entry {
    const known = this.#cache.acquire(record)
    const index = this.#free.pop() ?? this.#rows.length
    assert(index < RING_ROWS_MAX - 1, 'a table has fewer rows than row numbers')
    if (index >= this.#length) this.#lengthen(columnLength(index + 1))
    if (known.subject >= this.#rowOf.length) {
      this.#rowOf = longerShorts(this.#rowOf, columnLength(this.#cache.subjects.end))
    }
    const row = new Row(this, index, known)
    this.#rows[index] = row
    this.#rowOf[known.subject] = index + 1
    const state = known.status === 'left' ? 'left' : 'alive'
    this.#flags[index] = STATES.indexOf(state)
    this.#since[index] = now
    this.#markNewest(index, now)
    this.#counts[state] += 1
    this.#liveVersion += 1
    this.#stateVersion += 1
    if (state === 'alive') this.#live(row, true)
    this.#roster.added(row)
    this.#refresh(row)
    return row
  }

  remove(entry: Entry): void {
    const row = this.#rowFor(entry)
    const { index, known, state } = row
    this.setDigest(row, undefined)
    this.#views.toggle(row.bucket, this.#viewHashes, index * WORDS)
    this.#viewHashes.fill(0, index * WORDS, index * WORDS + WORDS)
    if (state === 'alive' || state === 'suspect') this.#live(row, false)
    this.#counts[state] -= 1
    this.#liveVersion += 1
    this.#stateVersion += 1
    this.#roster.removed(row)
    this.#contested.delete(index)
    this.#roundTrips.delete(index)
    this.#rows[index] = undefined
    this.#rowOf[known.subject] = NO_ROW
    this.#free.push(index)
    row.detach()
    this.#cache.release(known)
  }

  setClaims(entry: Entry, claims: Claims): void {
    const row = this.#rowFor(entry)
    const before = row.known
    const isOtherEpoch = claims.record.epoch !== before.epoch
    if (claims.record !== before) {
      row.known = this.#cache.acquire(claims.record)
      if (before.reach !== row.known.reach && isLive(row)) {
        this.#carriers.reached(row, before.reach)
        this.#liveVersion += 1
      }
      this.#cache.release(before)
    }
    const { accusations } = claims
    if (accusations.length === 0) this.#contested.delete(row.index)
    else this.#contested.set(row.index, { record: row.known, accusations })
    if (isOtherEpoch || row.known.status === 'left') this.setDigest(row, undefined)
    this.#refresh(row)
  }

  setState(entry: Entry, state: EntryState, now: Millis): void {
    const row = this.#rowFor(entry)
    const { index, state: before } = row
    if (before === state) return
    const wasLive = before === 'alive' || before === 'suspect'
    const lives = state === 'alive' || state === 'suspect'
    this.#counts[before] -= 1
    this.#counts[state] += 1
    this.#flags[index] = ((this.#flags[index] ?? 0) & ~STATE_BITS) | STATES.indexOf(state)
    this.#since[index] = now
    this.#stateVersion += 1
    if (lives !== wasLive) this.#liveVersion += 1
    if (lives !== wasLive) this.#live(row, lives)
    this.#refresh(row)
  }

  /** @param digest of the epoch of the member's record */
  setDigest(entry: Entry, digest: KnownDigest | undefined): void {
    const row = this.#rowFor(entry)
    assert(digest === undefined || digest.epoch === row.known.epoch, 'a digest is of its record')
    this.#digests.set(row, digest)
    this.#roster.changed(row)
  }

  /** Whether a member itself told us exactly this digest last. */
  isDirectDigest(entry: Entry, digest: OwnDigest): boolean {
    return this.#digests.isDirect(this.#rowFor(entry), digest)
  }

  setRoundTrip(entry: Entry, rttMs: Millis | undefined): void {
    const row = this.#rowFor(entry)
    if (row.rttMs === rttMs) return
    if (rttMs === undefined) this.#roundTrips.delete(row.index)
    else this.#roundTrips.set(row.index, rttMs)
    this.#roster.changed(row)
  }

  /** What users see of a member: an object of this moment. */
  row(entry: Entry): Member {
    return this.#roster.member(this.#rowFor(entry))
  }

  /** Ordered by peer id text; the same array until something changes. */
  rows(): readonly Member[] {
    return this.#roster.members()
  }

  /** 8 bytes over (peer id, epoch, incarnation, state) of all members. */
  viewHash(): Uint8Array {
    return this.#views.whole()
  }

  /** 8 bytes over (peer id, epoch, counter, digest) of all known digests. */
  digestsHash(): Uint8Array {
    return this.#digests.buckets.whole()
  }

  /** 32 hashes of 8 bytes, concatenated. */
  viewBuckets(): Uint8Array {
    return this.#views.bytes()
  }

  digestBuckets(): Uint8Array {
    return this.#digests.buckets.bytes()
  }

  /** Adds one hash of a member, two words, to what is at a place: exclusive or. */
  addHash(entry: Entry, kind: HashKind, words: Int32Array, at: number): void {
    const hashes = kind === 'view' ? this.#viewHashes : this.#digests.hashes
    const from = this.#rowFor(entry).index * WORDS
    words[at] = (words[at] ?? 0) ^ (hashes[from] ?? 0)
    words[at + 1] = (words[at + 1] ?? 0) ^ (hashes[from + 1] ?? 0)
  }

  // What rows read of their columns.

  stateAt(index: number): EntryState {
    return STATES[(this.#flags[index] ?? 0) & STATE_BITS] ?? 'alive'
  }

  sinceAt(index: number): Millis {
    return this.#since[index] ?? 0
  }

  /** When it was added, if nobody was added later; else long ago. */
  createdAt(index: number): Millis {
    const isNewest = ((this.#flags[index] ?? 0) & IS_NEWEST) !== 0
    return isNewest ? this.#newestAt : Number.NEGATIVE_INFINITY
  }

  claimsAt(index: number): Claims | undefined {
    return this.#contested.get(index)
  }

  roundTripAt(index: number): Millis | undefined {
    return this.#roundTrips.get(index)
  }

  digestAt(index: number, record: KnownRecord): KnownDigest | undefined {
    return this.#digests.at(index, record)
  }

  #at(subject: number | undefined): Row | undefined {
    if (subject === undefined) return undefined
    const place = this.#rowOf[subject] ?? NO_ROW
    return place === NO_ROW ? undefined : this.#rows[place - 1]
  }

  #rowFor(entry: Entry): Row {
    assert(entry instanceof Row && entry.isIn(this), 'an entry is of this table')
    return entry
  }

  #live(row: Row, lives: boolean): void {
    if (lives) this.#living.add(row.index)
    else this.#living.remove(row.index)
    this.#carriers.live(row, lives)
  }

  #positionOf(index: number, ring: number): number {
    const row = this.#rows[index]
    return row === undefined ? 0 : this.#cache.subjects.position(row.known.subject, ring)
  }

  #refresh(row: Row): void {
    const { index, bucket, known } = row
    this.#views.toggle(bucket, this.#viewHashes, index * WORDS)
    this.#cache.hashView(known, STATES.indexOf(row.state))
    this.#viewHashes[index * WORDS] = known.hashHigh
    this.#viewHashes[index * WORDS + 1] = known.hashLow
    this.#views.toggle(bucket, this.#viewHashes, index * WORDS)
    this.#roster.changed(row)
  }

  #markNewest(index: number, now: Millis): void {
    if (this.#newestAt !== now) {
      for (let at = this.#newestFrom; at <= this.#newestTo; at++) {
        this.#flags[at] = (this.#flags[at] ?? 0) & ~IS_NEWEST
      }
      this.#newestAt = now
      this.#newestFrom = index
      this.#newestTo = index
    }
    this.#newestFrom = Math.min(this.#newestFrom, index)
    this.#newestTo = Math.max(this.#newestTo, index)
    this.#flags[index] = (this.#flags[index] ?? 0) | IS_NEWEST
  }

  #lengthen(length: number): void {
    this.#length = length
    this.#flags = longerBytes(this.#flags, length)
    this.#since = longerNumbers(this.#since, length)
    this.#viewHashes = longerIntegers(this.#viewHashes, length * WORDS)
    this.#digests.lengthen(length)
  }

  *#everybody(): Generator<Row, void> {
    for (const row of this.#rows) if (row !== undefined) yield row
  }
}
