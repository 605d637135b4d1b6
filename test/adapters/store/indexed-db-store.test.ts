import 'fake-indexeddb/auto'
import { openDB } from 'idb'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  createIndexedDbStore,
  loadIndexedDbSeed,
} from '../../../src/adapters/store/indexed-db-store.ts'
import { STORE_FORMAT } from '../../../src/adapters/store/store.ts'
import { utf8 } from '../../../src/base/bytes.ts'
import { allDamaged, allTexts, describeStore } from './store-contract.ts'

let names = 0
const freshName = (): string => `store-${names++}`
const SYNCED = { isSynced: true }
const ROW = { key: 'a', value: utf8('one') }

/** What lies below the store. */
const below = (name: string) => openDB(`hearsay/${name}`)

afterEach(() => vi.restoreAllMocks())

describe('createIndexedDbStore()', () => {
  describeStore(async () => {
    const name = freshName()
    return {
      async open() {
        const store = createIndexedDbStore(name)
        await store.open()
        return store
      },
    }
  })

  it('has one holder at a time, and gives up its place when it closes', async () => {
    const name = freshName()
    const first = createIndexedDbStore(name)
    await first.open()
    const second = createIndexedDbStore(name)
    await expect(second.open()).rejects.toMatchObject({ code: 'ERR_STORE_LOCKED' })
    await first.close()
    await second.open()
    await second.close()
  })

  it('frees its place when it cannot be opened, and does not touch what is newer', async () => {
    const name = freshName()
    const store = createIndexedDbStore(name)
    await store.open()
    await store.commit([ROW], SYNCED)
    await store.close()
    const database = await below(name)
    await database.put('meta', STORE_FORMAT + 1, 'format')
    for (let time = 0; time < 2; time++) {
      await expect(store.open()).rejects.toMatchObject({ code: 'ERR_STORE_VERSION' })
    }
    await database.put('meta', STORE_FORMAT, 'format')
    database.close()
    await store.open()
    expect(await allTexts(store)).toEqual({ a: 'one' })
    await store.close()
  })

  it('is where it was after a clean stop, elsewhere after writes nobody made durable', async () => {
    const name = freshName()
    const store = createIndexedDbStore(name)
    await store.open()
    const { place } = store
    expect(place).toMatch(/^[0-9a-f]{32}$/)
    await store.commit([ROW], { isSynced: false })
    await store.close()
    await store.open()
    expect([store.place, store.wasUnsynced]).toEqual([place, false])
    await store.commit([ROW], { isSynced: false })
    // As if the process had ended: another holder, with the mark in its way.
    const database = await below(name)
    expect(await database.get('meta', 'unsynced')).toBe(true)
    await store.close()
    await database.put('meta', true, 'unsynced')
    database.close()
    await store.open()
    expect(store.wasUnsynced).toBe(true)
    expect(store.place).not.toBe(place)
    const renewed = store.place
    await store.close()
    await store.open()
    expect([store.place, store.wasUnsynced]).toEqual([renewed, false])
    await store.close()
  })

  it('asks for strict durability where it is promised, and only there', async () => {
    const store = createIndexedDbStore(freshName())
    await store.open()
    const asked = vi.spyOn(IDBDatabase.prototype, 'transaction')
    await store.commit([ROW], SYNCED)
    await store.commit([ROW], { isSynced: false })
    await store.close()
    expect(asked.mock.calls.map(([name, , options]) => [name, options?.durability])).toEqual([
      ['rows', 'strict'],
      ['meta', 'strict'],
      ['rows', 'relaxed'],
      ['meta', 'strict'],
    ])
  })

  it('serves no row that reads back changed, and sets its bytes aside', async () => {
    const name = freshName()
    const store = createIndexedDbStore(name)
    await store.open()
    await store.commit([ROW, { key: 'b', value: utf8('two') }], SYNCED)
    const database = await below(name)
    const sealed: Uint8Array = await database.get('rows', 'a')
    sealed[5] = (sealed[5] ?? 0) ^ 1
    await database.put('rows', sealed, 'a')
    await database.put('rows', 'no bytes', 'c')
    expect(await allTexts(store)).toEqual({ b: 'two' })
    expect(await allDamaged(store)).toEqual([
      { key: 'a', reason: 'its checksum does not match', isKept: true },
      { key: 'c', reason: 'it is too short', isKept: true },
    ])
    expect(await database.get('damaged', 'a')).toEqual({
      reason: 'its checksum does not match',
      bytes: sealed,
    })
    database.close()
    await store.close()
  })

  it('tells of a full disk as such, and writes no more after a failure', async () => {
    const store = createIndexedDbStore(freshName())
    await store.open()
    const put = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (
      this: IDBObjectStore,
    ) {
      this.transaction.abort()
      throw new DOMException('no room', 'QuotaExceededError')
    })
    await expect(store.commit([ROW], SYNCED)).rejects.toMatchObject({ code: 'ERR_STORE_FULL' })
    put.mockRestore()
    await expect(store.commit([ROW], SYNCED)).rejects.toMatchObject({ code: 'ERR_STORE_FULL' })
    expect(await allTexts(store)).toEqual({})
    await store.close()
  })

  it('knows its room where the browser tells it', async () => {
    const store = createIndexedDbStore(freshName())
    expect([await store.bytes(), await store.space()]).toEqual([0, undefined])
    vi.stubGlobal('navigator', { storage: { estimate: async () => ({ usage: 70, quota: 100 }) } })
    expect(await store.space()).toEqual({ freeBytes: 30, totalBytes: 100, freeFiles: undefined })
    // Without locks two pages could write as one node.
    await expect(store.open()).rejects.toMatchObject({ code: 'ERR_STORE' })
    vi.unstubAllGlobals()
  })
})

describe('loadIndexedDbSeed()', () => {
  it('makes a seed once, beside an open store or without one', async () => {
    const name = freshName()
    let made = 0
    const fresh = (): Uint8Array => {
      made += 1
      return new Uint8Array(32).fill(made)
    }
    const seeds = await Promise.all([
      loadIndexedDbSeed(name, fresh),
      loadIndexedDbSeed(name, fresh),
    ])
    expect(seeds[0]).toHaveLength(32)
    expect(seeds[1]).toEqual(seeds[0])
    const store = createIndexedDbStore(name)
    await store.open()
    expect(await loadIndexedDbSeed(name, fresh)).toEqual(seeds[0])
    await store.close()
    const database = await below(name)
    await database.put('meta', 'garbage', 'seed')
    database.close()
    await expect(loadIndexedDbSeed(name, fresh)).rejects.toMatchObject({ code: 'ERR_IDENTITY' })
  })
})
