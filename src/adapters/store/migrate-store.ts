/**
 * Brings the rows of an older format to the current one, under the lock of the open database:
 *
 *     rows → db.backup-OLD (whole and synced, then renamed)
 *     marker: new format, migrating from OLD      older versions refuse the directory from here on
 *     the steps change the rows
 *     marker: new format                          written last
 *
 * A crash before the first marker changes nothing. After it the next open puts the rows back from the
 * backup and begins the steps anew. The backup stays: people remove it once they are content.
 */
import { access, rename, rm } from 'node:fs/promises'
import { ClassicLevel } from 'classic-level'
import type { StoreRow } from '../../base/core.ts'
import { HearsayError } from '../../base/errors.ts'
import { syncDirectory } from '../common/sync-directory.ts'
import { FIRST_KEY, type RawPage, rowOperations, rowPages } from './level-rows.ts'
import type { StoreMigration } from './migrations.ts'
import type { Space } from './store.ts'
import { backupPath, readMarker, writeMarker } from './store-directory.ts'

type Database = ClassicLevel<string, Uint8Array>

export interface MigrationOptions {
  readonly directory: string
  /** Open, so nobody else can open it. */
  readonly database: Database
  /** Bytes of the database. */
  readonly bytes: number
  readonly space: Space
  /** The format to reach. */
  readonly format: number
  readonly migrations: readonly StoreMigration[]
}

/** Keys as bytes: a copy takes over damaged ones as they are. */
const RAW = { keyEncoding: 'view', valueEncoding: 'view' } as const
const COPY_ROWS = 1_024
/** The backup, and the new rows beside the old ones until LevelDB compacts them away. */
const ROOM_FACTOR = 2

/**
 * @returns the format that was migrated; undefined when the rows were current
 * @throws {HearsayError} ERR_STORE_FULL before anything is changed · ERR_STORE, whatever a step throws
 */
export async function migrateStore(options: MigrationOptions): Promise<number | undefined> {
  const { directory, database, format, migrations } = options
  // Read under the lock: another process may have migrated since the directory was claimed.
  const marker = await readMarker(directory, format)
  const from = marker.migratingFrom ?? marker.format
  if (from === format) return undefined
  const steps = stepsBetween(directory, { from, format, migrations })
  const path = backupPath(directory, from)
  if (marker.migratingFrom === undefined) {
    checkRoom(options, from)
    await backUp(database, path)
    await syncDirectory(directory)
  } else {
    await restore(database, path)
  }
  await writeMarker(directory, { format, migratingFrom: from })
  for (const step of steps) await run(step, { database, directory })
  await writeMarker(directory, { format })
  return from
}

function stepsBetween(
  directory: string,
  range: { from: number; format: number; migrations: readonly StoreMigration[] },
): readonly StoreMigration[] {
  const steps: StoreMigration[] = []
  for (let format = range.from; format < range.format; format++) {
    const step = range.migrations.find((migration) => migration.from === format)
    if (step === undefined) {
      throw new HearsayError(
        'ERR_STORE_VERSION',
        `Cannot migrate data directory ${directory}: no step from format ${format} is known`,
        { hint: 'Run a version of hearsay between the one that wrote it and this one' },
      )
    }
    steps.push(step)
  }
  return steps
}

function checkRoom({ directory, bytes, space }: MigrationOptions, from: number): void {
  const needed = bytes * ROOM_FACTOR
  if (space.freeBytes >= needed) return
  throw new HearsayError(
    'ERR_STORE_FULL',
    `Cannot migrate data directory ${directory} from format ${from}: ${needed} bytes are needed, ${space.freeBytes} are free`,
    { hint: 'Free space on that disk and start the node again; nothing was changed' },
  )
}

async function backUp(database: Database, path: string): Promise<void> {
  const draft = `${path}.tmp`
  await rm(draft, { recursive: true, force: true })
  const copy: Database = new ClassicLevel(draft, { compression: false })
  await copy.open()
  try {
    await copyRows(database, copy)
  } finally {
    await copy.close()
  }
  await syncDirectory(draft)
  // One that is there already is older than these rows, which no migration has touched.
  await rm(path, { recursive: true, force: true })
  await rename(draft, path)
}

async function restore(database: Database, path: string): Promise<void> {
  await access(path).catch((error: unknown) => {
    throw new HearsayError('ERR_STORE', `Cannot repeat a migration: its backup ${path} is gone`, {
      hint: 'Put the backup back, or start with an empty data directory: other members hold the state',
      cause: error,
    })
  })
  const backup: Database = new ClassicLevel(path, { createIfMissing: false })
  await backup.open()
  try {
    await database.clear()
    await copyRows(backup, database)
  } finally {
    await backup.close()
  }
}

async function copyRows(from: Database, to: Database): Promise<void> {
  const iterator = from.iterator<Uint8Array, Uint8Array>(RAW)
  try {
    for (;;) {
      const entries = await iterator.nextv(COPY_ROWS)
      if (entries.length === 0) return
      const puts = entries.map(([key, value]) => ({ type: 'put', key, value }) as const)
      await to.batch<Uint8Array, Uint8Array>(puts, { ...RAW, sync: true })
    }
  } finally {
    await iterator.close()
  }
}

async function run(
  step: StoreMigration,
  { database, directory }: { readonly database: Database; readonly directory: string },
): Promise<void> {
  const pages = rowPages(database.iterator({ gte: FIRST_KEY }), directory)
  for await (const writes of step.migrate(soundRows(pages))) {
    if (writes.length > 0) await database.batch(rowOperations(writes), { sync: true })
  }
}

async function* soundRows(pages: AsyncIterable<RawPage>): AsyncGenerator<readonly StoreRow[]> {
  for await (const { rows } of pages) if (rows.length > 0) yield rows
}
