import type { StoreRow, StoreWrite } from '../../base/core.ts'

/** The layout of rows in a store; a change of it needs a step in migrations.ts. */
export const STORE_FORMAT = 2
/** Most rows a page of {@link Store.rows} carries. */
export const PAGE_ROWS_MAX = 1_024
/** A page ends with the row that reaches this many bytes of keys and values. */
export const PAGE_BYTES_MAX = 1_048_576

/** A row that the disk gave back differently from how it was written. */
export interface DamagedRow {
  /** Printable form of the key as it was read: not the one that was written when the key was hit. */
  readonly key: string
  /** How it is damaged. */
  readonly reason: string
  /** Whether its bytes are set aside for inspection. */
  readonly isKept: boolean
}

/** Rows in key order, and the damaged ones that lay between them. */
export interface StorePage {
  readonly rows: readonly StoreRow[]
  readonly damaged: readonly DamagedRow[]
}

/** Room where a store lives. */
export interface Space {
  /** Bytes that may still be written. */
  readonly freeBytes: number
  /** Bytes of the whole volume. */
  readonly totalBytes: number
  /** Files that may still be created; undefined where the file system has no such limit. */
  readonly freeFiles: number | undefined
}

/**
 * A node's durable rows: an ordered map from printable ASCII keys to bytes that changes by atomic
 * batches. One holder at a time. Two kinds pass one contract suite: a LevelDB directory and memory.
 */
export interface Store {
  /** The directory; undefined for a store in memory. */
  readonly path: string | undefined
  /** Which directory that is: a copy of it has another text. Undefined in memory, and before open(). */
  readonly place: string | undefined
  /** Bytes of a torn last batch that the last open() cut off: it had never been acknowledged. */
  readonly tornBytes: number
  /** The format that the last open() found and migrated; undefined: it was the current one. */
  readonly migratedFrom: number | undefined
  /**
   * Whether the last holder wrote without fsync and never got to its close(): rows that it told of may be
   * gone. The place is another one then, so that nothing they held is given out again.
   */
  readonly wasUnsynced: boolean
  /**
   * Opens, and creates what is missing.
   * @throws {HearsayError} ERR_STORE: no directory, not writable, or damaged · ERR_STORE_LOCKED: held
   * by another process or store · ERR_STORE_FOREIGN: the directory holds something else ·
   * ERR_STORE_VERSION: written by a newer hearsay. Nothing is changed in the last two cases.
   * ERR_STORE_FULL: no room to open, or to back up before a migration.
   */
  open(): Promise<void>
  /**
   * All rows in key order, in pages of at most {@link PAGE_ROWS_MAX} rows, sound and damaged together. A
   * damaged row's bytes are set aside, never handed out.
   * @throws {HearsayError} ERR_STORE when the order of rows is damaged: what is missing is then unknown
   */
  rows(): AsyncIterable<StorePage>
  /**
   * Applies the writes as one atomic batch, the last write of a key winning. With `isSynced` it
   * resolves when the batch would survive a power loss, else when it would survive the process.
   * After a failure every later commit fails too: what the disk holds is then unknown.
   * @throws {HearsayError} ERR_STORE_FULL, ERR_STORE
   */
  commit(writes: readonly StoreWrite[], options: { readonly isSynced: boolean }): Promise<void>
  /** Approximate size in bytes. */
  bytes(): Promise<number>
  /** Room left; undefined where nothing limits it but memory. */
  space(): Promise<Space | undefined>
  /** Idempotent; waits for commits under way, and makes what was written without fsync durable. */
  close(): Promise<void>
}
