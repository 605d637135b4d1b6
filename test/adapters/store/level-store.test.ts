import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { describe, expect, test } from 'vitest'
import { createGroupCommit } from '../../../src/adapters/store/group-commit.ts'
import type { RowOperation } from '../../../src/adapters/store/level-rows.ts'
import { createLevelStore, type LevelStore } from '../../../src/adapters/store/level-store.ts'
import { STORE_FORMAT } from '../../../src/adapters/store/store.ts'
import { utf8 } from '../../../src/base/bytes.ts'
import type { StoreWrite } from '../../../src/base/core.ts'
import { allDamaged, allTexts, describeStore } from './store-contract.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const SYNCED = { isSynced: true }

async function opened(directory: string): Promise<LevelStore> {
  const store = createLevelStore(directory)
  await store.open()
  return store
}

/** Ten batches of one row each, in a log file that was never compacted. */
async function filled(directory: string): Promise<string> {
  const store = await opened(directory)
  for (let i = 0; i < 10; i++) {
    await store.commit([{ key: `k${i}`, value: utf8(`value number ${i}`) }], SYNCED)
  }
  await store.close()
  return newestLog(directory)
}

async function newestLog(directory: string): Promise<string> {
  const names = (await readdir(join(directory, 'db'))).filter((name) => name.endsWith('.log'))
  const newest = names.sort().at(-1)
  if (newest === undefined) throw new Error('no log file')
  return join(directory, 'db', newest)
}

async function flip(path: string, offset: number): Promise<void> {
  const bytes = await readFile(path)
  bytes[offset] = (bytes[offset] ?? 0) ^ 0x10
  await writeFile(path, bytes)
}

/** Names and contents of a whole directory. */
async function snapshot(directory: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {}
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    files[path] = entry.isFile() ? await readFile(path, 'latin1') : 'directory'
  }
  return files
}

describe('createLevelStore', () => {
  describeStore(async () => {
    const directory = join(await temporaryDirectory(), 'new', 'data')
    return { open: () => opened(directory) }
  })

  test('open() makes a new directory readable by its owner only', async () => {
    const directory = join(await temporaryDirectory(), 'data')
    const store = await opened(directory)
    expect((await stat(directory)).mode & 0o777).toBe(0o700)
    await store.close()
  })

  test('open() accepts a directory that holds only the identity', async () => {
    const directory = await temporaryDirectory()
    await writeFile(join(directory, 'identity.key'), 'key')
    const store = await opened(directory)
    await store.close()
    expect(await readFile(join(directory, 'identity.key'), 'utf8')).toBe('key')
  })

  test('open() refuses a second holder in this process', async () => {
    const directory = await temporaryDirectory()
    const store = await opened(directory)
    await expect(createLevelStore(directory).open()).rejects.toMatchObject({
      code: 'ERR_STORE_LOCKED',
      message: expect.stringContaining(String(process.pid)),
      hint: expect.stringContaining('--data-dir'),
    })
    await store.close()
    await (await opened(directory)).close()
  })

  test('open() refuses a directory that another process holds, naming it', async () => {
    const directory = await temporaryDirectory()
    const module = new URL('../../../src/adapters/store/level-store.ts', import.meta.url).href
    const script = `const { createLevelStore } = await import(${JSON.stringify(module)})
      const store = createLevelStore(${JSON.stringify(directory)})
      await store.open()
      console.log('open')
      process.stdin.resume()`
    const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    await once(holder.stdout, 'data')
    await expect(createLevelStore(directory).open()).rejects.toMatchObject({
      code: 'ERR_STORE_LOCKED',
      message: expect.stringContaining(`process ${holder.pid}`),
    })
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    await (await opened(directory)).close()
  })

  test('open() refuses a directory with other files and leaves it untouched', async () => {
    const directory = await temporaryDirectory()
    await writeFile(join(directory, 'thesis.tex'), 'work of years')
    const before = await snapshot(directory)
    await expect(createLevelStore(directory).open()).rejects.toMatchObject({
      code: 'ERR_STORE_FOREIGN',
      message: expect.stringContaining('thesis.tex'),
    })
    expect(await snapshot(directory)).toEqual(before)
  })

  test('open() refuses a newer format and leaves it untouched', async () => {
    const directory = await temporaryDirectory()
    await filled(directory)
    await writeFile(
      join(directory, 'hearsay-store.json'),
      JSON.stringify({ kind: 'hearsay-store', format: STORE_FORMAT + 1 }),
    )
    const before = await snapshot(directory)
    await expect(createLevelStore(directory).open()).rejects.toMatchObject({
      code: 'ERR_STORE_VERSION',
      message: expect.stringContaining(`format is ${STORE_FORMAT + 1}, `),
    })
    expect(await snapshot(directory)).toEqual(before)
  })

  test.each(['', 'null', '[]', '{"kind":"other","format":1}', '{"kind":"hearsay-store"}'])(
    'open() refuses a marker that is not ours: %s',
    async (marker) => {
      const directory = await temporaryDirectory()
      await writeFile(join(directory, 'hearsay-store.json'), marker)
      await expect(createLevelStore(directory).open()).rejects.toMatchObject({
        code: 'ERR_STORE_FOREIGN',
      })
    },
  )

  test('open() refuses a path that is a file', async () => {
    const path = join(await temporaryDirectory(), 'file')
    await writeFile(path, '')
    await expect(createLevelStore(path).open()).rejects.toMatchObject({
      code: 'ERR_STORE',
      message: expect.stringContaining('not a directory'),
    })
  })

  test('open() refuses a path below a file', async () => {
    await expect(createLevelStore('/dev/null/data').open()).rejects.toMatchObject({
      code: 'ERR_STORE',
      hint: expect.stringContaining('--data-dir'),
    })
  })

  test('commit() after close() is refused', async () => {
    const store = await opened(await temporaryDirectory())
    await store.close()
    await expect(store.commit([{ key: 'k', value: utf8('v') }], SYNCED)).rejects.toMatchObject({
      code: 'ERR_STOPPED',
    })
  })
})

