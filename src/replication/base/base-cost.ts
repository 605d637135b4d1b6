import { DecodeError } from '../../base/codec.ts'
import { type BaseItem, hasEntries, thinnedParts } from './base.ts'
import { BLOCK_DOTS } from './block-sums.ts'

/** Work of one part, in entries: honest ones have half of it. A part of 256 KiB could have ten thousand times more. */
const PART_WORK_MAX = 16_384
/** Dots of a map that are looked at as fast as an entry is taken in. */
const DOTS_PER_ENTRY = 64
/** Memory that a base on its way takes, roughly; 25 million entries. */
const BASE_BYTES_MAX: number = 1 << 30
const ITEM_BYTES = 256
const ENTRY_BYTES = 40

/**
 * What a base on its way costs: a few bytes of it may stand for very many entries and dots, and nobody says
 * where it ends.
 */
export class BaseCost {
  #partWork = 0
  #bytes = 0

  beginPart(): void {
    this.#partWork = 0
  }

  /** Counts an item that was checked. @param events that it brings @throws {DecodeError} when it is too much */
  add(item: BaseItem, events: number): void {
    const entries = hasEntries(item) && item.bytes.length > 0 ? events : 0
    this.#partWork += entries + mapWork(item)
    if (this.#partWork > PART_WORK_MAX) throw new DecodeError('part of a base too large')
    this.#bytes += item.bytes.length + ITEM_BYTES + entries * ENTRY_BYTES
    // What is told by sums may all have to be asked for.
    if (item.mode === 'sums') this.#bytes += ((item.to - item.from) / BLOCK_DOTS) * ITEM_BYTES
    if (this.#bytes > BASE_BYTES_MAX) throw new DecodeError('base too large')
  }
}

function mapWork(item: BaseItem): number {
  const dots = item.to - item.from + 1
  if (item.mode === 'bits' || item.mode === 'gaps' || item.mode === 'sums') {
    return dots / DOTS_PER_ENTRY
  }
  if (item.mode !== 'thinned' || thinnedParts(item).map.mode === 'runs') return 0
  // Few of them live.
  return dots / BLOCK_DOTS
}
