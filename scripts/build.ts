// Builds the package: node scripts/build.ts [--out DIR, default dist] [--no-types]
//
// Loading a module costs Node.js more than running most of them: looked up and read one by one, the 890
// that a node needs take half a second. So they come in a few files: of the library our own modules and
// those that reading state needs, for other packages are shared with who embeds it; of the command line
// all but the native database.

import { spawnSync } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { rolldown } from 'rolldown'
import { notices } from './build/notices.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** By the names that package.json exports them under. */
const LIBRARY = {
  index: 'src/index.ts',
  crdt: 'src/crdt.ts',
  'http/index': 'src/http/index.ts',
  'lab/index': 'src/lab/index.ts',
  'sim/index': 'src/sim/index.ts',
}
/** For pages: their own bundler adds the packages, in the form that they have for browsers. */
const PAGE = { browser: 'src/browser.ts', membership: 'src/membership.ts' }
const COMMAND = { main: 'src/cli/main.ts' }
/** 35 modules, of which four functions are used. */
const INLINED = /^(?:uint8arrays|multiformats)(?:\/|$)/
/** It finds its binary by its own place. */
const NATIVE = 'classic-level'

interface BundleOptions {
  readonly dir: string
  readonly isExternal: (id: string) => boolean
  readonly sourcemap: boolean
  /** @default node */
  readonly platform?: 'node' | 'browser'
}

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(ROOT, 'dist') },
    'no-types': { type: 'boolean', default: false },
  },
})
const out = resolve(values.out)
await rm(out, { recursive: true, force: true })
if (!values['no-types']) declareTypes()
const inLibrary = await bundle(LIBRARY, { dir: out, isExternal: isShared, sourcemap: true })
const inPage = await bundle(PAGE, {
  dir: out,
  isExternal: isShared,
  // Whoever bundles it makes maps of their own; these would be a fifth of the package.
  sourcemap: false,
  platform: 'browser',
})
const copied = [...new Set([...inLibrary, ...inPage])]
await writeFile(join(out, 'THIRD-PARTY.txt'), await notices(copied, ROOT))
const cli = join(out, 'cli')
const inCommand = await bundle(COMMAND, {
  dir: cli,
  isExternal: (id) => id === NATIVE,
  sourcemap: false,
})
await writeFile(join(cli, 'THIRD-PARTY.txt'), await notices(inCommand, ROOT))

run([join(ROOT, 'scripts', 'build-dashboard.ts'), '--out', join(out, 'dashboard')])

function declareTypes(): void {
  const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
  const project = ['-p', join(ROOT, 'tsconfig.build.json')]
  run([compiler, ...project, '--emitDeclarationOnly', '--outDir', out])
}

function run(parameters: readonly string[]): void {
  const { status } = spawnSync(process.execPath, parameters, { stdio: 'inherit' })
  if (status !== 0) throw new Error(`Cannot build: ${parameters[0]} ended with ${status}`)
}

function isShared(id: string): boolean {
  return !INLINED.test(id) && !/^[.#]/.test(id) && !id.startsWith('/') && !/^[A-Za-z]:/.test(id)
}

/** @returns the paths of all modules inside */
async function bundle(
  input: Readonly<Record<string, string>>,
  { dir, isExternal, sourcemap, platform = 'node' }: BundleOptions,
): Promise<readonly string[]> {
  const build = await rolldown({
    cwd: ROOT,
    input: { ...input },
    platform,
    external: isExternal,
    checks: { eval: false },
  })
  // Flat: what a module reads beside the package it finds two folders up, as in src/.
  const chunkFileNames = '[name]-[hash].js'
  const { output } = await build.write({ dir, format: 'es', chunkFileNames, sourcemap })
  await build.close()
  return output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []))
}
