import { stat, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { describe, expect, test } from 'vitest'
import {
  createLevelStore,
  DATABASE_OPTIONS,
  type LevelStore,
} from '../../../src/adapters/store/level-store.ts'
import { utf8 } from '../../../src/base/bytes.ts'
import { allTexts } from './store-contract.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const UNSYNCED = { isSynced: false }
const writes = (key: string) => [{ key, value: utf8(key) }]

function isMarked({ path }: LevelStore): Promise<boolean> {
  return stat(join(path, 'unsynced')).then(
    () => true,
    () => false,
  )
}

async function opened(path: string): Promise<LevelStore> {
  const store = createLevelStore(path)
  await store.open()
  return store
}

describe('DIR/unsynced', () => {
  test('stands from the first write without fsync until close()', async () => {
    const store = await opened(join(await temporaryDirectory(), 'data'))
    expect(await isMarked(store)).toBe(false)
    await store.commit(writes('k1'), { isSynced: true })
    expect(await isMarked(store)).toBe(false)
    for (const key of ['k2', 'k3']) await store.commit(writes(key), UNSYNCED)
    expect(await isMarked(store)).toBe(true)
    // An fsync of one batch says nothing about those in an older log.
    await store.commit(writes('k4'), { isSynced: true })
    expect(await isMarked(store)).toBe(true)
    const { place } = store
    await store.close()
    expect(await isMarked(store)).toBe(false)
    await store.open()
    expect([store.wasUnsynced, store.place]).toEqual([false, place])
    await store.commit(writes('k5'), UNSYNCED)
    expect(await isMarked(store)).toBe(true)
    await store.close()
    expect(await isMarked(store)).toBe(false)
  })

  test('stands before LevelDB is given the batch', async () => {
    const path = join(await temporaryDirectory(), 'data')
    const marked: boolean[] = []
    const store = createLevelStore(path, {
      createDatabase: (databasePath) => {
        const database = new ClassicLevel<string, Uint8Array>(databasePath, DATABASE_OPTIONS)
        const batch = database.batch.bind(database)
        Object.assign(database, {
          batch: async (...given: Parameters<typeof batch>) => {
            marked.push(await isMarked(store))
            return await batch(...given)
          },
        })
        return database
      },
    })
    await store.open()
    await store.commit(writes('k1'), UNSYNCED)
    expect(marked).toEqual([true])
    await store.close()
  })

  test('stays when the disk has failed', async () => {
    const path = join(await temporaryDirectory(), 'data')
    const store = createLevelStore(path, {
      createDatabase: (databasePath) => {
        const database = new ClassicLevel<string, Uint8Array>(databasePath, DATABASE_OPTIONS)
        return Object.assign(database, { batch: () => Promise.reject(new Error('EIO')) })
      },
    })
    await store.open()
    await expect(store.commit(writes('k1'), UNSYNCED)).rejects.toThrow('EIO')
    await store.close()
    expect(await isMarked(store)).toBe(true)
  })

  test('makes the directory another place for whoever finds it, once', async () => {
    const store = await opened(join(await temporaryDirectory(), 'data'))
    await store.commit(writes('k1'), UNSYNCED)
    const places = [store.place]
    await store.close()
    for (let i = 0; i < 3; i++) {
      await writeFile(join(store.path, 'unsynced'), '')
      await store.open()
      expect(store.wasUnsynced).toBe(true)
      expect(await isMarked(store)).toBe(false)
      expect(await allTexts(store)).toEqual({ k1: 'k1' })
      places.push(store.place)
      await store.close()
    }
    expect(new Set(places).size).toBe(4)
    await store.open()
    expect([store.wasUnsynced, store.place]).toEqual([false, places.at(-1)])
    await store.close()
  })

  test('does so too where the file of the place was lost, or its renewal cut', async () => {
    const store = await opened(join(await temporaryDirectory(), 'data'))
    const { place } = store
    await store.close()
    await unlink(join(store.path, 'place'))
    await writeFile(join(store.path, 'place.tmp'), '')
    await writeFile(join(store.path, 'unsynced'), '')
    await store.open()
    expect([store.wasUnsynced, store.place === place]).toEqual([true, false])
    await store.close()
  })
})
