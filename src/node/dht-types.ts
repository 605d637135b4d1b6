import type { PeerId } from '../base/ids.ts'
import type { Waiting } from './state-types.ts'

export interface PutResult {
  readonly key: string
  readonly version: string
  readonly acks: number
  readonly required: number
  /** Names of the members that acknowledged. */
  readonly replicas: readonly string[]
  readonly elapsedMs: number
  /** Present and true when fewer members than the replication factor exist. */
  readonly degraded?: boolean
  /** Present and true when a replica already held a newer version, which stays: read it again. */
  readonly superseded?: boolean
}

/** A DHT value as read. */
export interface DhtValue {
  readonly key: string
  readonly bytes: Uint8Array
  readonly version: string
  readonly author: PeerId
  /** Name of the member that answered. */
  readonly from: string
  readonly elapsedMs: number
  /** The value as UTF-8 text. */
  readonly value: string
  text(): string
  json(): unknown
}

export type WriteLevel = 'one' | 'quorum' | 'all'

/** Who may write under a key, and so what it means. @default a shared key */
export interface DhtKind {
  /** A name of this node: only it can write there, see {@link DhtReadOptions.owner} for how others read it. */
  readonly own?: boolean
  /** A value named by its own SHA-256 in lower-case hex: it never changes and cannot be deleted, only expire. */
  readonly immutable?: boolean
}

export interface Dht {
  /**
   * Stores a value at the members closest to its key. Who writes the same shared key later wins.
   * @param key up to 1 KiB of any text; of an immutable value its hash, or `-`: the result tells it
   * @param value text (stored as UTF-8) or bytes, at most 64 MiB, immutable ones 256 KiB; others above 64 KiB are
   * kept in chunks
   * @throws {QuorumError} fewer acknowledgements than the level asks for: some replicas may hold the value
   * @throws {HearsayError} ERR_VERSION_CONFLICT: an owned name has another version · ERR_LIMIT · ERR_STOPPED
   * @throws {TypeError} options that do not go together
   */
  put(key: string, value: string | Uint8Array, options?: PutOptions): Promise<PutResult>
  /**
   * The newest value found, or undefined.
   * @throws {QuorumError} fewer replicas answered than the level asks for
   * @throws {HearsayError} ERR_TIMEOUT: nobody told a value, and too few told that there is none · ERR_NOT_FOUND: a
   * chunk of a large value is gone
   */
  get(key: string, options?: DhtReadOptions): Promise<DhtValue | undefined>
  /**
   * Stores several values at once: those that go to one replica share frames. Rejects with the first failure; others
   * may have been stored.
   */
  putMany(
    entries: Iterable<readonly [string, string | Uint8Array]>,
    options?: PutOptions,
  ): Promise<readonly PutResult[]>
  /** Reads several values at once, in the order of the keys; rejects with the first failure. */
  getMany(
    keys: Iterable<string>,
    options?: DhtReadOptions,
  ): Promise<readonly (DhtValue | undefined)[]>
  /**
   * The keys that this node has written, ordered by kind and key, whoever holds their values: those deleted or expired
   * are not among them, nor those that another member is known to have overwritten. Held in this node's own store: a
   * loss of power may take the last ones written.
   */
  list(options?: Waiting): AsyncIterable<DhtKey>
  /**
   * A page of {@link list}.
   * @throws {TypeError} a cursor that is none @throws {RangeError} a limit outside 1 … 10,000
   */
  page(options?: DhtPageOptions): DhtKeyPage
  /** Writes a signed tombstone; the result and the errors are those of a put. */
  delete(key: string, options?: Omit<PutOptions, 'ttlMs' | 'immutable'>): Promise<PutResult>
}

/** A key that this node has written. */
export interface DhtKey {
  readonly key: string
  readonly kind: 'shared' | 'own' | 'immutable'
  readonly version: string
  /** Of the value. */
  readonly bytes: number
  /** ISO 8601. */
  readonly expiresAt: string
}

export interface DhtKeyPage {
  readonly keys: readonly DhtKey[]
  /** False: this node has written more keys, above 65,536, than it remembers. */
  readonly complete: boolean
  /** Where the next page begins; absent on the last. */
  readonly next?: string
}

export interface DhtPageOptions {
  /** The `next` of the page before. @default the beginning */
  readonly from?: string
  /** 1 … 10,000. @default 1,000 */
  readonly limit?: number
}

export interface DhtReadOptions extends Waiting, DhtKind {
  /** Peer id of another member whose name is read. */
  readonly owner?: string
  /** Replicas that must have told what they hold; `one` takes the first value. @default "one" */
  readonly level?: WriteLevel
}

export interface PutOptions extends Waiting, DhtKind {
  /** Replicas that must have stored it durably. @default "quorum" */
  readonly level?: WriteLevel
  /** Time to live in ms, at most 30 days. @default 48 h */
  readonly ttlMs?: number
  /** Owned names only: the write happens if this is the current version; `none`: if there is no value. */
  readonly ifVersion?: string
}
