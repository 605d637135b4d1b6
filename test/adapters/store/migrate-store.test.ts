import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { describe, expect, test } from 'vitest'
import { createLevelStore, type LevelStore } from '../../../src/adapters/store/level-store.ts'
import { migrateStore } from '../../../src/adapters/store/migrate-store.ts'
import type { StoreMigration } from '../../../src/adapters/store/migrations.ts'
import { fromUtf8, utf8 } from '../../../src/base/bytes.ts'
import { allTexts } from './store-contract.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const SYNCED = { isSynced: true }
const ROWS = 3_000

/** Renames every row and doubles its text: running it twice would show. */
const DOUBLE: StoreMigration = {
  from: 1,
  async *migrate(pages) {
    for await (const rows of pages) {
      yield rows.flatMap(({ key, value }) => [
        { key, value: undefined },
        { key: `two!${key}`, value: utf8(fromUtf8(value).repeat(2)) },
      ])
    }
  },
}
/** Folds all rows into one. */
const COUNT: StoreMigration = {
  from: 2,
  async *migrate(pages) {
    let count = 0
    for await (const rows of pages) {
      count += rows.length
      yield rows.map(({ key }) => ({ key, value: undefined }))
    }
    yield [{ key: 'count', value: utf8(String(count)) }]
  },
}

/** As DOUBLE, but the machine stops after some batches. */
function crashing(batches: number): StoreMigration {
  return {
    from: 1,
    async *migrate(pages) {
      let left = batches
      for await (const writes of DOUBLE.migrate(pages)) {
        if (left === 0) throw new Error('crash')
        left -= 1
        yield writes
      }
      throw new Error('crash')
    },
  }
}

async function opened(
  directory: string,
  format: number,
  migrations: readonly StoreMigration[] = [DOUBLE, COUNT],
): Promise<LevelStore> {
  const store = createLevelStore(directory, { format, migrations })
  await store.open()
  return store
}

/** A store of format 1 with many rows. */
async function oldStore(): Promise<string> {
  const directory = await temporaryDirectory()
  const store = await opened(directory, 1)
  const writes = Array.from({ length: ROWS }, (_, i) => ({
    key: `r!${String(i).padStart(5, '0')}`,
    value: utf8(`${i} `),
  }))
  for (let i = 0; i < ROWS; i += 500) await store.commit(writes.slice(i, i + 500), SYNCED)
  await store.close()
  return directory
}

function doubled(): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: ROWS }, (_, i) => [
      `two!r!${String(i).padStart(5, '0')}`,
      `${i} `.repeat(2),
    ]),
  )
}

async function marker(directory: string): Promise<unknown> {
  return JSON.parse(await readFile(join(directory, 'hearsay-store.json'), 'utf8'))
}

describe('a store of an older format', () => {
  test('is migrated once, with a whole backup beside it', async () => {
    const directory = await oldStore()
    const store = await opened(directory, 2)
    expect(store.migratedFrom).toBe(1)
    expect(await allTexts(store)).toEqual(doubled())
    await store.commit([{ key: 'two!new', value: utf8('x') }], SYNCED)
    await store.close()
    expect(await marker(directory)).toEqual({ kind: 'hearsay-store', format: 2 })
    const again = await opened(directory, 2)
    expect(again.migratedFrom).toBe(undefined)
    expect(await allTexts(again)).toEqual({ ...doubled(), 'two!new': 'x' })
    await again.close()
  })

  test('can be taken back from its backup', async () => {
    const directory = await oldStore()
    const before = await opened(directory, 1)
    const texts = await allTexts(before)
    await before.close()
    await (await opened(directory, 2)).close()
    await rm(join(directory, 'db'), { recursive: true })
    await cp(join(directory, 'db.backup-1'), join(directory, 'db'), { recursive: true })
    await writeFile(join(directory, 'hearsay-store.json'), '{"kind":"hearsay-store","format":1}')
    const restored = await opened(directory, 1)
    expect(await allTexts(restored)).toEqual(texts)
    await restored.commit([{ key: 'r!new', value: utf8('x') }], SYNCED)
    await restored.close()
    await (await opened(directory, 1)).close()
  })

  test('passes through all steps in their order', async () => {
    const directory = await oldStore()
    const store = await opened(directory, 3)
    expect(store.migratedFrom).toBe(1)
    expect(await allTexts(store)).toEqual({ count: String(ROWS) })
    await store.close()
    expect((await readdir(directory)).filter((name) => name.startsWith('db.'))).toEqual([
      'db.backup-1',
    ])
  })

  test('is refused untouched when a step is missing', async () => {
    const directory = await oldStore()
    await expect(opened(directory, 3, [DOUBLE])).rejects.toMatchObject({
      code: 'ERR_STORE_VERSION',
      message: expect.stringContaining('no step from format 2'),
    })
    expect(await marker(directory)).toMatchObject({ format: 1 })
    expect(await readdir(directory)).not.toContain('db.backup-1')
    await (await opened(directory, 1)).close()
  })

  test('a new directory gets the current format without a migration', async () => {
    const directory = await temporaryDirectory()
    const store = await opened(directory, 3)
    expect(store.migratedFrom).toBe(undefined)
    await store.close()
    expect(await marker(directory)).toEqual({ kind: 'hearsay-store', format: 3 })
  })

  test('is not migrated without room for the backup', async () => {
    const directory = await oldStore()
    const space = { freeBytes: 1_000, totalBytes: 1e9, freeFiles: undefined }
    const database = new ClassicLevel<string, Uint8Array>(join(directory, 'db'))
    await database.open()
    const migration = migrateStore({
      directory,
      database,
      bytes: 501,
      space,
      format: 2,
      migrations: [DOUBLE],
    })
    await expect(migration).rejects.toMatchObject({ code: 'ERR_STORE_FULL' })
    await database.close()
    expect(await marker(directory)).toMatchObject({ format: 1 })
  })
})

