/**
 * The keys that this node has written, wherever their values are held: a row each in its own store, so that
 * they can be listed without asking anybody.
 *
 * A key enters when a replica has acknowledged the write, and leaves when it is deleted or expires, or when
 * this node hears that another member has written a shared key since; of what it never hears it cannot tell.
 * Chunks of large values are no keys of anybody.
 */
import { compareBytes, compareText, equalBytes, hex } from '../base/bytes.ts'
import { type Decoded, DecodeError, decode, readText, Writer } from '../base/codec.ts'
import type { Millis, StoreRow } from '../base/core.ts'
import type { Stamp } from '../base/hybrid-clock.ts'
import type { Signer } from '../base/signer.ts'
import { decodeManifest } from '../records/manifest.ts'
import { type DhtRecord, versionText } from '../records/record.ts'
import {
  isNamespace,
  KEY_BYTES_MAX,
  type Namespace,
  recordId,
  recordKey,
} from '../records/record-key.ts'
import type { KvKey, KvKeyPage, KvOutput } from './kv-contract.ts'

/** Begins the keys of rows; the rest is the hex of the record's id. */
export const OWN_PREFIX = 'kv!own!'
const FORMAT = 1
/** Deletions remembered, lest an older write that is acknowledged later brings the key back. */
const DELETED_MAX = 1_024
const KINDS: Readonly<Record<Namespace, KvKey['kind']>> = {
  k: 'shared',
  o: 'owned',
  h: 'immutable',
}

interface OwnKey {
  readonly namespace: Namespace
  readonly key: string
  readonly stamp: Stamp
  readonly expiresAt: Millis
  /** Of the value as its writer knows it, not of its manifest. */
  readonly bytes: number
}

export interface OwnKeysOptions {
  readonly signer: Signer
  /** Keys remembered; later ones are not. */
  readonly keysMax: number
  /** Whether the disk has no room: keys of writes that end then are remembered in memory only. */
  readonly isFull: () => boolean
  readonly emit: (output: KvOutput) => void
}

export class OwnKeys {
  readonly #options: OwnKeysOptions
  readonly #byPlace = new Map<string, OwnKey>()
  /** In the order of their places; undefined: nobody has asked yet. */
  #sorted: OwnKey[] | undefined
  /** Stamps of the latest deletions. */
  readonly #deleted = new Map<string, Stamp>()
  #isComplete = true

  constructor(options: OwnKeysOptions) {
    this.#options = options
  }