interface Faults {
  /** What the next syncs answer, after their bytes have reached the kernel. */
  sync?: Error
  batches: number
}

/** A database whose disk loses its nerve when the test says so. */
function failingStore(directory: string, faults: Faults): LevelStore {
  return createLevelStore(directory, {
    createDatabase: (path) => {
      const database = new ClassicLevel<string, Uint8Array>(path, {
        keyEncoding: 'utf8',
        valueEncoding: 'view',
      })
      const batch: (operations: RowOperation[], options: { sync: boolean }) => Promise<void> =
        database.batch.bind(database)
      Reflect.set(
        database,
        'batch',
        async (operations: RowOperation[], options: { sync: boolean }) => {
          faults.batches += 1
          await batch(operations, options)
          if (options.sync && faults.sync !== undefined) throw faults.sync
        },
      )
      return database
    },
  })
}

describe('createLevelStore on a failing disk', () => {
  const row = (key: string): StoreWrite => ({ key, value: utf8(key) })

  test.each([
    ['IO error: 000005.log: Input/output error', 'ERR_STORE'],
    ['IO error: 000005.log: No space left on device', 'ERR_STORE_FULL'],
    ['IO error: 000005.log: Disk quota exceeded', 'ERR_STORE_FULL'],
  ])('a failed fsync (%s) is final: nothing is tried again', async (text, code) => {
    const directory = await temporaryDirectory()
    const faults: Faults = { batches: 0 }
    const store = failingStore(directory, faults)
    await store.open()
    await store.commit([row('before')], SYNCED)
    faults.sync = new Error(text)
    const failure = await store.commit([row('failed')], SYNCED).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code, message: expect.stringContaining(text) })
    // The next sync would succeed, as the kernel may claim after it has dropped the pages.
    delete faults.sync
    const { batches } = faults
    await expect(store.commit([row('later')], SYNCED)).rejects.toBe(failure)
    await expect(store.commit([row('later')], { isSynced: false })).rejects.toBe(failure)
    expect(faults.batches).toBe(batches)
    expect(await allTexts(store)).toMatchObject({ before: 'before' })
    await store.close()
    const again = await opened(directory)
    const texts = await allTexts(again)
    expect(texts).toMatchObject({ before: 'before' })
    expect(texts).not.toHaveProperty('later')
    await again.commit([row('later')], SYNCED)
    await again.close()
  })

  test('nobody behind a group commit hears of success after a failed fsync', async () => {
    const faults: Faults = { batches: 0 }
    const store = failingStore(await temporaryDirectory(), faults)
    await store.open()
    const disk = createGroupCommit(store, SYNCED)
    const heard: string[] = []
    const commit = (key: string): void =>
      disk.commit([row(key)], (failure) => heard.push(`${key} ${failure === undefined}`))
    commit('a')
    await disk.idle()
    faults.sync = new Error('IO error: Input/output error')
    commit('b')
    commit('c')
    await disk.idle()
    delete faults.sync
    commit('d')
    await disk.idle()
    expect(heard).toEqual(['a true', 'b false', 'c false', 'd false'])
    await store.close()
  })
})

