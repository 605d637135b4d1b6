import { NO_SLOT } from './chains.ts'
import type { ObjectReader } from './object-view.ts'

/** Hashes of keys, 32 bits. */
const HASHES = 2 ** 32

/** Some elements of a set, in no order. */
export interface SetPage {
  readonly elements: readonly string[]
  /** Where the next page begins; undefined after the last. */
  readonly next: number | undefined
}

/**
 * The elements of one segment of a set's index. A set may change between two pages: what is in it from the first
 * page to the last is on one of them, once; what comes or goes meanwhile may be. A cursor is a hash: segments that
 * split share the hashes of the one before, so that it stays a border.
 * @param from 0 for the first page, then `next`
 */
export function setPage(reader: ObjectReader, name: string, from: number): SetPage {
  const object = reader.state.object('set', name)
  const elements: string[] = []
  if (object === undefined) return { elements, next: undefined }
  const { index } = object
  const { records, slots } = reader.state
  if (index === undefined) {
    object.eachKey((slot) => {
      if (records.keyHash(slots.recordOf(slot)) >>> 0 >= from) elements.push(reader.elementAt(slot))
    })
    return { elements, next: undefined }
  }
  index.settle()
  const { cells, depth } = index.segmentOf(from | 0)
  for (let at = 1; at < cells.length; at += 2) {
    const slot = (cells[at] ?? 0) - 1
    if (slot !== NO_SLOT) elements.push(reader.elementAt(slot))
  }
  const span = HASHES / 2 ** depth
  const next = (Math.floor(from / span) + 1) * span
  return { elements, next: next < HASHES ? next : undefined }
}
