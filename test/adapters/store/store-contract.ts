import { expect, test } from 'vitest'
import type { DamagedRow, Store } from '../../../src/adapters/store/store.ts'
import { PAGE_ROWS_MAX } from '../../../src/adapters/store/store.ts'
import { fromUtf8, utf8 } from '../../../src/base/bytes.ts'
import type { StoreRow } from '../../../src/base/core.ts'

/** One place rows can live: `open` gives an opened store on it, as often as it is asked. */
export interface StorePlace {
  open(): Promise<Store>
}

const SYNCED = { isSynced: true }

export async function allRows(store: Store): Promise<readonly StoreRow[]> {
  const rows: StoreRow[] = []
  for await (const page of store.rows()) rows.push(...page.rows)
  return rows
}

export async function allDamaged(store: Store): Promise<readonly DamagedRow[]> {
  const damaged: DamagedRow[] = []
  for await (const page of store.rows()) damaged.push(...page.damaged)
  return damaged
}

export async function allTexts(store: Store): Promise<Record<string, string>> {
  const rows = await allRows(store)
  return Object.fromEntries(rows.map((row) => [row.key, fromUtf8(row.value)]))
}

/** What every Store does. */
export function describeStore(place: () => Promise<StorePlace>): void {
  test('rows() of a new store is empty', async () => {
    const store = await (await place()).open()
    expect(await allRows(store)).toEqual([])
    await store.close()
  })

  test('commit() puts, replaces and deletes', async () => {
    const store = await (await place()).open()
    await store.commit(
      [
        { key: 'r!1', value: utf8('one') },
        { key: 'r!2', value: utf8('two') },
      ],
      SYNCED,
    )
    await store.commit(
      [
        { key: 'r!1', value: undefined },
        { key: 'r!2', value: utf8('deux') },
        { key: 'r!9', value: undefined },
      ],
      { isSynced: false },
    )
    expect(await allTexts(store)).toEqual({ 'r!2': 'deux' })
    await store.close()
  })

  test('commit() lets the last write of a key win', async () => {
    const store = await (await place()).open()
    const writes = ['a', 'b', 'c'].map((text) => ({ key: 'k', value: utf8(text) }))
    await store.commit(writes, SYNCED)
    expect(await allTexts(store)).toEqual({ k: 'c' })
    await store.commit([...writes, { key: 'k', value: undefined }], SYNCED)
    expect(await allTexts(store)).toEqual({})
    await store.close()
  })

  test('commit() calls made at once apply in their order', async () => {
    const store = await (await place()).open()
    await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        store.commit([{ key: 'k', value: utf8(`${i}`) }], SYNCED),
      ),
    )
    expect(await allTexts(store)).toEqual({ k: '19' })
    await store.close()
  })

  test('commit() applies a batch wholly or not at all', async () => {
    const store = await (await place()).open()
    const writes = [
      { key: 'fine', value: utf8('1') },
      { key: 'böse', value: utf8('2') },
    ]
    await expect(store.commit(writes, SYNCED)).rejects.toThrow(TypeError)
    expect(await allRows(store)).toEqual([])
    await store.close()
  })

  test('rows() gives empty values and every byte back', async () => {
    const store = await (await place()).open()
    const every = Uint8Array.from({ length: 256 }, (_, i) => i)
    await store.commit(
      [
        { key: 'empty', value: new Uint8Array(0) },
        { key: 'every', value: every },
      ],
      SYNCED,
    )
    const rows = await allRows(store)
    expect(rows.map((row) => [row.key, [...row.value]])).toEqual([
      ['empty', []],
      ['every', [...every]],
    ])
    await store.close()
  })

  test('rows() comes bytewise ordered in pages of bounded rows', async () => {
    const store = await (await place()).open()
    const keys = Array.from({ length: PAGE_ROWS_MAX + 10 }, (_, i) => `r!${(i * 7919) % 65_536}`)
    await store.commit(
      keys.map((key) => ({ key, value: utf8(key) })),
      { isSynced: false },
    )
    const sizes: number[] = []
    const seen: string[] = []
    for await (const { rows } of store.rows()) {
      sizes.push(rows.length)
      seen.push(...rows.map((row) => row.key))
    }
    expect(sizes).toEqual([PAGE_ROWS_MAX, 10])
    expect(seen).toEqual([...keys].sort((a, b) => (a < b ? -1 : 1)))
    await store.close()
  })

  test('rows() ends a page at its limit of bytes', async () => {
    const store = await (await place()).open()
    const value = new Uint8Array(400_000)
    const keys = ['a', 'b', 'c', 'd']
    await store.commit(
      keys.map((key) => ({ key, value })),
      { isSynced: false },
    )
    const sizes: number[] = []
    for await (const { rows } of store.rows()) sizes.push(rows.length)
    expect(sizes).toEqual([3, 1])
    await store.close()
  })

  test('open() after close() finds what was committed', async () => {
    const there = await place()
    const first = await there.open()
    await first.commit([{ key: 'k', value: utf8('kept') }], SYNCED)
    await first.close()
    const second = await there.open()
    expect(await allTexts(second)).toEqual({ k: 'kept' })
    await second.close()
  })

  test('close() is idempotent and waits for commits under way', async () => {
    const there = await place()
    const store = await there.open()
    const commit = store.commit([{ key: 'k', value: utf8('late') }], SYNCED)
    await Promise.all([store.close(), store.close()])
    await commit
    await store.close()
    const again = await there.open()
    expect(await allTexts(again)).toEqual({ k: 'late' })
    await again.close()
  })

  test('rows() of a sound store reports no damage, open() no tear and no migration', async () => {
    const store = await (await place()).open()
    await store.commit([{ key: 'k', value: utf8('sound') }], SYNCED)
    expect(await allDamaged(store)).toEqual([])
    expect([store.tornBytes, store.migratedFrom]).toEqual([0, undefined])
    await store.close()
  })

  test('bytes() grows with what is kept', async () => {
    const store = await (await place()).open()
    const before = await store.bytes()
    await store.commit([{ key: 'k', value: new Uint8Array(10_000) }], SYNCED)
    expect((await store.bytes()) - before).toBeGreaterThanOrEqual(10_000)
    await store.close()
  })
}
