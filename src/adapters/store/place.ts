import { lstat, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { syncDirectory } from '../common/sync-directory.ts'

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

/**
 * Makes the directory another place from now on, durably. The new file is made beside the old one: it
 * cannot have its inode.
 * @throws the system's error
 */
export async function renewPlace(directory: string): Promise<void> {
  const draft = join(directory, `${PLACE_NAME}.tmp`)
  await rm(draft, { force: true })
  await writePlace(draft)
  await rename(draft, join(directory, PLACE_NAME))
  await syncDirectory(directory)
}

async function makePlace(directory: string, path: string): Promise<void> {
  try {
    await writePlace(path)
    await syncDirectory(directory)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}

async function writePlace(path: string): Promise<void> {
  const handle = await open(path, 'wx', PLACE_MODE)
  try {
    await handle.writeFile(PLACE_TEXT)
    await handle.sync()
  } finally {
    await handle.close()
  }
}
