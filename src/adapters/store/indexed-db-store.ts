import { type DBSchema, type IDBPDatabase, openDB } from 'idb'
import { hex } from '../../base/bytes.ts'
import type { StoreWrite } from '../../base/core.ts'
import { HearsayError } from '../../base/errors.ts'
import { type DamagedEntry, type RowIterator, rowOperations, rowPages } from './level-rows.ts'
import {
  type DamagedRow,
  PAGE_BYTES_MAX,
  type Space,
  STORE_FORMAT,
  type Store,
  type StorePage,
} from './store.ts'

/** Of the object stores below, not of the rows: those have STORE_FORMAT. */
const DATABASE_VERSION = 1
const PLACE_BYTES = 16
/** As much as is set aside of damaged rows, for whoever looks into what happened. */
const QUARANTINE_ROWS_MAX = 1_024

interface Schema extends DBSchema {
  /** By key: checksum and value, as in LevelDB. */
  rows: { key: string; value: Uint8Array }
  /** What the store knows of itself. */
  meta: { key: string; value: unknown }
  /** Bytes of rows that did not read back as they were written. */
  damaged: { key: string; value: { readonly reason: string; readonly bytes: Uint8Array } }
}

type Database = IDBPDatabase<Schema>

/**
 * A store in a browser's IndexedDB, of one page at a time. A commit is one transaction: with `durability: strict` the
 * browser tells of it once the operating system has it on disk (Indexed Database API 3.0, §2.7.3). What the browser
 * itself gives up (short of space, cleared by its user) is gone as a whole: it is asked to keep it.
 */
export function createIndexedDbStore(name: string): Store {
  return new IndexedDbStore(name)
}

/**
 * The Ed25519 seed kept with a store, made on first use.
 * @returns 32 bytes, secret @throws {HearsayError} ERR_IDENTITY: it is damaged
 */
export async function loadIndexedDbSeed(
  name: string,
  fresh: () => Uint8Array,
): Promise<Uint8Array> {
  const database = await openDatabase(name)
  try {
    const transaction = database.transaction('meta', 'readwrite', { durability: 'strict' })
    const known = await transaction.store.get('seed')
    const seed = known ?? fresh()
    if (known === undefined) await transaction.store.put(seed, 'seed')
    await transaction.done
    if (seed instanceof Uint8Array && seed.length === fresh().length) return seed
    throw new HearsayError('ERR_IDENTITY', `Cannot use the identity in ${name}: it is damaged`, {
      hint: 'Delete that database: the node then starts as a new peer with the state that others have',
    })
  } finally {
    database.close()
  }
}

class IndexedDbStore implements Store {
  readonly path: string
  readonly tornBytes = 0
  readonly migratedFrom = undefined
  #database: Database | undefined
  #place: string | undefined
  #wasUnsynced = false
  /** Whether `unsynced` stands: since this store was opened something was written that is not on disk. */
  #isMarked = false
  #tail: Promise<void> = Promise.resolve()
  #failure: HearsayError | undefined
  #unlock: () => void = () => {}
  /** Of the rows that were read or written here. */
  readonly #sizes = new Map<string, number>()
  #bytes = 0

  constructor(name: string) {
    this.path = name
  }

  get place(): string | undefined {
    return this.#place
  }

  get wasUnsynced(): boolean {
    return this.#wasUnsynced
  }

