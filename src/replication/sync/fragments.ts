import { concatBytes } from '../../base/bytes.ts'
import type { ReplicaId } from '../../base/ids.ts'
import { PARTIALS_MAX, type Partial, pieceCount } from './frames.ts'

/** One piece of a large transaction. */
export interface Piece {
  readonly group: string
  readonly replica: ReplicaId
  readonly n0: number
  readonly total: number
  readonly index: number
  readonly bytes: Uint8Array
}

interface Incomplete {
  readonly group: string
  readonly replica: ReplicaId
  readonly n0: number
  readonly total: number
  readonly pieces: Map<number, Uint8Array>
  bytes: number
}

/** What one costs beside its pieces: the last piece of a run may be a single byte. */
const INCOMPLETE_BYTES = 1_024

/**
 * Puts large transactions together. Pieces are kept over lost frames, new sessions and other senders, so
 * that each attempt fills holes; the checksum of the whole proves them in the end.
 */
export class Fragments {
  readonly #bytesMax: number
  readonly #incomplete = new Map<string, Incomplete>()
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Adds a piece. `isNew` when it was missing; `whole` when it was the last that was. */
  add(piece: Piece): { readonly isNew: boolean; readonly whole: Uint8Array | undefined } {
    const key = `${piece.replica}!${piece.n0}!${piece.total}!${piece.group}`
    let incomplete = this.#incomplete.get(key)
    if (incomplete?.pieces.has(piece.index) === true) return { isNew: false, whole: undefined }
    if (incomplete === undefined) {
      const { group, replica, n0, total } = piece
      incomplete = { group, replica, n0, total, pieces: new Map(), bytes: INCOMPLETE_BYTES }
      this.#incomplete.set(key, incomplete)
      this.#bytes += incomplete.bytes
    }
    incomplete.pieces.set(piece.index, piece.bytes.slice())
    incomplete.bytes += piece.bytes.length
    this.#bytes += piece.bytes.length
    if (incomplete.pieces.size === pieceCount(piece.total)) {
      this.#forget(key, incomplete)
      const ordered = [...incomplete.pieces].sort(([a], [b]) => a - b).map(([, bytes]) => bytes)
      return { isNew: true, whole: concatBytes(ordered) }
    }
    // The oldest give way: they are pulled again.
    for (const [oldKey, old] of this.#incomplete) {
      if (this.#bytes <= this.#bytesMax) break
      if (oldKey !== key) this.#forget(oldKey, old)
    }
    return { isNew: true, whole: undefined }
  }

  /** What a pull may leave out. @param have highest integrated n of a writer: older ones are forgotten */
  partials(group: string, have: (replica: ReplicaId) => number): readonly Partial[] {
    const partials: Partial[] = []
    for (const [key, incomplete] of this.#incomplete) {
      if (incomplete.group !== group) continue
      if (incomplete.n0 <= have(incomplete.replica)) {
        this.#forget(key, incomplete)
        continue
      }
      if (partials.length === PARTIALS_MAX) break
      const { replica, n0, total, pieces } = incomplete
      const held = new Uint8Array(Math.ceil(pieceCount(total) / 8))
      for (const index of pieces.keys())
        held[index >>> 3] = (held[index >>> 3] ?? 0) | (1 << (index & 7))
      partials.push({ replica, n0, total, held })
    }
    return partials
  }

  #forget(key: string, incomplete: Incomplete): void {
    this.#incomplete.delete(key)
    this.#bytes -= incomplete.bytes
  }
}
