import type { StoreRow, StoreWrite } from '../../base/core.ts'
import { HearsayError } from '../../base/errors.ts'
import { checkedKey } from './level-rows.ts'
import { PAGE_BYTES_MAX, PAGE_ROWS_MAX, type Store, type StorePage } from './store.ts'

/**
 * A store in memory. It outlives its holder: close() keeps the rows, and open() on an open one is
 * allowed, so that the lab restarts a crashed node on what that node had committed.
 * @param rows what it holds at first
 */
export function createMemoryStore(rows: readonly StoreRow[] = []): Store {
  const held = new Map<string, Uint8Array>()
  let bytes = 0
  let isOpen = false
  const write = ({ key, value }: StoreWrite): void => {
    const before = held.get(key)
    if (before !== undefined) bytes -= key.length + before.length
    if (value === undefined) {
      held.delete(key)
      return
    }
    held.set(key, value.slice())
    bytes += key.length + value.length
  }
  for (const row of rows) write({ ...row, key: checkedKey(row.key) })
  const requireOpen = (): void => {
    if (!isOpen)
      throw new HearsayError('ERR_STOPPED', 'Cannot use the store in memory: it is closed')
  }
  return {
    path: undefined,
    place: undefined,
    tornBytes: 0,
    migratedFrom: undefined,
    wasUnsynced: false,
    async open() {
      isOpen = true
    },
    async *rows() {
      requireOpen()
      yield* pages(held)
    },
    async commit(writes: readonly StoreWrite[]) {
      requireOpen()
      for (const { key } of writes) checkedKey(key)
      for (const each of writes) write(each)
    },
    bytes: async () => bytes,
    space: async () => undefined,
    async close() {
      isOpen = false
    },
  }
}

/** Rows as they are now, in key order, which is that of code units: keys are ASCII. */
function* pages(held: ReadonlyMap<string, Uint8Array>): Generator<StorePage> {
  let rows: StoreRow[] = []
  let bytes = 0
  for (const [key, value] of [...held].sort(([a], [b]) => (a < b ? -1 : 1))) {
    rows.push({ key, value })
    bytes += key.length + value.length
    if (rows.length < PAGE_ROWS_MAX && bytes < PAGE_BYTES_MAX) continue
    yield { rows, damaged: [] }
    rows = []
    bytes = 0
  }
  if (rows.length > 0) yield { rows, damaged: [] }
}