  async open(): Promise<void> {
    if (this.#database !== undefined) return
    this.#unlock = await lock(this.path)
    let database: Database | undefined
    try {
      database = await openDatabase(this.path)
      await this.#readMeta(database)
      // Not waited for: browsers may ask their user.
      navigator.storage?.persist?.().catch(() => {})
    } catch (error) {
      database?.close()
      this.#unlock()
      throw storeError(this.path, 'open', error)
    }
    this.#failure = undefined
    this.#database = database
  }

  async *rows(): AsyncGenerator<StorePage> {
    try {
      const database = this.#opened()
      const sized = (key: string, value: Uint8Array): void => this.#size(key, value)
      for await (const { rows, damaged } of rowPages(
        await snapshotOf(database, sized),
        this.path,
      )) {
        // Set aside before anybody hears of them: whoever does may delete them.
        yield { rows, damaged: await setAside(database, damaged) }
      }
    } catch (error) {
      throw storeError(this.path, 'read', error)
    }
  }

  commit(writes: readonly StoreWrite[], options: { readonly isSynced: boolean }): Promise<void> {
    const result = this.#tail.then(() => this.#commit(writes, options.isSynced))
    this.#tail = result.catch(() => {})
    return result
  }

  async bytes(): Promise<number> {
    return this.#bytes
  }

  async space(): Promise<Space | undefined> {
    const { quota, usage } = (await navigator.storage?.estimate?.()) ?? {}
    if (quota === undefined || usage === undefined) return undefined
    return { freeBytes: Math.max(0, quota - usage), totalBytes: quota, freeFiles: undefined }
  }

  async close(): Promise<void> {
    await this.#tail
    const database = this.#database
    if (database === undefined) return
    this.#database = undefined
    try {
      // A durable transaction after the others: what came before it is on disk, too. After a failure the mark
      // stays, for what the disk holds is unknown.
      if (this.#isMarked && this.#failure === undefined) await setMark(database, false)
      this.#isMarked = false
    } finally {
      database.close()
      this.#unlock()
    }
  }

  async #commit(writes: readonly StoreWrite[], isSynced: boolean): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    const operations = rowOperations(writes)
    try {
      const database = this.#opened()
      if (!isSynced && !this.#isMarked) {
        await setMark(database, true)
        this.#isMarked = true
      }
      const durability = isSynced ? 'strict' : 'relaxed'
      const { store, done } = database.transaction('rows', 'readwrite', { durability })
      // Each request fails with it.
      done.catch(() => {})
      for (const operation of operations) {
        const { key } = operation
        const isGone = operation.type === 'del'
        const request = isGone ? store.delete(key) : store.put(operation.value, key)
        request.catch(() => {})
        this.#size(key, isGone ? undefined : operation.value)
      }
      await done
    } catch (error) {
      this.#failure = storeError(this.path, 'write', error)
      throw this.#failure
    }
  }

  async #readMeta(database: Database): Promise<void> {
    const transaction = database.transaction('meta', 'readwrite', { durability: 'strict' })
    const { store } = transaction
    const format = await store.get('format')
    if (format !== undefined && format !== STORE_FORMAT) throw foreignFormat(this.path, format)
    await store.put(STORE_FORMAT, 'format')
    // Whoever finds the mark follows a holder that had told of writes which may be gone: this is another place then.
    this.#wasUnsynced = (await store.get('unsynced')) === true
    const known = await store.get('place')
    const isNew = this.#wasUnsynced || typeof known !== 'string'
    const place = isNew ? hex(crypto.getRandomValues(new Uint8Array(PLACE_BYTES))) : known
    await store.put(place, 'place')
    await store.delete('unsynced')
    await transaction.done
    this.#place = place
  }

  /** Browsers tell what a whole site takes, and of no single database. */
  #size(key: string, value: Uint8Array | undefined): void {
    this.#bytes -= this.#sizes.get(key) ?? 0
    const size = value === undefined ? 0 : key.length + value.length
    this.#bytes += size
    if (value === undefined) this.#sizes.delete(key)
    else this.#sizes.set(key, size)
  }

  #opened(): Database {
    if (this.#database !== undefined) return this.#database
    throw new HearsayError('ERR_STOPPED', `Cannot use the store ${this.path}: it is closed`)
  }
}

function openDatabase(name: string): Promise<Database> {
  return openDB<Schema>(`hearsay/${name}`, DATABASE_VERSION, {
    upgrade(database) {
      for (const store of ['rows', 'meta', 'damaged'] as const) database.createObjectStore(store)
    },
  })
}

