import { readSeed, writeIdentity } from '../adapters/platform/nodejs.ts'
import type { BackupInfo } from '../adapters/store/read-backup.ts'
import { restoreStore } from '../adapters/store/restore-store.ts'

export interface RestoreOptions {
  /** The directory to make: new, or empty. */
  readonly dataDir: string
  /**
   * A node's `identity.key`: the restored node is then that peer, of which no second one may run.
   * @default none: it becomes a new peer
   */
  readonly identity?: string
}

/**
 * Makes a data directory of a backup, after every byte of it was checked. The node that starts on it writes
 * under a new replica id: it is another replica than the one that was backed up, which may still run.
 *
 * @throws {HearsayError} ERR_BACKUP: damaged, cut, newer, or no backup · ERR_STORE_NOT_EMPTY · ERR_IDENTITY ·
 * ERR_STORE_FULL, ERR_STORE; the directory is then as it was
 */
export async function restoreBackup(file: string, options: RestoreOptions): Promise<BackupInfo> {
  const { dataDir: directory, identity } = options
  if (identity === undefined) return await restoreStore(file, { directory })
  const seed = await readSeed(identity)
  return await restoreStore(file, { directory, finish: () => writeIdentity(directory, seed) })
}
