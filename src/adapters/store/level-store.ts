import { readdir, readFile, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import type { StoreWrite } from '../../base/core.ts'
import { HearsayError } from '../../base/errors.ts'
import { syncDirectory } from '../common/sync-directory.ts'
import { scanLevelLog } from './level-log.ts'
import { damagedStore, FIRST_KEY, rowOperations, rowPages } from './level-rows.ts'
import { migrateStore } from './migrate-store.ts'
import { STORE_MIGRATIONS, type StoreMigration } from './migrations.ts'
import { directoryPlace, renewPlace } from './place.ts'
import { Quarantine } from './quarantine.ts'
import { type Space, STORE_FORMAT, type Store, type StorePage } from './store.ts'
import {
  claimDirectory,
  databasePath,
  refuseLocked,
  removeOwner,
  writeOwner,
} from './store-directory.ts'
import { isMarkedUnsynced, markUnsynced, removeUnsyncedMark, syncLogs } from './unsynced-mark.ts'

/** A store in a directory. */
export interface LevelStore extends Store {
  readonly path: string
}

type Database = ClassicLevel<string, Uint8Array>

export interface LevelStoreOptions {
  /** The format of the rows. @default STORE_FORMAT */
  readonly format?: number
  /** Steps from older formats. @default STORE_MIGRATIONS */
  readonly migrations?: readonly StoreMigration[]
  /** Makes the database, not yet open: a way in for one that fails. @default LevelDB */
  readonly createDatabase?: (path: string) => Database
}

/**
 * Uncompressed: a flipped bit then costs the row that it hit. In a compressed block it costs the block,
 * which neither the rows nor their keys survive (measured: see docs/PROTOCOL.md, "Data directory").
 */
export const DATABASE_OPTIONS = {
  keyEncoding: 'utf8',
  valueEncoding: 'view',
  compression: false,
} as const
/** Exactly one row with this prefix exists: the number of the last batch. */
const SEQUENCE_PREFIX = '\u0001batch!'
const SEQUENCE_DIGITS = 16
/**
 * LevelDB starts a new log file when its memory table reaches 4 MiB. With twice the bookkeeping of a
 * row counted, no switch can have happened before this many bytes.
 */
const LOG_SWITCH_BYTES_MIN = 1_048_576
const ROW_OVERHEAD_BYTES = 64

/**
 * A store on LevelDB (classic-level). Durability, as read in LevelDB 1.20 and seen under strace:
 * a batch with `sync: true` ends in fdatasync of the log file. What LevelDB leaves open is closed here:
 * - the directory entry of a new log file is not synced with the first batches in it: see #syncEntries;
 * - damaged log records are skipped on open: the log is scanned first, and every batch replaces the
 *   row that numbers the batch before, so that a hole leaves two of them;
 * - blocks of table files are read unverified: every value carries a checksum of its row.
 */
export function createLevelStore(directory: string, options: LevelStoreOptions = {}): LevelStore {
  return new DirectoryStore(directory, options)
}

class DirectoryStore implements LevelStore {
  readonly path: string
  /** Made by open(): abstract-level opens a database by itself a moment after its construction. */
  #database: Database | undefined
  #sequence = 0
  #tail: Promise<void> = Promise.resolve()
  #failure: HearsayError | undefined
  #logName = ''
  #bytesSinceSwitch = 0
  readonly #options: Required<LevelStoreOptions>
  readonly #quarantine: Quarantine
  #place: string | undefined
  #tornBytes = 0
  #migratedFrom: number | undefined
  #wasUnsynced = false
  /** Whether DIR/unsynced stands: since this store was opened something was written without fsync. */
  #isMarked = false

  constructor(directory: string, options: LevelStoreOptions) {
    this.path = directory
    this.#quarantine = new Quarantine(directory)
    this.#options = {
      format: STORE_FORMAT,
      migrations: STORE_MIGRATIONS,
      createDatabase: (path) => new ClassicLevel<string, Uint8Array>(path, DATABASE_OPTIONS),
      ...options,
    }
  }

  get place(): string | undefined {
    return this.#place
  }

  get tornBytes(): number {
    return this.#tornBytes
  }

  get migratedFrom(): number | undefined {
    return this.#migratedFrom
  }

  get wasUnsynced(): boolean {
    return this.#wasUnsynced
  }

  async open(): Promise<void> {
    if (this.#database !== undefined) return
    const { format, createDatabase } = this.#options
    await claimDirectory(this.path, format).catch((error: unknown) => {
      throw storeError(this.path, 'open', error)
    })
    this.#tornBytes = await this.#scanLogs()
    const database = createDatabase(databasePath(this.path))
    try {
      await database.open()
    } catch (error) {
      if (levelCode(error) === 'LEVEL_LOCKED') return refuseLocked(this.path, error)
      throw storeError(this.path, 'open', error)
    }
    try {
      this.#migratedFrom = await this.#migrate(database)
      this.#sequence = await this.#readSequence(database)
      await syncDirectory(databasePath(this.path))
      await syncDirectory(this.path)
      this.#wasUnsynced = await this.#settleMark()
      this.#place = await directoryPlace(this.path)
      await writeOwner(this.path)
      this.#logName = await this.#newestLog()
    } catch (error) {
      await database.close()
      throw storeError(this.path, 'open', error)
    }
    this.#failure = undefined
    this.#database = database
  }

  async *rows(): AsyncGenerator<StorePage> {
    try {
      for await (const page of rowPages(this.#opened().iterator({ gte: FIRST_KEY }), this.path)) {
        // Set aside before anybody hears of them: whoever does may delete them.
        yield { rows: page.rows, damaged: await this.#quarantine.keep(page.damaged) }
      }
    } catch (error) {
      throw storeError(this.path, 'read', error)
    }
  }

  commit(writes: readonly StoreWrite[], options: { readonly isSynced: boolean }): Promise<void> {
    // One after the other: the row that numbers the batches needs their order.
    const result = this.#tail.then(() => this.#commit(writes, options.isSynced))
    this.#tail = result.catch(() => {})
    return result
  }

  async bytes(): Promise<number> {
    let bytes = 0
    const directory = databasePath(this.path)
    for (const name of await readdir(directory)) {
      // LevelDB removes files at any time.
      bytes += await stat(join(directory, name)).then(
        (file) => file.size,
        () => 0,
      )
    }
    return bytes
  }

  async space(): Promise<Space> {
    const { bavail, bsize, blocks, files, ffree } = await statfs(this.path)
    return {
      freeBytes: bavail * bsize,
      totalBytes: blocks * bsize,
      freeFiles: files === 0 ? undefined : ffree,
    }
  }

  async close(): Promise<void> {
    await this.#tail
    const database = this.#database
    if (database === undefined) return
    this.#database = undefined
    try {
      // Under LevelDB's lock: the mark of whoever opens the store next must not be removed. After a
      // failure it stays, for what the disk holds is unknown.
      if (this.#isMarked && this.#failure === undefined) {
        await syncLogs(this.path)
        await removeUnsyncedMark(this.path)
        this.#isMarked = false
      }
      await removeOwner(this.path)
    } finally {
      await database.close()
    }
  }

  async #commit(writes: readonly StoreWrite[], isSynced: boolean): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    const operations = rowOperations(writes)
    operations.push({ type: 'del', key: sequenceKey(this.#sequence) })
    operations.push({ type: 'put', key: sequenceKey(this.#sequence + 1), value: new Uint8Array(0) })
    try {
      if (!isSynced) await this.#mark()
      await this.#opened().batch(operations, { sync: isSynced })
      for (const write of writes) {
        this.#bytesSinceSwitch += write.key.length + (write.value?.length ?? 0) + ROW_OVERHEAD_BYTES
      }
      if (isSynced) await this.#syncEntries()
    } catch (error) {
      this.#failure = storeError(this.path, 'write', error)
      throw this.#failure
    }
    this.#sequence += 1
  }

  async #mark(): Promise<void> {
    if (this.#isMarked) return
    await markUnsynced(this.path)
    this.#isMarked = true
  }

  /**
   * After a last holder that ended without a sync, rows that were told of may be missing. The directory then
   * counts as another place from here on, as if it were an old copy of itself, and the mark has done its
   * work: what LevelDB has read of its logs is in tables, and those are synced.
   * @returns whether it was so
   */
  async #settleMark(): Promise<boolean> {
    if (!(await isMarkedUnsynced(this.path))) return false
    await renewPlace(this.path)
    await removeUnsyncedMark(this.path)
    return true
  }

  #opened(): Database {
    if (this.#database !== undefined) return this.#database
    throw new HearsayError('ERR_STOPPED', `Cannot use the store in ${this.path}: it is closed`)
  }

  /** Syncs the directory once LevelDB has moved to a new log file, before anybody relies on it. */
  async #syncEntries(): Promise<void> {
    if (this.#bytesSinceSwitch < LOG_SWITCH_BYTES_MIN) return
    const newest = await this.#newestLog()
    if (newest === this.#logName) return
    await syncDirectory(databasePath(this.path))
    this.#logName = newest
    this.#bytesSinceSwitch = 0
  }

  async #newestLog(): Promise<string> {
    return (await logNames(this.path)).at(-1) ?? ''
  }

  async #scanLogs(): Promise<number> {
    let tornBytes = 0
    for (const name of await logNames(this.path)) {
      const report = scanLevelLog(await readFile(join(databasePath(this.path), name)))
      if (report.damagedAt !== undefined) {
        throw damagedStore(
          this.path,
          `db/${name}`,
          `bytes from offset ${report.damagedAt} are damaged`,
        )
      }
      tornBytes += report.tornBytes
    }
    return tornBytes
  }

  async #migrate(database: Database): Promise<number | undefined> {
    const { format, migrations } = this.#options
    const [bytes, space] = await Promise.all([this.bytes(), this.space()])
    return migrateStore({ directory: this.path, database, bytes, space, format, migrations })
  }

  async #readSequence(database: Database): Promise<number> {
    const keys = await database
      .keys({ gte: SEQUENCE_PREFIX, lt: `${SEQUENCE_PREFIX}~`, limit: 2 })
      .all()
    if (keys.length > 1) throw damagedStore(this.path, keys[0] ?? '', 'a batch after it is missing')
    const digits = keys[0]?.slice(SEQUENCE_PREFIX.length)
    return digits === undefined ? 0 : Number(digits)
  }
}

async function logNames(directory: string): Promise<readonly string[]> {
  const names = await readdir(databasePath(directory)).catch(() => [])
  return names
    .filter((name) => /^\d+\.log$/.test(name))
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
}

function sequenceKey(sequence: number): string {
  return SEQUENCE_PREFIX + String(sequence).padStart(SEQUENCE_DIGITS, '0')
}

/** The code of the innermost cause: abstract-level wraps what LevelDB said. */
function levelCode(error: unknown): string {
  if (!(error instanceof Error)) return ''
  if (error.cause !== undefined) return levelCode(error.cause)
  return 'code' in error ? String(error.code) : ''
}

/** What went wrong on a disk as callers catch it: ERR_STORE_FULL or ERR_STORE. */
export function storeError(directory: string, action: string, error: unknown): HearsayError {
  if (error instanceof HearsayError) return error
  let reason = error
  while (reason instanceof Error && reason.cause !== undefined) reason = reason.cause
  const text = reason instanceof Error ? reason.message : String(reason)
  const isFull = /no space left|quota exceeded|ENOSPC|EDQUOT/i.test(text)
  return new HearsayError(
    isFull ? 'ERR_STORE_FULL' : 'ERR_STORE',
    `Cannot ${action} the store in ${directory}: ${text}`,
    {
      hint: isFull
        ? 'Free space on that disk and start the node again'
        : 'Check the disk and the permissions of that directory',
      cause: error,
    },
  )
}
