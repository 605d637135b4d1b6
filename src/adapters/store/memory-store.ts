import { MemoryLevel } from 'memory-level'
import type { StoreRow, StoreWrite } from '../../base/core.ts'
import { FIRST_KEY, rowOperations, rowPages } from './level-rows.ts'
import type { Store, StorePage } from './store.ts'

/**
 * A store in memory. It outlives its holder: close() keeps the rows, and open() on an open one is
 * allowed, so that the lab restarts a crashed node on what that node had committed.
 * @param rows what it holds at first
 */
export function createMemoryStore(rows: readonly StoreRow[] = []): Store {
  const database = new MemoryLevel<string, Uint8Array>({
    keyEncoding: 'utf8',
    valueEncoding: 'view',
    storeEncoding: 'view',
  })
  let isFilled = false
  async function* pages(): AsyncGenerator<StorePage> {
    for await (const page of rowPages(database.iterator({ gte: FIRST_KEY }), 'memory')) {
      const damaged = page.damaged.map(({ key, reason }) => ({ key, reason, isKept: false }))
      yield { rows: page.rows, damaged }
    }
  }
  return {
    path: undefined,
    place: undefined,
    tornBytes: 0,
    migratedFrom: undefined,
    wasUnsynced: false,
    async open() {
      await database.open()
      if (!isFilled) await database.batch(rowOperations(rows))
      isFilled = true
    },
    rows: pages,
    async commit(writes: readonly StoreWrite[]) {
      await database.batch(rowOperations(writes))
    },
    async bytes() {
      let bytes = 0
      for await (const { rows } of pages()) {
        for (const row of rows) bytes += row.key.length + row.value.length
      }
      return bytes
    },
    space: async () => undefined,
    close: () => database.close(),
  }
}
