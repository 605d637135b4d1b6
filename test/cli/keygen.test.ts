import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { run } from '../../src/cli/main.ts'
import { nodeOptions } from '../../src/cli/node-settings.ts'
import { Settings } from '../../src/cli/verb.ts'
import { testIo } from './test-io.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hearsay-test-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true })
})

async function keygen(...argv: readonly string[]) {
  const io = testIo()
  return { code: await run(['keygen', ...argv], io), out: io.out(), err: io.err() }
}

test('a key is made for this user alone, and a node takes it', async () => {
  const file = join(folder, 'key.txt')
  expect(await keygen(file, '--json')).toMatchObject({ code: 0, out: `{"file":"${file}"}\n` })
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  const settings = new Settings({ networkKey: file })
  const { networkKey } = await nodeOptions(settings, testIo())
  expect(networkKey?.length).toBeGreaterThanOrEqual(32)
})

test('no key takes the place of another', async () => {
  const file = join(folder, 'key.txt')
  await keygen(file)
  const before = await readFile(file, 'utf8')
  const { code, err } = await keygen(file)
  expect([code, err]).toEqual([1, expect.stringContaining('ERR_EXISTS')])
  expect(await readFile(file, 'utf8')).toBe(before)
  expect((await keygen(join(folder, 'none', 'key.txt'))).code).toBe(1)
})

test('without a file each is printed, and is another one', async () => {
  const keys = await Promise.all([keygen(), keygen()])
  for (const { out } of keys) expect(out).toMatch(/^[\w-]{43}\n$/)
  expect(keys[0]?.out).not.toBe(keys[1]?.out)
})
