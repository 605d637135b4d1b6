import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { loadIdentity } from '../../../src/adapters/platform/nodejs-identity.ts'

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'hearsay-test-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

test('loadIdentity() makes a seed once and gives it back', async () => {
  const directory = join(await temporaryDirectory(), 'data')
  const first = await loadIdentity(directory)
  expect(first).toHaveLength(32)
  expect(await loadIdentity(directory)).toEqual(first)
  expect(await readdir(directory)).toEqual(['identity.key'])
  const { mode } = await stat(join(directory, 'identity.key'))
  expect(mode & 0o777).toBe(0o600)
})

test('loadIdentity() makes different seeds in different directories', async () => {
  const [a, b] = [await temporaryDirectory(), await temporaryDirectory()]
  expect(await loadIdentity(a)).not.toEqual(await loadIdentity(b))
})

test('loadIdentity() called at once gives everybody the same seed', async () => {
  const directory = await temporaryDirectory()
  const seeds = await Promise.all(Array.from({ length: 8 }, () => loadIdentity(directory)))
  for (const seed of seeds) expect(seed).toEqual(seeds[0])
  expect(await readdir(directory)).toEqual(['identity.key'])
})

test.each([0o640, 0o604, 0o660, 0o777])(
  'loadIdentity() refuses mode %o and says the fix',
  async (mode) => {
    const directory = await temporaryDirectory()
    await loadIdentity(directory)
    const path = join(directory, 'identity.key')
    await chmod(path, mode)
    await expect(loadIdentity(directory)).rejects.toMatchObject({
      code: 'ERR_IDENTITY',
      message: expect.stringContaining(`mode 0${mode.toString(8)}`),
      hint: `Run: chmod 600 ${path}`,
    })
    await chmod(path, 0o400)
    expect(await loadIdentity(directory)).toHaveLength(32)
  },
)

test('loadIdentity() refuses every damaged file and leaves it as it is', async () => {
  const directory = await temporaryDirectory()
  await loadIdentity(directory)
  const path = join(directory, 'identity.key')
  const text = await readFile(path, 'utf8')
  const flipped = text.replace(/ 1 (.)/, (_, digit) => ` 1 ${digit === '0' ? '1' : '0'}`)
  const damages = ['', 'garbage', text.slice(0, 60), `${text}more`, 'x'.repeat(100_000), flipped]
  for (const damaged of damages) {
    await writeFile(path, damaged)
    await expect(loadIdentity(directory)).rejects.toMatchObject({
      code: 'ERR_IDENTITY',
      hint: expect.stringContaining('backup'),
    })
    expect(await readFile(path, 'utf8')).toBe(damaged)
  }
})

test('loadIdentity() never puts the seed into an error', async () => {
  const directory = await temporaryDirectory()
  await loadIdentity(directory)
  const path = join(directory, 'identity.key')
  const text = await readFile(path, 'utf8')
  const seed = text.split(' ')[2] ?? ''
  await writeFile(path, `${text}tail`)
  const error: unknown = await loadIdentity(directory).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(Error)
  expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain(seed)
})

test('loadIdentity() refuses a directory in its place', async () => {
  const directory = await temporaryDirectory()
  await mkdir(join(directory, 'identity.key'), { mode: 0o700 })
  await expect(loadIdentity(directory)).rejects.toMatchObject({ code: 'ERR_IDENTITY' })
})

test('loadIdentity() reads the golden line', async () => {
  const directory = await temporaryDirectory()
  // docs/PROTOCOL.md, "Data directory".
  const line = `hearsay-identity 1 ${'07'.repeat(32)} 4bb06f8e\n`
  await writeFile(join(directory, 'identity.key'), line, { mode: 0o600 })
  expect(await loadIdentity(directory)).toEqual(new Uint8Array(32).fill(7))
})

test('loadIdentity() follows a link, as mounted secrets are', async () => {
  const [directory, secrets] = [await temporaryDirectory(), await temporaryDirectory()]
  const seed = await loadIdentity(secrets)
  await symlink(join(secrets, 'identity.key'), join(directory, 'identity.key'))
  expect(await loadIdentity(directory)).toEqual(seed)
})
