import { lstat, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

interface Locked {
  readonly dev?: boolean
  readonly optional?: boolean
  readonly devOptional?: boolean
}

/** Folders of the packages that come with the published one, below the root of the checkout. */
export async function installedPackages(root: string): Promise<readonly string[]> {
  const lock: { readonly packages: Readonly<Record<string, Locked>> } = JSON.parse(
    await readFile(join(root, 'package-lock.json'), 'utf8'),
  )
  return Object.entries(lock.packages)
    .filter(([path, one]) => path !== '' && !one.dev && !one.optional && !one.devOptional)
    .map(([path]) => path)
}

/** Bytes of all files below a folder, those of packages inside it left out: they are folders of their own. */
export async function bytesOf(folder: string): Promise<number> {
  let bytes = 0
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name === 'node_modules') continue
    const path = join(folder, entry.name)
    bytes += entry.isDirectory() ? await bytesOf(path) : (await lstat(path)).size
  }
  return bytes
}
