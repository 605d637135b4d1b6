import { MemoryLevel } from 'memory-level'
import type { StoreRow, StoreWrite } from '../../base/core.ts'
import { FIRST_KEY, rowOperations, rowPages } from './level-rows.ts'
import type { Store } from './store.ts'

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
  const pages = (): AsyncGenerator<readonly StoreRow[]> =>
    rowPages(database.iterator({ gte: FIRST_KEY }), 'memory')
  return {
    path: undefined,
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
      for await (const page of pages()) {
        for (const row of page) bytes += row.key.length + row.value.length
      }
      return bytes
    },
    close: () => database.close(),
  }
}