describe('createLevelStore, damaged files', () => {
  test('open() cuts a torn tail, counts it and keeps the prefix', async () => {
    const directory = await temporaryDirectory()
    const log = await filled(directory)
    await truncate(log, (await stat(log)).size - 3)
    const store = await opened(directory)
    const expected = Object.fromEntries(
      Array.from({ length: 9 }, (_, i) => [`k${i}`, `value number ${i}`]),
    )
    expect(await allTexts(store)).toEqual(expected)
    expect(store.tornBytes).toBeGreaterThan(0)
    await store.commit([{ key: 'k9', value: utf8('again') }], SYNCED)
    await store.close()
    const again = await opened(directory)
    expect(again.tornBytes).toBe(0)
    expect(await allTexts(again)).toEqual({ ...expected, k9: 'again' })
    await again.close()
  })

  test('open() after any cut of the log finds a prefix of the batches', async () => {
    const directory = await temporaryDirectory()
    const log = await filled(directory)
    const whole = await readFile(log)
    for (let size = 0; size <= whole.length; size += 37) {
      const copy = await temporaryDirectory()
      await copyStore(directory, copy)
      await truncate(log.replace(directory, copy), size)
      const store = await opened(copy)
      const keys = Object.keys(await allTexts(store))
      expect(keys).toEqual(Array.from({ length: keys.length }, (_, i) => `k${i}`))
      await store.close()
    }
  })

  test('open() with any damaged byte of the log refuses or finds a prefix', async () => {
    const directory = await temporaryDirectory()
    const log = await filled(directory)
    const { size } = await stat(log)
    let refusals = 0
    for (let offset = 0; offset < size; offset += 29) {
      const copy = await temporaryDirectory()
      await copyStore(directory, copy)
      await flip(log.replace(directory, copy), offset)
      const store = createLevelStore(copy)
      try {
        await store.open()
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_STORE' })
        refusals += 1
        continue
      }
      expect(store.tornBytes).toBeGreaterThan(0)
      const texts = await allTexts(store)
      const keys = Object.keys(texts)
      expect(keys).toEqual(Array.from({ length: keys.length }, (_, i) => `k${i}`))
      await store.close()
    }
    expect(refusals).toBeGreaterThan(10)
  })

  test('rows() reports a row that the disk changed and keeps its bytes aside, once', async () => {
    const directory = await temporaryDirectory()
    const value = await damagedTable(directory)
    for (let round = 0; round < 2; round++) {
      const store = await opened(directory)
      expect(await allTexts(store)).toEqual({ k5: 'before', k7: 'after' })
      expect(await allDamaged(store)).toEqual([
        { key: 'k6', reason: 'its checksum does not match', isKept: true },
      ])
      await store.close()
    }
    const lines = (await readFile(join(directory, 'quarantine.ndjson'), 'utf8')).trim().split('\n')
    expect(lines).toHaveLength(1)
    const { key, bytes } = JSON.parse(lines[0] ?? '')
    expect(key).toBe('k6')
    expect(Buffer.from(bytes, 'base64').subarray(4)).toHaveLength(value.length)
  })

  test('a damaged row is gone once it was deleted, and may be written anew', async () => {
    const directory = await temporaryDirectory()
    await damagedTable(directory)
    const store = await opened(directory)
    expect(await allDamaged(store)).toHaveLength(1)
    await store.commit([{ key: 'k6', value: undefined }], SYNCED)
    expect(await allDamaged(store)).toEqual([])
    await store.commit([{ key: 'k6', value: utf8('anew') }], SYNCED)
    await store.close()
    const again = await opened(directory)
    expect(await allTexts(again)).toEqual({ k5: 'before', k6: 'anew', k7: 'after' })
    await again.close()
  })

  test('rows() with any damaged byte of a table gives no wrong value, and mostly says what is damaged', async () => {
    const directory = await temporaryDirectory()
    await filled(directory)
    await (await opened(directory)).close()
    const table = await tablePath(directory)
    const { size } = await stat(table)
    let noticed = 0
    let unnoticed = 0
    for (let offset = 0; offset < size; offset += 7) {
      const copy = await temporaryDirectory()
      await copyStore(directory, copy)
      await flip(table.replace(directory, copy), offset)
      const store = createLevelStore(copy)
      try {
        await store.open()
        const sound = Object.entries(await allTexts(store))
        for (const [key, text] of sound) expect(text).toBe(`value number ${key.slice(1)}`)
        if ((await allDamaged(store)).length > 0) noticed += 1
        // A length or a restart point inside a block was hit: LevelDB skips rows without a word.
        else if (sound.length < 10) unnoticed += 1
        await store.close()
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_STORE' })
        noticed += 1
        await store.close()
      }
    }
    expect(noticed).toBeGreaterThan(50)
    expect(unnoticed).toBeLessThan(noticed / 4)
  })
})

/** A table file in which one byte of the value of `k6` is changed. */
async function damagedTable(directory: string): Promise<Uint8Array> {
  const first = await opened(directory)
  const value = Uint8Array.from({ length: 256 }, (_, i) => i)
  await first.commit(
    [
      { key: 'k5', value: utf8('before') },
      { key: 'k6', value },
      { key: 'k7', value: utf8('after') },
    ],
    SYNCED,
  )
  await first.close()
  // Opening moves the log into a table file, which LevelDB reads without checking it.
  await (await opened(directory)).close()
  const path = await tablePath(directory)
  const at = (await readFile(path)).indexOf(value.subarray(100, 110))
  expect(at).toBeGreaterThan(0)
  await flip(path, at)
  return value
}

async function tablePath(directory: string): Promise<string> {
  const names = await readdir(join(directory, 'db'))
  return join(directory, 'db', names.find((name) => name.endsWith('.ldb')) ?? '')
}

async function copyStore(from: string, to: string): Promise<void> {
  await mkdir(join(to, 'db'))
  for (const name of ['hearsay-store.json', 'db/CURRENT']) {
    await writeFile(join(to, name), await readFile(join(from, name)))
  }
  for (const name of await readdir(join(from, 'db'))) {
    await writeFile(join(to, 'db', name), await readFile(join(from, 'db', name)))
  }
}
