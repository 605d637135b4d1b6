import { describe, expect, test } from 'vitest'
import { createMemoryStore } from '../../../src/adapters/store/memory-store.ts'
import { fromUtf8, utf8 } from '../../../src/base/bytes.ts'
import { allTexts, describeStore } from './store-contract.ts'

describe('createMemoryStore', () => {
  describeStore(async () => {
    const store = createMemoryStore()
    return {
      async open() {
        await store.open()
        return store
      },
    }
  })

  test('open() of a store whose holder crashed keeps the rows', async () => {
    const store = createMemoryStore([{ key: 'a', value: utf8('given') }])
    await store.open()
    await store.commit([{ key: 'b', value: utf8('written') }], { isSynced: true })
    await store.open()
    expect(await allTexts(store)).toEqual({ a: 'given', b: 'written' })
  })

  test('open() after close() does not bring deleted first rows back', async () => {
    const store = createMemoryStore([{ key: 'a', value: utf8('given') }])
    await store.open()
    await store.commit([{ key: 'a', value: undefined }], { isSynced: true })
    await store.close()
    await store.open()
    expect(await allTexts(store)).toEqual({})
  })

  test('keeps copies, and counts only what it holds', async () => {
    const store = createMemoryStore()
    await store.open()
    const value = utf8('kept')
    await store.commit([{ key: 'a', value }], { isSynced: true })
    value.fill(0)
    expect(await allTexts(store)).toEqual({ a: 'kept' })
    for (const each of [utf8('longer'), utf8('x'), undefined]) {
      await store.commit([{ key: 'a', value: each }], { isSynced: true })
    }
    expect(await store.bytes()).toBe(0)
  })

  test('rows() are those of one moment, whatever is committed meanwhile', async () => {
    const store = createMemoryStore()
    await store.open()
    const writes = Array.from({ length: 1_500 }, (_, i) => ({ key: `k${i}`, value: utf8('old') }))
    await store.commit(writes, { isSynced: true })
    const seen: string[] = []
    for await (const { rows } of store.rows()) {
      for (const { value } of rows) seen.push(fromUtf8(value))
      const later = writes.map(({ key }) => ({ key, value: utf8('new') }))
      await store.commit([...later, { key: 'k2000', value: utf8('new') }], { isSynced: true })
    }
    expect(seen).toEqual(writes.map(() => 'old'))
  })

  test('refuses to be used when it is closed', async () => {
    const store = createMemoryStore()
    const writes = [{ key: 'a', value: utf8('x') }]
    await expect(store.commit(writes, { isSynced: true })).rejects.toMatchObject({
      code: 'ERR_STOPPED',
    })
    await expect(allTexts(store)).rejects.toMatchObject({ code: 'ERR_STOPPED' })
  })
})