describe('a migration that a crash cut', () => {
  test.each([0, 1, 2, 3])('after %i batches is repeated from the backup', async (batches) => {
    const directory = await oldStore()
    await expect(opened(directory, 2, [crashing(batches)])).rejects.toThrow('crash')
    // Neither finished nor old: a version that knows only the old format must keep off.
    await expect(opened(directory, 1)).rejects.toMatchObject({ code: 'ERR_STORE_VERSION' })
    const store = await opened(directory, 2)
    expect(store.migratedFrom).toBe(1)
    expect(await allTexts(store)).toEqual(doubled())
    await store.close()
    expect(await marker(directory)).toEqual({ kind: 'hearsay-store', format: 2 })
  })

  test('again and again ends well, a still newer version included', async () => {
    const directory = await oldStore()
    for (const batches of [2, 0, 1]) {
      await expect(opened(directory, 2, [crashing(batches)])).rejects.toThrow('crash')
    }
    const store = await opened(directory, 3)
    expect(await allTexts(store)).toEqual({ count: String(ROWS) })
    await store.close()
  })

  test('during the backup changes nothing: the backup is made anew', async () => {
    const directory = await oldStore()
    for (const name of ['db.backup-1.tmp', 'db.backup-1']) {
      await cp(join(directory, 'db'), join(directory, name), { recursive: true })
    }
    const between = await opened(directory, 1)
    await between.commit([{ key: 'r!later', value: utf8('y') }], SYNCED)
    await between.close()
    await expect(opened(directory, 2, [crashing(1)])).rejects.toThrow('crash')
    const store = await opened(directory, 2)
    expect(await allTexts(store)).toEqual({ ...doubled(), 'two!r!later': 'yy' })
    await store.close()
  })

  test('is refused when its backup is gone', async () => {
    const directory = await oldStore()
    await expect(opened(directory, 2, [crashing(1)])).rejects.toThrow('crash')
    await rm(join(directory, 'db.backup-1'), { recursive: true })
    await expect(opened(directory, 2)).rejects.toMatchObject({
      code: 'ERR_STORE',
      message: expect.stringContaining('db.backup-1'),
    })
  })
})

test('damaged rows stay where they are and are reported after the migration', async () => {
  const directory = await temporaryDirectory()
  const first = await opened(directory, 1)
  const value = Uint8Array.from({ length: 256 }, (_, i) => i)
  await first.commit(
    [
      { key: 'a', value: utf8('1') },
      { key: 'b', value },
      { key: 'c', value: utf8('3') },
    ],
    SYNCED,
  )
  await first.close()
  await (await opened(directory, 1)).close()
  const names = await readdir(join(directory, 'db'))
  const path = join(directory, 'db', names.find((name) => name.endsWith('.ldb')) ?? '')
  const bytes = await readFile(path)
  const at = bytes.indexOf(value.subarray(100, 110))
  bytes[at] = (bytes[at] ?? 0) ^ 1
  await writeFile(path, bytes)
  const store = await opened(directory, 2)
  expect(await allTexts(store)).toEqual({ 'two!a': '11', 'two!c': '33' })
  const damaged: string[] = []
  for await (const page of store.rows()) damaged.push(...page.damaged.map(({ key }) => key))
  expect(damaged).toEqual(['b'])
  await store.close()
})
