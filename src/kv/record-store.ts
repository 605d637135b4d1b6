/**
 * The records this node holds, in memory with a row each in the durable store.
 *
 * One door in: `offer` validates, selects against what is held, makes room, and only then stores;
 * it runs to its end within one input, so no write can slip between its question and its answer.
 *
 * What is held beats what is older even after it has expired, for as long as the record it displaced
 * would have lived (`keepUntil`): otherwise a replica that missed a short-lived overwrite or a delete
 * would bring the older value back. Such a remainder is never served.
 */
import { equalBytes, hex } from '../base/bytes.ts'
import type { Millis, StoreRow, StoreWrite } from '../base/core.ts'
import { stampMillis } from '../base/hybrid-clock.ts'
import type { PeerId } from '../base/ids.ts'
import type { Signer } from '../base/signer.ts'
import { type DhtRecord, decodeRecord, TOMBSTONE_MS_MIN, versionText } from '../records/record.ts'
import { recordId, recordKey } from '../records/record-key.ts'
import { select } from '../records/select.ts'
import { boundsFault, isExpired, proofFault, validate } from '../records/validate.ts'
import { Accounts } from './accounts.ts'
import { Authors } from './authors.ts'
import { type Evictable, EvictionOrder } from './eviction.ts'
import type { KvOutput } from './kv-contract.ts'
import type { KvTunables } from './options.ts'
import { decodeRow, encodeRow, ROW_PREFIX } from './record-row.ts'

/** Entries looked at in one slice of the expiry sweep. */
const SWEEP_SLICE = 8_192
/** A record keeps at most so much more alive than its own bytes. */
const PINNED_SHARE_MAX = 1 / 8
/** A full store looks for expired records at most once in this time. */
const PURGE_PERIOD_MS: Millis = 1_000

/** One held record. Replacing the record keeps the entry. */
export interface Held extends Evictable {
  /** Hex of `id`. */
  readonly name: string
  /** SHA-256 of the record key. */
  readonly id: Uint8Array
  record: DhtRecord
  /** The other replicas, when we are one and the record has not expired: see RangeIndex. */
  sharedWith: readonly PeerId[]
  /** It came though we are no replica: somebody may wait for it. */
  isHint: boolean
  /** Latest expiry of the records that this one replaced here, perhaps of itself; 0: none. */
  replacedUntil: Millis
  isQueued: boolean
  isHeld: boolean
}

export type Admission =
  | { readonly outcome: 'stored'; readonly id: Uint8Array }
  | { readonly outcome: 'same' }
  /** `newer` is what is held, undefined when that has expired. */
  | { readonly outcome: 'stale'; readonly newer: DhtRecord | undefined }
  | { readonly outcome: 'refused'; readonly reason: string }

/** Who keeps count of what is held. */
export interface StoreListener {
  placed(entry: Held): void
  /** Called before the entry goes or gets another record. */
  leaving(entry: Held): void
  /** It is kept to refuse older versions, and no longer served. */
  expired(entry: Held): void
}

export interface RecordStoreOptions {
  readonly signer: Signer
  readonly tunables: KvTunables
  /** Our own place in the key space. */
  readonly selfId: Uint8Array
  /** Whether we are one of the replicas of an id in the current view. */
  readonly isInRange: (id: Uint8Array) => boolean
  /** Why a record is not taken for its author's sake, however sound it is. @default all authors' are */
  readonly authorFault?: (record: DhtRecord) => string | undefined
  /** Hears of every entry that came or got another record, and of those that go. */
  readonly listener: StoreListener
  readonly emit: (output: KvOutput) => void
}

export class RecordStore {
  readonly #options: RecordStoreOptions
  readonly #held = new Map<string, Held>()
  readonly #accounts: Accounts
  readonly #authors = new Authors()
  #bytes = 0
  readonly #eviction: EvictionOrder<Held>
  #sweeping: Iterator<Held> | undefined
  #purgedAt: Millis = Number.NEGATIVE_INFINITY
  /** Whether the disk has no room: nothing is stored then, expired records still go. */
  isFull = false

  constructor(options: RecordStoreOptions) {
    this.#options = options
    this.#accounts = new Accounts(options.tunables)
    this.#eviction = new EvictionOrder(options.selfId, options.isInRange)
  }

  get records(): number {
    return this.#held.size
  }

  /** Bytes of all envelopes. */
  get bytes(): number {
    return this.#bytes
  }

  /** All entries in the order in which they came; entries added while iterating are met too. */
  entries(): IterableIterator<Held> {
    return this.#held.values()
  }

  /** The entry of an id, expired or not. */
  held(id: Uint8Array): Held | undefined {
    return this.#held.get(hex(id))
  }

  /** The entry of an id in hex. */
  heldByName(name: string): Held | undefined {
    return this.#held.get(name)
  }