  /** A record of this node was acknowledged. */
  written(record: DhtRecord): void {
    const place = placeOf(record)
    const newest = this.#byPlace.get(place)?.stamp ?? this.#deleted.get(place) ?? 0
    if (record.stamp < newest) return
    const own = ownKey(record)
    if (own === undefined) this.#delete(place, record.stamp)
    else if (this.#remember(own) && !this.#options.isFull()) this.#persist(own, encodeOwnKey(own))
  }

  /** A record passed by: somebody may have written or deleted a shared key of ours. */
  seen({ namespace, key, stamp, author }: DhtRecord): void {
    if (namespace !== 'k') return
    const own = this.#byPlace.get(placeOf({ namespace, key }))
    if (own === undefined || stamp < own.stamp) return
    const byAuthor = compareBytes(author, this.#options.signer.publicKey)
    if (byAuthor > 0 || (byAuthor < 0 && stamp > own.stamp)) this.#forget(own)
  }

  /** Takes a row back from disk. Unusable ones are dropped and deleted. */
  load(row: StoreRow): void {
    const decoded = decodeOwnKey(row.value)
    if (decoded.ok && this.#remember(decoded.value)) return
    this.#options.emit({ type: 'dropped', reason: 'kv own key unreadable' })
    this.#options.emit({ type: 'persist', writes: [{ key: row.key, value: undefined }] })
  }

  /** @param held what this node holds itself: a row may have been lost with the power, its value not */
  start(held: Iterable<{ readonly record: DhtRecord }>): void {
    for (const { record } of held) {
      const isChunk = record.namespace === 'h'
      if (isChunk || !equalBytes(record.author, this.#options.signer.publicKey)) continue
      if (record.value !== undefined && !this.#byPlace.has(placeOf(record))) this.written(record)
    }
  }

  /** Forgets what has expired. */
  sweep(now: Millis): void {
    for (const own of this.#byPlace.values()) if (own.expiresAt <= now) this.#forget(own)
    if (this.#byPlace.size === 0) this.#isComplete = true
  }

  /** @param after where the page before ended: its `next` */
  page(after: string, limit: number, now: Millis): KvKeyPage {
    this.#sorted ??= [...this.#byPlace.values()].sort((a, b) => compareText(placeOf(a), placeOf(b)))
    const keys: KvKey[] = []
    let last: string | undefined
    for (let at = indexOf(this.#sorted, after); ; at++) {
      const own = this.#sorted[at]
      if (own === undefined) return { keys, isComplete: this.#isComplete, next: undefined }
      if (own.expiresAt <= now || placeOf(own) === after) continue
      if (keys.length >= limit) return { keys, isComplete: this.#isComplete, next: last }
      keys.push(this.#told(own))
      last = placeOf(own)
    }
  }

  #told({ namespace, key, stamp, expiresAt, bytes }: OwnKey): KvKey {
    const version = versionText(stamp, this.#options.signer.peerId)
    return { kind: KINDS[namespace], key, version, expiresAt, bytes }
  }

  /** @returns false when there is no room */
  #remember(own: OwnKey): boolean {
    const place = placeOf(own)
    const isKnown = this.#byPlace.has(place)
    if (!isKnown && this.#byPlace.size >= this.#options.keysMax) {
      this.#isComplete = false
      return false
    }
    this.#byPlace.set(place, own)
    this.#sorted?.splice(indexOf(this.#sorted, place), isKnown ? 1 : 0, own)
    return true
  }

  #delete(place: string, stamp: Stamp): void {
    const own = this.#byPlace.get(place)
    if (own !== undefined) this.#forget(own)
    this.#deleted.delete(place)
    this.#deleted.set(place, stamp)
    if (this.#deleted.size <= DELETED_MAX) return
    for (const oldest of this.#deleted.keys()) {
      this.#deleted.delete(oldest)
      return
    }
  }

  #forget(own: OwnKey): void {
    this.#byPlace.delete(placeOf(own))
    this.#sorted?.splice(indexOf(this.#sorted, placeOf(own)), 1)
    this.#persist(own, undefined)
  }

  #persist({ namespace, key }: OwnKey, value: Uint8Array | undefined): void {
    const author = this.#options.signer.publicKey
    const id = recordId(recordKey({ namespace, key, author }))
    this.#options.emit({ type: 'persist', writes: [{ key: OWN_PREFIX + hex(id), value }] })
  }
}

/** Where a place is, or would be. */
function indexOf(sorted: readonly OwnKey[], place: string): number {
  let from = 0
  let to = sorted.length
  while (from < to) {
    const middle = (from + to) >>> 1
    const own = sorted[middle]
    if (own !== undefined && compareText(placeOf(own), place) < 0) from = middle + 1
    else to = middle
  }
  return from
}

/** By kind, then by key; of one author's keys each has another. */
function placeOf({ namespace, key }: { readonly namespace: string; readonly key: string }): string {
  return `${namespace}/${key}`
}

function ownKey(record: DhtRecord): OwnKey | undefined {
  const { namespace, key, stamp, expiresAt, value, isManifest } = record
  if (!isNamespace(namespace) || value === undefined) return undefined
  const manifest = isManifest ? decodeManifest(value) : undefined
  const bytes = manifest?.ok === true ? manifest.value.bytes : value.length
  return { namespace, key, stamp, expiresAt, bytes }
}

export function encodeOwnKey({ namespace, key, stamp, expiresAt, bytes }: OwnKey): Uint8Array {
  return new Writer(64 + key.length)
    .uint8(FORMAT)
    .uint8(namespace.charCodeAt(0))
    .text(key)
    .varint(stamp)
    .varint(expiresAt)
    .varint(bytes)
    .finish()
}

export function decodeOwnKey(row: Uint8Array): Decoded<OwnKey> {
  return decode(row, (reader) => {
    if (reader.uint8() !== FORMAT) throw new DecodeError('unknown format')
    const namespace = String.fromCharCode(reader.uint8())
    if (!isNamespace(namespace)) throw new DecodeError('unknown namespace')
    const key = readText(reader, KEY_BYTES_MAX)
    const [stamp, expiresAt, bytes] = [reader.varint(), reader.varint(), reader.varint()]
    reader.end()
    return { namespace, key, stamp, expiresAt, bytes }
  })
}
