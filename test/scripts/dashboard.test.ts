import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import { DashboardFiles } from '../../src/http/dashboard-files.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** The limit of what browsers load; gzip as servers compress. */
const SCRIPT_BYTES_MAX = 60 * 1024
const directory = await mkdtemp(join(tmpdir(), 'hearsay-page-'))
afterAll(() => rm(directory, { recursive: true, force: true }))
const out = join(directory, 'dist', 'dashboard')
await promisify(execFile)(process.execPath, [
  ...[join(ROOT, 'scripts', 'build-dashboard.ts'), '--out', out],
])
const built = (name: string): Promise<string> => readFile(join(out, name), 'utf8')

test('the script of the dashboard is small, whole and for browsers', async () => {
  const script = await built('page.js')
  expect(gzipSync(script).length).toBeLessThanOrEqual(SCRIPT_BYTES_MAX)
  expect(script).not.toMatch(/\bimport\s*[({"']|\brequire\(|\bprocess\.|\bBuffer\./)
  // Text of others never becomes markup: what the library can do with innerHTML, no source asks for.
  expect(script).not.toMatch(
    /dangerouslySetInnerHTML=|outerHTML|insertAdjacentHTML|document\.write/,
  )
})

test('the page loads its own files alone', async () => {
  const page = await built('index.html')
  expect(page.match(/(?:src|href)="[^"]*"/g)).toEqual([
    'href="/icon.svg"',
    'href="/page.css"',
    'src="/page.js"',
  ])
  expect(await built('page.css')).not.toMatch(/@import|url\(/)
  expect(page).not.toMatch(/<style|style=|<script>| on\w+=/)
})

test('the package carries the licences of what is copied into the page', async () => {
  const text = await built('THIRD-PARTY.txt')
  for (const name of ['preact', 'd3-force', '@noble/hashes']) {
    expect(text).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+: (?:MIT|ISC)`, 'm'))
  }
})

test('DashboardFiles reads what a package has, and what a checkout builds is the same', async () => {
  await cp(join(ROOT, 'package.json'), join(directory, 'package.json'))
  const [packed, checkedOut] = await Promise.all([
    new DashboardFiles(directory).page(),
    new DashboardFiles(ROOT).page(),
  ])
  expect(checkedOut).toEqual(packed)
  expect(packed['index.html']).toBe(await built('index.html'))
})

test('DashboardFiles says that it has none, and tries again', async () => {
  const files = new DashboardFiles(join(directory, 'nowhere'))
  await expect(files.page()).rejects.toThrow(/page|ENOENT/)
  await expect(files.page()).rejects.toThrow()
})
