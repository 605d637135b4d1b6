import { concatBytes } from '../../base/bytes.ts'
import { DecodeError, Writer } from '../../base/codec.ts'
import { type Hash64, hash64 } from '../../base/hash.ts'
import { type BaseItem, decodeItems, writeItems } from '../base/base.ts'
import { encodeFrame } from './frame-codec.ts'
import { type HeldPieces, PIECE_BYTES, pieceCount, type SyncFrame } from './frames.ts'

type Frame = Extract<SyncFrame, { type: 'base-piece' }>

/** Pieces of one answer: they fit the queue of a peer, and what does not is asked for next. */
const ANSWER_PIECES_MAX = 4
const ITEM_HEAD_BYTES = 64

/** Whether an item of a base is too long for a frame: it holds a value of much more than 100 KB. */
export function isLong(item: BaseItem): boolean {
  return item.bytes.length > PIECE_BYTES
}

/**
 * A long item as frames, from the first piece on that the puller lacks. An item that is otherwise than what
 * it holds of it, since something was written, begins anew.
 */
export function pieceFrames(
  item: BaseItem,
  place: Pick<Frame, 'group' | 'session'>,
  held: HeldPieces | undefined,
): { readonly frames: readonly Uint8Array[]; readonly bytes: number; readonly isWhole: boolean } {
  const writer = new Writer(item.bytes.length + ITEM_HEAD_BYTES)
  writeItems(writer, [item])
  const whole = writer.finish()
  const hash = hash64(whole)
  const pieces = pieceCount(whole.length)
  const isSame = held !== undefined && isEqual(held.hash, hash)
  const from = isSame ? held.count : 0
  const end = Math.min(pieces, from + ANSWER_PIECES_MAX)
  const frames: Uint8Array[] = []
  for (let index = from; index < end; index++) {
    const bytes = whole.subarray(index * PIECE_BYTES, (index + 1) * PIECE_BYTES)
    const total = whole.length
    frames.push(encodeFrame({ type: 'base-piece', ...place, hash, total, index, bytes }))
  }
  const bytes = Math.max(0, Math.min(whole.length, end * PIECE_BYTES) - from * PIECE_BYTES)
  return { frames, bytes, isWhole: end === pieces }
}

/**
 * Puts one long item of a base together, its pieces in order. They are kept over lost frames, and even where the
 * base begins anew: the hash tells whether it is the same item.
 */
export class ItemPieces {
  #first: Pick<Frame, 'hash' | 'total'> | undefined
  #pieces: Uint8Array[] = []

  /** What a pull may leave out. */
  get held(): HeldPieces | undefined {
    return this.#first && { hash: this.#first.hash, count: this.#pieces.length }
  }

  /**
   * Takes the next piece; a first one of another item takes the place of what is there.
   * @returns the item when it is whole, none before; undefined when this is not the next piece
   * @throws {DecodeError}
   */
  add({ hash, total, index, bytes }: Frame): readonly BaseItem[] | undefined {
    const first = this.#first
    const isSame = first?.total === total && isEqual(first.hash, hash)
    if (index !== (isSame ? this.#pieces.length : 0)) return undefined
    if (!isSame) this.#pieces = []
    this.#first = { hash, total }
    // A view into a frame would keep the whole frame in memory.
    this.#pieces.push(bytes.slice())
    if (this.#pieces.length < pieceCount(total)) return []
    const whole = concatBytes(this.#pieces)
    this.#first = undefined
    this.#pieces = []
    if (!isEqual(hash64(whole), hash)) throw new DecodeError('pieces of other items')
    const items = decodeItems(whole)
    if (!items.ok) throw new DecodeError(items.reason)
    return items.value
  }
}

function isEqual(a: Hash64, b: Hash64): boolean {
  return a.high === b.high && a.low === b.low
}