async function setMark(database: Database, isUnsynced: boolean): Promise<void> {
  const transaction = database.transaction('meta', 'readwrite', { durability: 'strict' })
  if (isUnsynced) await transaction.store.put(true, 'unsynced')
  else await transaction.store.delete('unsynced')
  await transaction.done
}

/**
 * All rows of one moment. They are all read at once: a transaction ends as soon as nobody asks it for more, and
 * who takes the rows takes its time.
 */
async function snapshotOf(
  database: Database,
  sized: (key: string, value: Uint8Array) => void,
): Promise<RowIterator> {
  const transaction = database.transaction('rows', 'readonly')
  const [keys, values] = await Promise.all([
    transaction.store.getAllKeys(),
    transaction.store.getAll(),
  ])
  await transaction.done
  let at = 0
  return {
    async nextv(size) {
      const entries: [string, Uint8Array][] = []
      let bytes = 0
      while (at < keys.length && entries.length < size && bytes < PAGE_BYTES_MAX) {
        const value = values[at]
        // Something else than bytes is damaged as bytes can be.
        const sealed = value instanceof Uint8Array ? value : new Uint8Array(0)
        const key = String(keys[at])
        entries.push([key, sealed])
        sized(key, sealed)
        bytes += sealed.length
        at += 1
      }
      return entries
    },
    async close() {},
  }
}

async function setAside(
  database: Database,
  damaged: readonly DamagedEntry[],
): Promise<readonly DamagedRow[]> {
  if (damaged.length === 0) return []
  const transaction = database.transaction('damaged', 'readwrite', { durability: 'strict' })
  const { store } = transaction
  let room = QUARANTINE_ROWS_MAX - (await store.count())
  const told: DamagedRow[] = []
  for (const { key, reason, bytes } of damaged) {
    const isKept = room > 0 || (await store.getKey(key)) !== undefined
    if (isKept) await store.put({ reason, bytes }, key)
    room -= 1
    told.push({ key, reason, isKept })
  }
  await transaction.done
  return told
}

/** Two pages that write as one node would number different events alike. @returns what frees it again */
async function lock(name: string): Promise<() => void> {
  if (navigator.locks === undefined) {
    throw new HearsayError('ERR_STORE', `Cannot use the store ${name}: this page is not secure`, {
      hint: 'Serve the page by https or from localhost: only there browsers have locks',
    })
  }
  const granted = Promise.withResolvers<boolean>()
  const held = Promise.withResolvers<void>()
  const asked = navigator.locks.request(`hearsay/${name}`, { ifAvailable: true }, (given) => {
    granted.resolve(given !== null)
    return given === null ? undefined : held.promise
  })
  asked.catch((error: unknown) => granted.reject(error))
  if (await granted.promise) return held.resolve
  throw new HearsayError('ERR_STORE_LOCKED', `Cannot use the store ${name}: another page has it`, {
    hint: 'Close the other tab, or give this one a dataDir of its own',
  })
}

function foreignFormat(name: string, format: unknown): HearsayError {
  const what = `its format is ${String(format)}, this hearsay knows ${STORE_FORMAT}`
  return new HearsayError('ERR_STORE_VERSION', `Cannot use the store ${name}: ${what}`, {
    hint: 'Load the page with a newer hearsay; nothing was changed',
  })
}

function storeError(name: string, action: string, error: unknown): HearsayError {
  if (error instanceof HearsayError) return error
  const { name: kind, message } = error instanceof Error ? error : new Error(String(error))
  const isFull = kind === 'QuotaExceededError'
  const text = message === '' ? kind : message
  return new HearsayError(
    isFull ? 'ERR_STORE_FULL' : 'ERR_STORE',
    `Cannot ${action} the store ${name}: ${text}`,
    {
      hint: isFull
        ? 'Free space of this site, or on that disk, and load the page again'
        : 'Check that the browser may keep data of this site',
      cause: error,
    },
  )
}
