import type { StoreRow, StoreWrite } from '../../base/core.ts'
import { HearsayError } from '../../base/errors.ts'
import { crc32 } from './crc32.ts'
import { PAGE_BYTES_MAX, PAGE_ROWS_MAX } from './store.ts'

/** One operation of an atomic batch, as abstract-level takes it. */
export type RowOperation =
  | { readonly type: 'del'; readonly key: string }
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }

/** What of an abstract-level iterator is used here: both kinds of database have it. */
export interface RowIterator {
  nextv(size: number): Promise<[string, Uint8Array][]>
  close(): Promise<void>
}

const CHECKSUM_BYTES = 4
/** Our keys stay far below it; a damaged length may claim anything. */
const DAMAGED_KEY_LENGTH_MAX = 4_096
/** Keys of callers are printable: they start here. Below it is the store's own bookkeeping. */
export const FIRST_KEY = ' '

/** Batch operations of writes. Every value carries a CRC-32 of its key and itself. */
export function rowOperations(writes: readonly StoreWrite[]): RowOperation[] {
  return writes.map((write) =>
    write.value === undefined
      ? { type: 'del', key: checkedKey(write.key) }
      : { type: 'put', key: checkedKey(write.key), value: seal(write.key, write.value) },
  )
}

/** A damaged row with the bytes that were read. */
export interface DamagedEntry {
  readonly key: string
  readonly reason: string
  readonly bytes: Uint8Array
}

/** A page as read: what becomes of the damaged bytes is the store's to decide. */
export interface RawPage {
  readonly rows: readonly StoreRow[]
  readonly damaged: readonly DamagedEntry[]
}

/**
 * What an iterator from FIRST_KEY on reads, verified, in pages; see Store.rows(). A checksum covers the
 * key too, so a row under a changed key is damaged, wherever it lies; sound rows must be in order.
 */
export async function* rowPages(iterator: RowIterator, place: string): AsyncGenerator<RawPage> {
  let rows: StoreRow[] = []
  let damaged: DamagedEntry[] = []
  let bytes = 0
  let last = ''
  try {
    for (;;) {
      const entries = await iterator.nextv(PAGE_ROWS_MAX)
      if (entries.length === 0) break
      for (const [key, sealed] of entries) {
        const reason = faultOf(key, sealed)
        if (reason !== undefined) {
          damaged.push({ key: printableKey(key), reason, bytes: sealed })
        } else {
          if (key <= last) throw damagedStore(place, key, 'it is out of order')
          last = key
          rows.push({ key, value: sealed.subarray(CHECKSUM_BYTES) })
        }
        bytes += key.length + sealed.length
        if (rows.length + damaged.length >= PAGE_ROWS_MAX || bytes >= PAGE_BYTES_MAX) {
          yield { rows, damaged }
          rows = []
          damaged = []
          bytes = 0
        }
      }
    }
  } finally {
    await iterator.close()
  }
  if (rows.length > 0 || damaged.length > 0) yield { rows, damaged }
}

/** The error for a database that as a whole is not what was written. */
export function damagedStore(place: string, key: string, how: string): HearsayError {
  return new HearsayError(
    'ERR_STORE',
    `Cannot use row ${JSON.stringify(key)} of the store in ${place}: ${how}`,
    {
      hint: 'The disk damaged it: start with an empty data directory, the other members give the state back',
    },
  )
}

/** The key, if a row may have it. @throws {TypeError} */
export function checkedKey(key: string): string {
  if (!/^[ -~]+$/.test(key)) {
    throw new TypeError(`Cannot write row: its key is not printable ASCII: ${JSON.stringify(key)}`)
  }
  return key
}

function seal(key: string, value: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(CHECKSUM_BYTES + value.length)
  sealed.set(value, CHECKSUM_BYTES)
  new DataView(sealed.buffer).setUint32(0, crc32(value, crc32(key)))
  return sealed
}

/** Why a row cannot be what was written, if so. */
function faultOf(key: string, sealed: Uint8Array): string | undefined {
  if (sealed.length < CHECKSUM_BYTES) return 'it is too short'
  const stored = new DataView(sealed.buffer, sealed.byteOffset, CHECKSUM_BYTES).getUint32(0)
  const isSound = stored === crc32(sealed.subarray(CHECKSUM_BYTES), crc32(key))
  return isSound ? undefined : 'its checksum does not match'
}

/** A damaged key may hold anything; what is told and written of it does not. */
function printableKey(key: string): string {
  return key.replaceAll(/[^ -~]/g, '?').slice(0, DAMAGED_KEY_LENGTH_MAX)
}
