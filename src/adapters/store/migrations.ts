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

/** Every step up to STORE_FORMAT, in their order. */
export const STORE_MIGRATIONS: readonly StoreMigration[] = []
