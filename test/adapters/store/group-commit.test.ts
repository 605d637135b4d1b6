import { expect, test } from 'vitest'
import { createGroupCommit } from '../../../src/adapters/store/group-commit.ts'
import { createMemoryStore } from '../../../src/adapters/store/memory-store.ts'
import type { Store } from '../../../src/adapters/store/store.ts'
import { utf8 } from '../../../src/base/bytes.ts'
import type { StoreWrite } from '../../../src/base/core.ts'
import { allTexts } from './store-contract.ts'

const SYNCED = { isSynced: true }

interface Held {
  readonly writes: readonly StoreWrite[]
  readonly isSynced: boolean
  release(failure?: Error): void
}

/** A store whose commits finish when the test says so. */
function heldStore(): { store: Store; held: Held[] } {
  const held: Held[] = []
  const store: Store = {
    ...createMemoryStore(),
    commit: (writes, { isSynced }) =>
      new Promise((resolve, reject) => {
        const release = (failure?: Error): void =>
          failure === undefined ? resolve() : reject(failure)
        held.push({ writes, isSynced, release })
      }),
  }
  return { store, held }
}

function row(key: string, bytes = 1): StoreWrite {
  return { key, value: new Uint8Array(bytes) }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('commit() merges what is queued while a batch is in flight', async () => {
  const { store, held } = heldStore()
  const disk = createGroupCommit(store, SYNCED)
  const order: string[] = []
  disk.commit([row('a')], () => order.push('a'))
  await turn()
  for (const key of ['b', 'c', 'd']) disk.commit([row(key)], () => order.push(key))
  await turn()
  expect(held).toHaveLength(1)
  held[0]?.release()
  await turn()
  expect(held.map(({ writes }) => writes.map(({ key }) => key))).toEqual([['a'], ['b', 'c', 'd']])
  expect(order).toEqual(['a'])
  held[1]?.release()
  await disk.idle()
  expect(order).toEqual(['a', 'b', 'c', 'd'])
})

test('commit() passes the durability on', async () => {
  for (const isSynced of [true, false]) {
    const { store, held } = heldStore()
    createGroupCommit(store, { isSynced }).commit([row('a')], () => {})
    await turn()
    expect(held[0]?.isSynced).toBe(isSynced)
  }
})

test('commit() splits batches at the limit, on whole commits', async () => {
  const { store, held } = heldStore()
  const disk = createGroupCommit(store, { ...SYNCED, batchBytesMax: 100 })
  disk.commit([row('a', 60), row('b', 30)], () => {})
  disk.commit([row('c', 60)], () => {})
  disk.commit([row('d', 500)], () => {})
  disk.commit([row('e', 10)], () => {})
  for (let i = 0; i < 4; i++) {
    await turn()
    held.at(-1)?.release()
  }
  await disk.idle()
  expect(held.map(({ writes }) => writes.map(({ key }) => key).join(''))).toEqual([
    'ab',
    'c',
    'd',
    'e',
  ])
})

test('commit() never calls done inside itself, not even after a failure', async () => {
  const { store, held } = heldStore()
  const disk = createGroupCommit(store, SYNCED)
  const seen: (string | undefined)[] = []
  const commit = (key: string): void => {
    let isInside = true
    disk.commit([row(key)], (failure) => {
      expect(isInside).toBe(false)
      seen.push(failure?.message)
    })
    isInside = false
  }
  commit('a')
  await turn()
  held[0]?.release(new Error('disk on fire'))
  await disk.idle()
  commit('b')
  await disk.idle()
  expect(seen).toEqual(['Cannot write the store', 'Cannot write the store'])
})

test('commit() of no writes is called back in order without a batch', async () => {
  const { store, held } = heldStore()
  const disk = createGroupCommit(store, SYNCED)
  let calls = 0
  disk.commit([], () => {
    calls += 1
  })
  await disk.idle()
  expect([calls, held.length]).toEqual([1, 0])
})

test('a commit made inside done joins the next batch', async () => {
  const { store, held } = heldStore()
  const disk = createGroupCommit(store, SYNCED)
  const order: string[] = []
  disk.commit([row('a')], () => {
    order.push('a')
    disk.commit([row('b')], () => order.push('b'))
  })
  await turn()
  held[0]?.release()
  await turn()
  held[1]?.release()
  await disk.idle()
  expect(order).toEqual(['a', 'b'])
})

test('after a failure nothing more is tried and everybody gets it', async () => {
  const { store, held } = heldStore()
  const disk = createGroupCommit(store, SYNCED)
  const failures: (Error | undefined)[] = []
  const note = (failure: Error | undefined): void => void failures.push(failure)
  disk.commit([row('a')], note)
  await turn()
  disk.commit([row('b')], note)
  held[0]?.release(new Error('EIO'))
  await disk.idle()
  disk.commit([row('c')], note)
  await disk.idle()
  expect(held).toHaveLength(1)
  expect(failures).toHaveLength(3)
  expect(new Set(failures)).toEqual(new Set([disk.failure]))
  expect(disk.failure).toMatchObject({ code: 'ERR_STORE' })
})

test('halt() drops what is queued and calls nobody', async () => {
  const { store, held } = heldStore()
  const disk = createGroupCommit(store, SYNCED)
  let calls = 0
  const count = (): void => {
    calls += 1
  }
  disk.commit([row('a')], count)
  await turn()
  disk.commit([row('b')], count)
  disk.halt()
  disk.commit([row('c')], count)
  held[0]?.release()
  await disk.idle()
  expect([calls, held.length]).toEqual([0, 1])
})

test('halt() inside done stops the callbacks of the same batch', async () => {
  const { store, held } = heldStore()
  const disk = createGroupCommit(store, SYNCED)
  const order: string[] = []
  disk.commit([row('a')], () => {
    order.push('a')
    disk.halt()
  })
  disk.commit([row('b')], () => order.push('b'))
  await turn()
  held[0]?.release()
  await disk.idle()
  expect(order).toEqual(['a'])
})

test('soon() comes after everything of its turn, and idle() waits for what it brings', async () => {
  const { store, held } = heldStore()
  const disk = createGroupCommit(store, SYNCED)
  const order: string[] = []
  disk.soon?.(() => {
    order.push('soon')
    disk.commit([row('a')], () => order.push('a'))
  })
  const idle = disk.idle().then(() => order.push('idle'))
  for (let i = 0; i < 10; i++) await Promise.resolve()
  order.push('turn')
  await turn()
  await turn()
  expect(order).toEqual(['turn', 'soon'])
  held[0]?.release()
  await idle
  expect(order).toEqual(['turn', 'soon', 'a', 'idle'])
})

test('soon() that brings nothing ends the wait, and after halt() nobody is called', async () => {
  const { store } = heldStore()
  const disk = createGroupCommit(store, SYNCED)
  let calls = 0
  const count = (): void => {
    calls += 1
  }
  disk.soon?.(count)
  await disk.idle()
  disk.soon?.(count)
  disk.halt()
  await disk.idle()
  expect(calls).toBe(1)
})

test('what done reported is in the store', async () => {
  const store = createMemoryStore()
  await store.open()
  const disk = createGroupCommit(store, SYNCED)
  for (let i = 0; i < 50; i++) {
    disk.commit([{ key: `k${i % 10}`, value: utf8(`${i}`) }], () => {})
  }
  await disk.idle()
  const expected = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`k${i}`, `${40 + i}`]))
  expect(await allTexts(store)).toEqual(expected)
})
