import { open } from 'node:fs/promises'

/** Makes creations, renames and removals in a directory survive a power loss. @throws errors of node:fs */
export async function syncDirectory(directory: string): Promise<void> {
  // Windows cannot open directories; NTFS journals their entries by itself.
  if (process.platform === 'win32') return
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
