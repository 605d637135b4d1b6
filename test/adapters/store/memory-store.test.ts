import { describe, expect, test } from 'vitest'
import { createMemoryStore } from '../../../src/adapters/store/memory-store.ts'
import { utf8 } from '../../../src/base/bytes.ts'
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
})
