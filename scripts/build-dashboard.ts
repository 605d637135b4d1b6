// Builds the dashboard, the page that every node serves: node scripts/build-dashboard.ts [--out DIR]
//
// With --out the files of the package are written there. Without, as the server of a checkout calls it, the
// page goes to stdout as JSON, and into a cache that is named after the sources: it is built once, in less
// than a second, and again when a source has changed.

import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { notices } from './build/notices.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const SOURCE = join(ROOT, 'src', 'dashboard')
const CACHE = join(ROOT, 'node_modules', '.cache', 'hearsay')
/** What a page is made of besides its own folder: the client, and how it is built. */
const INPUTS = [join(ROOT, 'src', 'http'), join(ROOT, 'scripts'), join(ROOT, 'package-lock.json')]

/** The files of the page, by name; `THIRD-PARTY.txt` is for the package alone. */
type Page = Readonly<Record<string, string>>

const { values } = parseArgs({ options: { out: { type: 'string' } } })
if (values.out === undefined) process.stdout.write(JSON.stringify(await cached()))
else await write(resolve(values.out), await build())

/** The page of these very sources, from the cache where it has it. */
async function cached(): Promise<Page> {
  const path = join(CACHE, `dashboard-${await fingerprint()}.json`)
  const found = await readFile(path, 'utf8').catch(() => undefined)
  if (found !== undefined) return JSON.parse(found)
  const page = await build()
  // A cache that cannot be written costs time, not the page.
  await keep(path, JSON.stringify(page)).catch(() => undefined)
  return page
}

/** Whole or not at all: others may build at the same time. */
async function keep(path: string, text: string): Promise<void> {
  await mkdir(CACHE, { recursive: true })
  const temporary = join(CACHE, `${randomUUID()}.partial`)
  try {
    await writeFile(temporary, text)
    await rename(temporary, path)
  } finally {
    await rm(temporary, { force: true })
  }
}

async function fingerprint(): Promise<string> {
  const hash = createHash('sha256')
  for (const path of [SOURCE, ...INPUTS]) await addTo(hash, path)
  return hash.digest('hex').slice(0, 32)
}

async function addTo(hash: ReturnType<typeof createHash>, path: string): Promise<void> {
  const entries = await readdir(path).catch(() => undefined)
  if (entries === undefined) {
    hash.update(`${path.slice(ROOT.length)}\0`).update(await readFile(path))
  } else {
    for (const entry of entries.sort()) await addTo(hash, join(path, entry))
  }
}

async function build(): Promise<Page> {
  const { rolldown } = await import('rolldown')
  const bundle = await rolldown({
    cwd: ROOT,
    input: { page: join(SOURCE, 'main.tsx') },
    platform: 'browser',
    transform: { target: 'es2022' },
  })
  const { output } = await bundle.generate({ format: 'es', minify: true })
  await bundle.close()
  const [chunk, ...others] = output
  if (others.length > 0) throw new Error('Cannot build the dashboard: it became several files')
  const read = (name: string): Promise<string> => readFile(join(SOURCE, name), 'utf8')
  return {
    'index.html': await read('index.html'),
    'page.css': await read('page.css'),
    'icon.svg': await read('icon.svg'),
    'page.js': chunk.code,
    'THIRD-PARTY.txt': await notices(chunk.moduleIds, ROOT),
  }
}

async function write(directory: string, page: Page): Promise<void> {
  await mkdir(directory, { recursive: true })
  for (const [name, text] of Object.entries(page)) await writeFile(join(directory, name), text)
}