  /** The record of an id that may be served at `now`, a tombstone included. */
  live(id: Uint8Array, now: Millis): DhtRecord | undefined {
    const record = this.held(id)?.record
    return record === undefined || isExpired(record, now) ? undefined : record
  }

  /**
   * The only door in. Keeps the record's bytes, or a copy when they are a small part of something else.
   * @param isProven whether this node signed it, or has verified its proof already
   */
  offer(offered: DhtRecord, now: Millis, isProven = false): Admission {
    const id = recordId(recordKey(offered))
    const name = hex(id)
    const before = this.#held.get(name)?.record
    if (before !== undefined && equalBytes(before.bytes, offered.bytes)) {
      if (!isExpired(offered, now)) return { outcome: 'same' }
    }
    const { signer, authorFault } = this.#options
    const unsound = isProven ? boundsFault(offered, now) : validate(offered, now, signer)
    const fault = unsound ?? authorFault?.(offered)
    if (fault !== undefined) return { outcome: 'refused', reason: fault }
    if (before !== undefined && this.#isNewer(before, offered)) {
      return { outcome: 'stale', newer: isExpired(before, now) ? undefined : before }
    }
    // All replicas acknowledged it once and may forget it one after the other: it must not come back.
    if (before === undefined && isOldTombstone(offered, now)) return { outcome: 'same' }
    return this.#store({ name, id, record: ownCopy(offered) }, now)
  }

  /**
   * Takes one row of ours back from disk, its signature checked; its age is judged by `start`.
   * @returns the record, or undefined: the row is unusable and will be deleted
   */
  load(row: StoreRow): DhtRecord | undefined {
    const parsed = decodeRow(row.value)
    if (!parsed.ok) return this.#discard(row, 'kv row unreadable')
    const decoded = decodeRecord(parsed.value.record.slice())
    if (!decoded.ok) return this.#discard(row, 'kv row unreadable')
    const record = decoded.value
    const id = recordId(recordKey(record))
    const name = hex(id)
    if (row.key !== ROW_PREFIX + name) return this.#discard(row, 'kv row under a wrong key')
    const fault = proofFault(record, this.#options.signer)
    if (fault !== undefined) return this.#discard(row, `kv row: ${fault}`)
    if (this.#excess({ name, id, record }) !== undefined) {
      return this.#discard(row, 'kv row above the quota')
    }
    this.#place({ name, id, record }, parsed.value.keepUntil)
    return record
  }

  /** Forgets what expired while the node was off. */
  start(now: Millis): void {
    const writes: StoreWrite[] = []
    this.#purge(writes, (entry) => keepUntil(entry) <= now)
    for (const _ of writes) this.#options.emit({ type: 'dropped', reason: 'kv row expired' })
    this.#persist(writes)
  }

  /**
   * Looks at one slice of the entries and forgets the expired ones.
   * @returns tombstones that may be forgotten once all replicas hold them
   */
  sweep(now: Millis): Held[] {
    const writes: StoreWrite[] = []
    const forgettable: Held[] = []
    this.#sweeping ??= this.#held.values()
    for (let i = 0; i < SWEEP_SLICE; i++) {
      const next = this.#sweeping.next()
      if (next.done === true) {
        this.#sweeping = undefined
        break
      }
      const entry = next.value
      if (keepUntil(entry) <= now) this.#remove(entry, writes)
      else if (isExpired(entry.record, now)) this.#options.listener.expired(entry)
      else if (isForgettable(entry, now)) forgettable.push(entry)
    }
    this.#persist(writes)
    return forgettable
  }

  /** Forgets an entry, unless it has another record than `record` by now. */
  forget(name: string, record: DhtRecord): void {
    const entry = this.#held.get(name)
    if (entry?.record !== record) return
    const writes: StoreWrite[] = []
    this.#remove(entry, writes)
    this.#persist(writes)
  }

  /** Told during rounds of repair: an entry we are no replica of may be evicted. */
  noteRange(entry: Held, isInRange: boolean): void {
    if (!isInRange) this.#eviction.add(entry, this.#held)
  }

  #isNewer(before: DhtRecord, offered: DhtRecord): boolean {
    const { order, isConflict } = select(before, offered)
    if (isConflict) {
      this.#options.emit({ type: 'dropped', reason: 'record with two contents of one version' })
    }
    return order > 0
  }

