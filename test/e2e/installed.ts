import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installPackage } from '../scripts/install-package.ts'

/*
 * Processes of these tests are those that users install: the built command starts a node with half the work of a
 * checkout, and is built once for all of them.
 */

let directory = ''

export async function setup(): Promise<void> {
  // For another project of this run.
  if (process.env.TESTED_HEARSAY !== undefined) return
  directory = await mkdtemp(join(tmpdir(), 'hearsay-installed-'))
  await installPackage(directory)
  process.env.TESTED_HEARSAY = join(directory, 'bin', 'hearsay.js')
}

export async function teardown(): Promise<void> {
  if (directory !== '') await rm(directory, { recursive: true, force: true })
}
