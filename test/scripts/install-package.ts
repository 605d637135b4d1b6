import { execFile } from 'node:child_process'
import { cp, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Builds the package into a directory as it is installed, types aside, with the dependencies of the checkout. */
export async function installPackage(directory: string): Promise<void> {
  const build = [join(ROOT, 'scripts', 'build.ts'), '--no-types', '--out', join(directory, 'dist')]
  await promisify(execFile)(process.execPath, build)
  for (const name of ['bin', 'package.json']) {
    await cp(join(ROOT, name), join(directory, name), { recursive: true })
  }
  await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'), 'junction')
}
