import type { StoreRow } from '../../base/core.ts'
import { HearsayError } from '../../base/errors.ts'
import {
  type BackupHeader,
  type BackupTotals,
  writeBlock,
  writeJson,
  writePreamble,
  writeRows,
} from './backup-format.ts'
import { STORE_FORMAT, type Store } from './store.ts'

const UNSHARED_KEY = /^state!(?:replica|place|writer!.*)$/

/**
 * Whether a row goes into a backup. Those stay behind that say where this store lies and under which ids it
 * writes: two stores that continued one id would number different events alike.
 */
export function isShared({ key }: StoreRow): boolean {
  return !UNSHARED_KEY.test(key)
}

/**
 * A backup of an open store, piece by piece: the rows of one moment (a LevelDB snapshot, taken when the
 * first piece is asked for), whatever is written meanwhile. No more than one page of rows is in memory.
 *
 * @throws {HearsayError} ERR_STORE when replicated state on this disk is damaged: it would be a hole · ERR_LIMIT
 */
export async function* writeBackup(
  store: Pick<Store, 'rows'>,
  about: Omit<BackupHeader, 'format'>,
): AsyncGenerator<Uint8Array, void, void> {
  let index = 0
  let rows = 0
  let bytes = 0
  let damaged = 0
  yield writePreamble()
  yield writeBlock('header', writeJson({ format: STORE_FORMAT, ...about }), index++)
  for await (const page of store.rows()) {
    for (const { key, reason } of page.damaged) refuseHole(key, reason)
    damaged += page.damaged.length
    const shared = page.rows.filter(isShared)
    if (shared.length === 0) continue
    rows += shared.length
    for (const { key, value } of shared) bytes += key.length + value.length
    yield writeBlock('rows', writeRows(shared), index++)
  }
  const totals: BackupTotals = { rows, bytes, damaged }
  yield writeBlock('end', writeJson(totals), index)
}

/** Values and members come back from others; a hole in the log of events could not be told from none. */
function refuseHole(key: string, reason: string): void {
  if (key.startsWith('kv!') || key.startsWith('member!')) return
  throw new HearsayError('ERR_STORE', `Cannot back up: row ${JSON.stringify(key)}: ${reason}`, {
    hint: 'The disk damaged it: back up another member, and start this one with an empty data directory',
  })
}
