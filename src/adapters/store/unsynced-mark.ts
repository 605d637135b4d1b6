/**
 * The file DIR/unsynced stands while the database may hold what a power loss would take from it:
 *
 *     mark, durable → first batch without fsync → … → every log file synced → no mark, durable
 *
 * Who finds it at its start follows somebody who had told of writes that may be gone by now.
 */
import { access, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { syncDirectory } from '../common/sync-directory.ts'
import { databasePath } from './store-directory.ts'

const MARK_NAME = 'unsynced'
const MARK_MODE = 0o600
const MARK_TEXT = 'Written without fsync since its last clean stop.\n'

export async function isMarkedUnsynced(directory: string): Promise<boolean> {
  return await access(join(directory, MARK_NAME)).then(
    () => true,
    (error: unknown) => {
      if (isMissing(error)) return false
      throw error
    },
  )
}

/** Resolves when the mark would survive a power loss: nothing may be written without fsync before. */
export async function markUnsynced(directory: string): Promise<void> {
  const handle = await open(join(directory, MARK_NAME), 'w', MARK_MODE)
  try {
    await handle.writeFile(MARK_TEXT)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await syncDirectory(directory)
}

export async function removeUnsyncedMark(directory: string): Promise<void> {
  await rm(join(directory, MARK_NAME), { force: true })
  await syncDirectory(directory)
}

/** Makes everything written to LevelDB's logs durable. What left them is: tables are synced by LevelDB. */
export async function syncLogs(directory: string): Promise<void> {
  const database = databasePath(directory)
  for (const name of await readdir(database)) {
    if (name.endsWith('.log')) await syncFile(join(database, name))
  }
  await syncDirectory(database)
}

async function syncFile(path: string): Promise<void> {
  try {
    const handle = await open(path, 'r+')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    // LevelDB removes a log once its rows are in a table, which is synced.
    if (!isMissing(error)) throw error
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
