import { pipe } from 'it-pipe'
import type { Store } from '../adapters/store/store.ts'
import type { Driver } from '../engine/driver.ts'
import { Turns } from './turns.ts'

/** What opening a store brought to light. */
export interface StoreReport {
  /** Bytes of a torn last batch that were cut: it had never been acknowledged. */
  readonly tornBytes: number
  /** Rows whose bytes the disk changed: they were left out. */
  readonly damagedRows: number
  /** What people should hear of it, one line each. */
  readonly alarms: readonly string[]
}

/**
 * Loads the rows of an opened store into a driver that has not started, a few milliseconds at a time.
 * @throws {HearsayError} ERR_STORE when damage is such that the node must not run
 */
export async function loadStore(
  store: Pick<Store, 'tornBytes' | 'migratedFrom' | 'wasUnsynced' | 'rows'>,
  driver: Pick<Driver, 'load' | 'damaged' | 'loadSome'>,
): Promise<StoreReport> {
  const { tornBytes, migratedFrom, wasUnsynced } = store
  const alarms: string[] = []
  if (migratedFrom !== undefined) {
    alarms.push(
      `store-migrated: from format ${migratedFrom}; the old rows are kept in db.backup-${migratedFrom}, remove it once you are content`,
    )
  }
  if (wasUnsynced) {
    alarms.push(
      'store-unsynced: the last run had relaxed durability and no clean stop: what it wrote last may be gone, others give back what they have',
    )
  }
  if (tornBytes > 0) {
    alarms.push(
      `store-torn: ${tornBytes} bytes of an unfinished write were cut; with strict durability nobody had been told it was done`,
    )
  }
  let damagedRows = 0
  let unkept = 0
  let first = ''
  const turns = new Turns()
  await pipe(store.rows(), async (pages) => {
    for await (const { rows, damaged } of pages) {
      for (const row of rows) {
        driver.load(row)
        if (turns.isOver) await turns.next()
      }
      for (const { key, reason, isKept } of damaged) {
        driver.damaged(key)
        damagedRows += 1
        if (!isKept) unkept += 1
        if (first === '') first = `${JSON.stringify(key)}: ${reason}`
      }
    }
  })
  while (driver.loadSome()) if (turns.isOver) await turns.next()
  if (damagedRows > 0) {
    const kept = `${damagedRows - unkept} are kept in quarantine.ndjson`
    alarms.push(
      `store-damaged: the disk changed ${damagedRows} rows, the first ${first}; ${kept}; other members give them back: check this disk`,
    )
  }
  return { tornBytes, damagedRows, alarms }
}
