import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { localNode } from '../node/local-node.ts'
import { FakeApi } from './fake-api.ts'

let api: FakeApi
let directory = ''
let file = ''
beforeEach(async () => {
  api = new FakeApi()
  await api.start()
  directory = await mkdtemp(join(tmpdir(), 'hearsay-test-'))
  file = join(directory, 'x.backup')
})
afterEach(async () => {
  await api.stop()
  await rm(directory, { recursive: true })
})

async function backupBytes(): Promise<Buffer> {
  const { node } = localNode()
  await node.set('guests').add('ada')
  const held: Uint8Array[] = []
  for await (const piece of node.backup()) held.push(piece)
  return Buffer.concat(held)
}

describe('backup', () => {
  test('writes the file, for nobody else to read, and says what is in it', async () => {
    const bytes = await backupBytes()
    api.answers.set('GET /v1/backup', { body: undefined, text: bytes })
    const { code, io } = await api.run(['backup', file, '--json'])
    expect(io.err()).toBe('')
    expect(code).toBe(0)
    expect(JSON.parse(io.out())).toMatchObject({ file, network: 'test', rows: 2, damaged: 0 })
    expect(await readdir(directory)).toEqual(['x.backup'])
    expect((await readFile(file)).equals(bytes)).toBe(true)
  })

  test('never replaces a file, unless told to', async () => {
    await writeFile(file, 'mine')
    api.answers.set('GET /v1/backup', { body: undefined, text: await backupBytes() })
    const { code, io } = await api.run(['backup', file])
    expect([code, io.out()]).toEqual([1, ''])
    expect(io.err()).toContain('it exists (ERR_FILE)')
    expect(await readFile(file, 'utf8')).toBe('mine')
    expect((await api.run(['backup', file, '--force'])).code).toBe(0)
    expect((await readFile(file)).length).toBeGreaterThan(100)
    expect((await api.run(['backup', directory, '--force'])).io.err()).toContain('is a directory')
  })

  test('leaves nothing behind that is not whole', async () => {
    const bytes = await backupBytes()
    api.answers.set('GET /v1/backup', { body: undefined, text: bytes.subarray(0, -20) })
    const short = await api.run(['backup', file])
    expect(short.code).toBe(1)
    expect(short.io.err()).toContain('ERR_BACKUP')
    api.answers.set('GET /v1/backup', { body: undefined, cut: bytes })
    const cut = await api.run(['backup', file])
    expect(cut.code).toBe(1)
    expect(cut.io.err()).toContain('ERR_CUT')
    const refusal = { detail: 'four are under way', code: 'ERR_OVERLOADED', hint: '' }
    api.answers.set('GET /v1/backup', { body: refusal, status: 429 })
    expect((await api.run(['backup', file])).io.err()).toContain('ERR_OVERLOADED')
    expect(await readdir(directory)).toEqual([])
  })

  test('a missing directory is said, not made', async () => {
    api.answers.set('GET /v1/backup', { body: undefined, text: await backupBytes() })
    const { code, io } = await api.run(['backup', join(directory, 'none', 'x')])
    expect(code).toBe(1)
    expect(io.err()).toContain('ERR_FILE')
    expect(await readdir(directory)).toEqual([])
  })

  test('ends with 3 when no node runs, and with --curl sends nothing', async () => {
    const nobody = join(directory, 'nobody')
    const alone = await api.run(['backup', file], { env: { HEARSAY_RUNTIME_DIR: nobody } })
    expect(alone.code).toBe(3)
    const { io } = await api.run(['backup', file, '--curl'])
    expect(io.out()).toContain('/v1/backup')
    expect(api.seen).toEqual([])
    expect(await readdir(directory)).toEqual([])
  })
})

describe('restore', () => {
  test('makes a data directory without a node, and says how to start it', async () => {
    await writeFile(file, await backupBytes())
    const dataDir = join(directory, 'b')
    const { code, io } = await api.run(['restore', file, '--data-dir', dataDir])
    expect(code).toBe(0)
    expect(io.out()).toContain(`restored 2 rows of node one, network test, as of `)
    expect(io.err()).toContain(`up --data-dir ${dataDir} --network test`)
    expect((await readdir(dataDir)).toSorted()).toEqual(['db', 'hearsay-store.json'])
    expect(api.seen).toEqual([])
  })

  test.each([
    ['no directory', ['restore', 'FILE'], 2, 'ERR_USAGE'],
    ['a directory that holds something', ['restore', 'FILE', '--data-dir', 'DIR'], 78, 'NOT_EMPTY'],
    ['a file that is no backup', ['restore', 'DIR/junk', '--data-dir', 'DIR/b'], 1, 'ERR_BACKUP'],
    ['no such file', ['restore', 'DIR/none', '--data-dir', 'DIR/b'], 1, 'ERR_BACKUP'],
    [
      'no such identity',
      ['restore', 'FILE', '--data-dir', 'DIR/b', '--identity', 'DIR/none'],
      78,
      'ERR_IDENTITY',
    ],
  ])('%s', async (_what, argv, exit, told) => {
    await writeFile(file, await backupBytes())
    await writeFile(join(directory, 'junk'), 'junk')
    const words = argv.map((word) => word.replace('DIR', directory).replace('FILE', file))
    const { code, io } = await api.run(words)
    expect([code, io.out()]).toEqual([exit, ''])
    expect(io.err()).toContain(told)
    expect((await readdir(directory)).toSorted()).toEqual(['junk', 'x.backup'])
  })

  test('--identity makes it the same peer', async () => {
    await writeFile(file, await backupBytes())
    const { loadIdentity } = await import('../../src/adapters/platform/nodejs.ts')
    const old = join(directory, 'old')
    const seed = await loadIdentity(old)
    const dataDir = join(directory, 'b')
    const identity = join(old, 'identity.key')
    const restored = await api.run(['restore', file, '--data-dir', dataDir, '--identity', identity])
    expect(restored.code).toBe(0)
    expect(await loadIdentity(dataDir)).toEqual(seed)
  })
})
