import { execFile } from 'node:child_process'
import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/**
 * Builds the library as it is published, in a directory of its own beside the packages it depends on.
 * @returns what to import: its URL
 */
export async function buildPackage(directory: string): Promise<string> {
  const dist = join(directory, 'dist')
  const script = join(ROOT, 'scripts', 'build.ts')
  await promisify(execFile)(process.execPath, [script, '--no-types', '--out', dist])
  await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'), 'junction')
  return pathToFileURL(join(dist, 'index.js')).href
}
