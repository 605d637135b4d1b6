import { crc32 } from 'node:zlib'
import type { StoreRow, StoreWrite } from '../../base/core.ts'
import { HearsayError } from '../../base/errors.ts'
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

/** What an iterator from FIRST_KEY on reads, verified, in pages; see Store.rows(). */
export async function* rowPages(
  iterator: RowIterator,
  place: string,
): AsyncGenerator<readonly StoreRow[]> {
  let page: StoreRow[] = []
  let bytes = 0
  let last = ''
  try {
    for (;;) {
      const entries = await iterator.nextv(PAGE_ROWS_MAX)
      if (entries.length === 0) break
      for (const [key, sealed] of entries) {
        if (key <= last) throw damaged(place, key, 'it is out of order')
        last = key
        page.push({ key, value: unseal(place, key, sealed) })
        bytes += key.length + sealed.length
        if (page.length >= PAGE_ROWS_MAX || bytes >= PAGE_BYTES_MAX) {
          yield page
          page = []
          bytes = 0
        }
      }
    }
  } finally {
    await iterator.close()
  }
  if (page.length > 0) yield page
}

/** The error for rows that the disk gave back differently from how they were written. */
export function damaged(place: string, key: string, how: string): HearsayError {
  return new HearsayError(
    'ERR_STORE',
    `Cannot use row ${JSON.stringify(key)} of the store in ${place}: ${how}`,
    {
      hint: 'The disk damaged it: start with an empty data directory, the other members give the state back',
    },
  )
}

function checkedKey(key: string): string {
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

function unseal(place: string, key: string, sealed: Uint8Array): Uint8Array {
  if (sealed.length < CHECKSUM_BYTES) throw damaged(place, key, 'it is too short')
  const stored = new DataView(sealed.buffer, sealed.byteOffset, CHECKSUM_BYTES).getUint32(0)
  const value = sealed.subarray(CHECKSUM_BYTES)
  if (stored !== crc32(value, crc32(key))) throw damaged(place, key, 'its checksum does not match')
  return value
}