  #store(placing: Placing, now: Millis): Admission {
    if (this.isFull) return { outcome: 'refused', reason: 'store-full' }
    const writes: StoreWrite[] = []
    const excess = this.#makeRoom(placing, writes, now)
    if (excess !== undefined) {
      this.#persist(writes)
      return { outcome: 'refused', reason: excess }
    }
    const { name, id, record } = placing
    const before = this.#held.get(name)
    const replacedUntil = before === undefined ? 0 : keepUntil(before)
    const entry = this.#place(placing, replacedUntil)
    const isInRange = this.#options.isInRange(id)
    entry.isHint = !isInRange
    this.noteRange(entry, isInRange)
    writes.push({ key: ROW_PREFIX + name, value: encodeRow(record, replacedUntil) })
    this.#persist(writes)
    if (record.namespace !== 'h') {
      const version = versionText(record.stamp, this.#authors.peerId(record.author))
      this.#options.emit({ type: 'stored', key: record.key, version })
    }
    return { outcome: 'stored', id }
  }

  #discard(row: StoreRow, reason: string): undefined {
    this.#options.emit({ type: 'dropped', reason })
    this.#options.emit({ type: 'persist', writes: [{ key: row.key, value: undefined }] })
    return undefined
  }

  #place(placing: Placing, replacedUntil: Millis): Held {
    const { name, record } = placing
    const { listener } = this.#options
    const before = this.#held.get(name)
    if (before !== undefined) {
      listener.leaving(before)
      this.#accounts.remove(before.record)
      this.#bytes -= before.record.bytes.length
    }
    this.#accounts.add(record)
    this.#bytes += record.bytes.length
    const entry = before ?? newEntry(placing)
    entry.record = record
    entry.replacedUntil = replacedUntil
    if (before === undefined) this.#held.set(name, entry)
    listener.placed(entry)
    return entry
  }

  #remove(entry: Held, writes: StoreWrite[]): void {
    this.#options.listener.leaving(entry)
    entry.isHeld = false
    this.#held.delete(entry.name)
    this.#bytes -= entry.record.bytes.length
    this.#accounts.remove(entry.record)
    writes.push({ key: ROW_PREFIX + entry.name, value: undefined })
  }

  /** Why a record cannot be taken, or undefined: it can, once `writes` are done. */
  #makeRoom(placing: Placing, writes: StoreWrite[], now: Millis): string | undefined {
    if (this.#excess(placing) !== undefined && now >= this.#purgedAt + PURGE_PERIOD_MS) {
      this.#purgedAt = now
      this.#purge(writes, (entry) => isExpired(entry.record, now))
    }
    for (;;) {
      const excess = this.#excess(placing)
      if (excess === undefined || excess === 'author above its quota') return excess
      const isInRange = this.#options.isInRange(placing.id)
      const evicted = this.#eviction.take(isInRange ? undefined : placing.id)
      if (evicted === undefined) return excess
      if (evicted.name !== placing.name) this.#remove(evicted, writes)
    }
  }

  /** The quota that storing a record would break. */
  #excess({ name, record }: Placing): 'author above its quota' | 'store full' | undefined {
    const { recordsMax, storeBytesMax } = this.#options.tunables
    const before = this.#held.get(name)
    if (this.#accounts.isExceeded(record, before?.record)) return 'author above its quota'
    const records = this.records + (before === undefined ? 1 : 0)
    const bytes = this.#bytes + record.bytes.length - (before?.record.bytes.length ?? 0)
    return records > recordsMax || bytes > storeBytesMax ? 'store full' : undefined
  }

  #purge(writes: StoreWrite[], isDue: (entry: Held) => boolean): void {
    for (const entry of this.#held.values()) if (isDue(entry)) this.#remove(entry, writes)
  }

  #persist(writes: readonly StoreWrite[]): void {
    if (writes.length > 0) this.#options.emit({ type: 'persist', writes })
  }
}

/** A record on its way to its entry. */
interface Placing {
  readonly name: string
  readonly id: Uint8Array
  readonly record: DhtRecord
}

/** The same record over bytes of its own: what came in a frame must not keep much more than itself alive. */
function ownCopy(record: DhtRecord): DhtRecord {
  const { buffer, length } = record.bytes
  if (buffer.byteLength <= length * (1 + PINNED_SHARE_MAX)) return record
  const copy = decodeRecord(record.bytes.slice())
  if (!copy.ok) throw new Error(`Broken invariant: a decoded record decodes: ${copy.reason}`)
  return copy.value
}

function newEntry({ name, id, record }: Placing): Held {
  return {
    ...{ name, id, record, sharedWith: [], replacedUntil: 0 },
    ...{ isHint: false, isQueued: false, isHeld: true },
  }
}

/** Until when older versions are refused. */
function keepUntil({ record, replacedUntil }: Held): Millis {
  return Math.max(record.expiresAt, replacedUntil)
}

function isOldTombstone({ value, stamp }: DhtRecord, now: Millis): boolean {
  return value === undefined && stampMillis(stamp) + TOMBSTONE_MS_MIN <= now
}

/** Whether no value that it deleted here could still be brought back. */
function isForgettable({ record, replacedUntil }: Held, now: Millis): boolean {
  return isOldTombstone(record, now) && replacedUntil <= now
}
