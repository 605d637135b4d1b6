import type { StoreRow, StoreWrite } from '../../base/core.ts'

/** One step of the store's format. */
export interface StoreMigration {
  /** The format it starts from; it leads to the next one. */
  readonly from: number
  /**
   * What to write, in batches, given all sound rows in key order as they were when the step began. Damaged
   * rows stay where they are and are reported by rows() as always. A crash repeats the step from the backup,
   * so it depends on nothing but the rows.
   * @throws {HearsayError} when the rows cannot be migrated: the store stays refused, the backup is whole
   */
  migrate(rows: AsyncIterable<readonly StoreRow[]>): AsyncIterable<readonly StoreWrite[]>
}

/** State as runs instead of transactions. Rows of other owners stay as they are. */
const STATE_AS_RUNS: StoreMigration = {
  from: 1,
  async *migrate(pages) {
    // Once in the life of an old directory: no other start loads it.
    const { StateMigration } = await import('../../replication/store/format-1/state-migration.ts')
    const state = new StateMigration()
    for await (const rows of pages) yield rows.flatMap((row) => state.add(row))
    yield state.end()
  },
}

/** Every step up to STORE_FORMAT, in their order. */
export const STORE_MIGRATIONS: readonly StoreMigration[] = [STATE_AS_RUNS]
