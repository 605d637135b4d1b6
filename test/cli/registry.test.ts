import { spawnSync } from 'node:child_process'
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openRegistry, type Registry, type RegistryEntry } from '../../src/cli/registry.ts'
import { checkRuntimeDir, makeRuntimeDir, runtimeDir } from '../../src/cli/runtime-dir.ts'

let root: string
let directory: string
let registry: Registry
let server: Server
let api: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'hearsay-test-'))
  directory = join(root, 'run')
  registry = openRegistry({ path: directory, forbiddenMode: 0o077 })
  server = createServer()
  api = await new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`)
    })
  })
})

afterEach(async () => {
  await new Promise((resolve) => server.close(resolve))
  await rm(root, { recursive: true })
})

function entry(fields: Partial<RegistryEntry> = {}): Omit<RegistryEntry, 'tokenFile'> {
  return {
    name: 'a',
    peerId: '12D3KooWa',
    // The parent runs as long as we do, and is not us: its API is really asked.
    pid: process.ppid,
    api,
    network: 'hearsay',
    addresses: ['/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWa'],
    startedAt: '2026-01-01T00:00:00.000Z',
    chaos: false,
    isPrivate: false,
    ...fields,
  }
}

/** The pid of a process that has ended. */
function deadPid(): number {
  return spawnSync(process.execPath, ['-e', '']).pid
}

describe('register()', () => {
  test('writes the entry and its token, both for this user only', async () => {
    const written = await registry.register(entry(), 'secret')
    expect((await registry.list()).entries).toEqual([written])
    expect(await registry.token(written)).toBe('secret')
    for (const file of await readdir(directory)) {
      expect((await stat(join(directory, file))).mode & 0o777).toBe(0o600)
    }
    expect((await stat(directory)).mode & 0o777).toBe(0o700)
  })

  test('replaces the former entry of the same peer and leaves no temporary file', async () => {
    await registry.register(entry(), 'one')
    const second = await registry.register(entry({ name: 'b' }), 'two')
    expect((await registry.list()).entries.map(({ name }) => name)).toEqual(['b'])
    expect(await registry.token(second)).toBe('two')
    expect((await readdir(directory)).toSorted()).toEqual(['12D3KooWa.json', '12D3KooWa.token'])
  })

  test('refuses a peer id that is a path', async () => {
    await expect(registry.register(entry({ peerId: '../x' }), 't')).rejects.toThrow(TypeError)
  })
})

describe('list()', () => {
  test('is empty before the folder exists', async () => {
    expect(await registry.list()).toEqual({ entries: [], problems: [] })
    expect(await registry.peerIds()).toEqual([])
  })

  test('puts the oldest first', async () => {
    const later = entry({ name: 'b', peerId: 'B', startedAt: '2026-01-02T00:00:00.000Z' })
    await registry.register({ ...later, pid: process.pid, api: 'http://127.0.0.1:2' }, 't')
    await registry.register(entry({ pid: process.pid }), 't')
    expect((await registry.list()).entries.map(({ name }) => name)).toEqual(['a', 'b'])
  })

  test('removes the entry and the token of a dead process', async () => {
    await registry.register(entry({ pid: deadPid() }), 't')
    expect((await registry.list()).entries).toEqual([])
    expect(await readdir(directory)).toEqual([])
  })

  test('removes an entry whose pid lives but whose API refuses: the pid was given away', async () => {
    await registry.register(entry({ api: 'http://127.0.0.1:1' }), 't')
    expect((await registry.list({ isProbing: false })).entries).toHaveLength(1)
    expect((await registry.list()).entries).toEqual([])
    expect(await readdir(directory)).toEqual([])
  })

  test('keeps the newest of two entries that name one API', async () => {
    await registry.register(entry(), 't')
    await registry.register(
      entry({ name: 'b', peerId: 'B', startedAt: '2026-01-02T00:00:00.000Z' }),
      't',
    )
    expect((await registry.list()).entries.map(({ name }) => name)).toEqual(['b'])
  })

  test('skips what is no entry, says so, and does not delete it', async () => {
    await registry.register(entry(), 't')
    await writeFile(join(directory, 'broken.json'), '{')
    await writeFile(join(directory, 'other.json'), '{"name":"x"}')
    await writeFile(join(directory, 'huge.json'), 'x'.repeat(65_537))
    const { entries, problems } = await registry.list()
    expect(entries).toHaveLength(1)
    expect(problems).toEqual([
      expect.stringContaining('broken.json: no JSON'),
      expect.stringContaining('huge.json: too large'),
      expect.stringContaining('other.json: no entry'),
    ])
    expect(await registry.peerIds()).toContain('12D3KooWa')
  })

  test('removes what a crash left behind, but not what is being written', async () => {
    await makeRuntimeDir({ path: directory, forbiddenMode: 0o077 })
    for (const name of ['a.json.1.tmp', 'a.token']) {
      await writeFile(join(directory, name), '')
      await utimes(join(directory, name), 0, 0)
    }
    await writeFile(join(directory, 'b.json.1.tmp'), '')
    await writeFile(join(directory, 'b.token'), '')
    const { tokenFile } = await registry.register(entry(), 't')
    await utimes(tokenFile, 0, 0)
    await registry.list()
    expect((await readdir(directory)).toSorted()).toEqual([
      ...['12D3KooWa.json', '12D3KooWa.token', 'b.json.1.tmp', 'b.token'],
    ])
  })
})

test('remove() takes entry and token away, twice without complaint', async () => {
  const written = await registry.register(entry(), 't')
  await registry.remove(written)
  await registry.remove(written)
  expect(await readdir(directory)).toEqual([])
})

describe('runtimeDir()', () => {
  test('prefers HEARSAY_RUNTIME_DIR, then XDG_RUNTIME_DIR, then the temporary directory', () => {
    const xdg = { XDG_RUNTIME_DIR: '/run/user/1' }
    expect(runtimeDir({ ...xdg, HEARSAY_RUNTIME_DIR: '/x' }).path).toBe('/x')
    expect(runtimeDir(xdg).path).toBe('/run/user/1/hearsay')
    expect(runtimeDir({}, '/tmp').path).toBe(`/tmp/hearsay-${process.getuid?.()}`)
  })
})

test('makeRuntimeDir() says why it cannot create the folder', async () => {
  const path = join(root, 'none', 'run')
  await expect(makeRuntimeDir({ path, forbiddenMode: 0o077 })).rejects.toThrow(
    'cannot create it: ENOENT',
  )
})

describe('checkRuntimeDir()', () => {
  test('refuses a folder that is open to others', async () => {
    await mkdir(directory)
    await chmod(directory, 0o755)
    await expect(checkRuntimeDir({ path: directory, forbiddenMode: 0o077 })).rejects.toThrow(
      'its mode is 755',
    )
    expect(await checkRuntimeDir({ path: directory, forbiddenMode: 0o022 })).toBe(true)
  })

  test('refuses a link, which somebody else may have laid', async () => {
    await mkdir(join(root, 'real'), { mode: 0o700 })
    await symlink(join(root, 'real'), directory)
    await expect(checkRuntimeDir({ path: directory, forbiddenMode: 0o077 })).rejects.toThrow(
      'it is no folder',
    )
  })

  test('refuses a folder of another user', async () => {
    await mkdir(directory, { mode: 0o700 })
    const { uid } = await stat(directory)
    await expect(
      checkRuntimeDir({ path: directory, forbiddenMode: 0o077 }, uid + 1),
    ).rejects.toThrow(`it belongs to user ${uid}`)
  })
})
