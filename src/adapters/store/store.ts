import type { StoreRow, StoreWrite } from '../../base/core.ts'

/** Most rows a page of {@link Store.rows} carries. */
export const PAGE_ROWS_MAX = 1_024
/** A page ends with the row that reaches this many bytes of keys and values. */
export const PAGE_BYTES_MAX = 1_048_576

/**
 * A node's durable rows: an ordered map from printable ASCII keys to bytes that changes by atomic
 * batches. One holder at a time. Two kinds pass one contract suite: a LevelDB directory and memory.
 */
export interface Store {
  /** The directory; undefined for a store in memory. */
  readonly path: string | undefined
  /**
   * Opens, and creates what is missing.
   * @throws {HearsayError} ERR_STORE: no directory, not writable, or damaged · ERR_STORE_LOCKED: held
   * by another process or store · ERR_STORE_FOREIGN: the directory holds something else ·
   * ERR_STORE_VERSION: written by a newer hearsay. Nothing is changed in the last two cases.
   */
  open(): Promise<void>
  /**
   * All rows in key order, in pages of at most {@link PAGE_ROWS_MAX} rows.
   * @throws {HearsayError} ERR_STORE naming the first row whose checksum does not match
   */
  rows(): AsyncIterable<readonly StoreRow[]>
  /**
   * Applies the writes as one atomic batch, the last write of a key winning. With `isSynced` it
   * resolves when the batch would survive a power loss, else when it would survive the process.
   * After a failure every later commit fails too: what the disk holds is then unknown.
   * @throws {HearsayError} ERR_STORE_FULL, ERR_STORE
   */
  commit(writes: readonly StoreWrite[], options: { readonly isSynced: boolean }): Promise<void>
  /** Approximate size in bytes. */
  bytes(): Promise<number>
  /** Idempotent; waits for commits under way. */
  close(): Promise<void>
}
