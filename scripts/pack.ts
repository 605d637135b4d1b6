// Makes the package for users, hearsay-VERSION.tgz in this folder: node scripts/pack.ts. Build and documents come
// from the checkout; the manifest is without what only the repository needs, its runtime above all (190 MB).

import { spawnSync } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { publishedManifest } from './package/manifest.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const manifest: { readonly files: readonly string[] } = JSON.parse(
  await readFile(join(ROOT, 'package.json'), 'utf8'),
)

run(process.execPath, [join(ROOT, 'scripts', 'build.ts')])
const stage = await mkdtemp(join(tmpdir(), 'hearsay-pack-'))
try {
  for (const name of manifest.files) {
    await cp(join(ROOT, name), join(stage, name), { recursive: true })
  }
  const published = publishedManifest({ ...manifest })
  await writeFile(join(stage, 'package.json'), `${JSON.stringify(published, undefined, 2)}\n`)
  run('npm', ['pack', '--ignore-scripts', '--pack-destination', ROOT, stage])
} finally {
  await rm(stage, { recursive: true })
}

function run(command: string, parameters: readonly string[]): void {
  const { status } = spawnSync(command, parameters, { stdio: 'inherit', cwd: ROOT })
  if (status !== 0) throw new Error(`Cannot pack: ${command} ended with ${status}`)
}
