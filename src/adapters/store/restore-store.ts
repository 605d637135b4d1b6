/**
 * A data directory made of a backup. The backup is read twice: once to check every byte of it, before
 * anything is written, and once to write its rows.
 *
 *     DIR · DIR/db with all rows, each batch synced · what else belongs there · DIR/hearsay-store.json
 *
 * The marker comes last: a directory that a crash left half done is refused by everybody.
 */
import { mkdir, readdir, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ClassicLevel } from 'classic-level'
import type { StoreRow } from '../../base/core.ts'
import { HearsayError } from '../../base/errors.ts'
import { syncDirectory } from '../common/sync-directory.ts'
import { rowOperations } from './level-rows.ts'
import { DATABASE_OPTIONS, storeError } from './level-store.ts'
import { makeDirectory } from './make-directory.ts'
import { type BackupInfo, readBackup } from './read-backup.ts'
import { databasePath, writeMarker } from './store-directory.ts'
import { isShared } from './write-backup.ts'

/**
 * Makes a data directory of a backup, without the rows that say under which id its store writes.
 *
 * @param options `finish`: what else the directory shall hold before it is valid
 * @throws {HearsayError} ERR_BACKUP · ERR_STORE_NOT_EMPTY · ERR_STORE_FULL, ERR_STORE · whatever `finish`
 * throws; the directory is then as it was
 */
export async function restoreStore(
  file: string,
  options: { readonly directory: string; readonly finish?: () => Promise<void> },
): Promise<BackupInfo> {
  const { directory, finish } = options
  const info = await checkBackup(file)
  const made = await claimEmpty(directory)
  try {
    await writeRows(file, directory)
    await finish?.()
    await writeMarker(directory, { format: info.format })
  } catch (error) {
    await rm(made ?? databasePath(directory), { recursive: true, force: true })
    throw storeError(directory, 'restore', error)
  }
  return info
}

/** Reads a backup to its end. @throws {HearsayError} ERR_BACKUP when a byte of it is wrong */
export async function checkBackup(file: string): Promise<BackupInfo> {
  return await readBackup(file, () => {})
}

/** Takes a directory that is new or empty. @returns the topmost directory that was made, if any */
async function claimEmpty(directory: string): Promise<string | undefined> {
  let made: string | undefined
  try {
    made = await makeDirectory(directory)
    const held = (await readdir(directory)).find((name) => name !== 'lost+found')
    if (held !== undefined) throw notEmpty(directory, held)
    // Only one of two that try at once can make it.
    await mkdir(databasePath(directory), { mode: 0o700 })
    return made
  } catch (error) {
    if (error instanceof HearsayError) throw error
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    if (code === 'EEXIST' || code === 'ENOTDIR') throw notEmpty(directory, '')
    throw new HearsayError('ERR_STORE', `Cannot restore into ${directory}: ${code}`, {
      hint: 'Choose another data directory with --data-dir',
      cause: error,
    })
  }
}

function notEmpty(directory: string, name: string): HearsayError {
  const why = name === '' ? 'it is no directory, or in use' : `it holds "${name}"`
  return new HearsayError('ERR_STORE_NOT_EMPTY', `Cannot restore into ${directory}: ${why}`, {
    hint: 'Choose a new or empty directory with --data-dir; nothing was changed',
  })
}

async function writeRows(file: string, directory: string): Promise<void> {
  const path = databasePath(directory)
  const database = new ClassicLevel<string, Uint8Array>(path, DATABASE_OPTIONS)
  await database.open()
  try {
    await readBackup(file, async (rows: readonly StoreRow[]) => {
      const shared = rows.filter(isShared)
      await database.batch(rowOperations(shared), { sync: true })
    })
  } finally {
    await database.close()
  }
  await syncDirectory(path)
  await syncDirectory(directory)
  await syncDirectory(dirname(directory))
}
