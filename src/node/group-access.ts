import type { Driver } from '../engine/driver.ts'
import type { ChangeFeed } from './change-feed.ts'
import type { Operation } from './operations.ts'
import type { Waiting } from './state-types.ts'

/** What handles of one group share. */
export interface GroupAccess {
  readonly group: string
  readonly changes: ChangeFeed
  readonly view: () => ReturnType<Driver['engine']['replication']['view']>
  /** Runs one operation as a transaction. @returns how much it changed */
  readonly run: (operation: Operation, waiting?: Waiting) => Promise<number>
}
