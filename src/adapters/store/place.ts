import { lstat, open } from 'node:fs/promises'
import { join } from 'node:path'
import { syncDirectory } from './store-directory.ts'

const PLACE_NAME = 'place'
const PLACE_MODE = 0o600
const PLACE_TEXT = 'This file tells the directory from its copies: leave it where it is.\n'

/**
 * Which directory this is, as text: inode and birth time of DIR/place, made on first use. Whatever copies
 * the directory makes another file of it, also in place of a lost one; a rename keeps it. What copies a
 * whole file system (a snapshot of a volume) keeps it too: then other members have to notice.
 * @throws the system's error when the file can neither be made nor looked at
 */
export async function directoryPlace(directory: string): Promise<string> {
  const path = join(directory, PLACE_NAME)
  await makePlace(directory, path)
  const { ino, birthtimeNs } = await lstat(path, { bigint: true })
  return `inode ${ino} born ${birthtimeNs}`
}

async function makePlace(directory: string, path: string): Promise<void> {
  try {
    const handle = await open(path, 'wx', PLACE_MODE)
    try {
      await handle.writeFile(PLACE_TEXT)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await syncDirectory(directory)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}
