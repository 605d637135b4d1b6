import { assert, present } from '../base/assert.ts'
import { type ByteView, byteView } from '../base/byte-view.ts'

/**
 * Bytes of a full chunk, as a power of two: positions are chunk number and offset in one 32-bit integer.
 * Small, so that moving what lives in one takes a moment.
 */
export const CHUNK_BITS = 16
const CHUNK_BYTES = 1 << CHUNK_BITS
const OFFSET_MASK = CHUNK_BYTES - 1
/** Chunks grow to full size from here, so that a small group stays small. */
const FIRST_CHUNK_BYTES = 1024
/** Two numbers of 16 bits stay free, for Positions. */
export const CHUNKS_MAX: number = (1 << 16) - 2
/** Longer records get a chunk of their own. */
const SHARED_RECORD_BYTES_MAX = CHUNK_BYTES >>> 3
/** Share of a chunk whose death makes moving the rest cheap: about a record for each that has died. */
const DEAD_CHUNK = 0.48
/** Share of all bytes that may be dead in chunks that are fuller than that. */
const DEAD_MAX = 0.2

interface Chunk extends ByteView {
  /** Bytes written. */
  end: number
  /** Bytes that belong to records still wanted. */
  live: number
}

/**
 * Append-only bytes in chunks. A record lies in one chunk; its position is an unsigned 32-bit number. Chunks
 * without live bytes are given back; sparse ones are for the owner to move, see {@link release}. Of those the
 * one with the most dead bytes comes first, as in a log-structured file system (Rosenblum and Ousterhout,
 * SOSP 1991).
 */
export class Arena {
  readonly #chunks: (Chunk | undefined)[] = []
  readonly #free: number[] = []
  #tail = -1
  #tailChunk: Chunk | undefined
  #bytes = 0
  /** Bytes written to chunks that are there, and those of them that are dead. */
  #written = 0
  #dead = 0
  /** The chunk that has last become sparse, or −1. */
  #candidate = -1

  /** Bytes allocated. */
  get allocatedBytes(): number {
    return this.#bytes
  }

  /** Room for a record; the caller fills it at once. @returns its position */
  append(length: number): number {
    const tail = this.#tailChunk
    if (tail === undefined || tail.end + length > tail.bytes.length) return this.#elsewhere(length)
    const position = this.#tail * CHUNK_BYTES + tail.end
    tail.end += length
    tail.live += length
    this.#written += length
    return position
  }

  /** The chunk that holds a position; {@link offsetOf} tells where in it. */
  at(position: number): ByteView {
    return this.#chunk(position >>> CHUNK_BITS)
  }

  offsetOf(position: number): number {
    return position & OFFSET_MASK
  }

  /** Gives a record up; {@link sparse} tells what that may be a reason to do. */
  release(position: number, length: number): void {
    const number = position >>> CHUNK_BITS
    const chunk = this.#chunk(number)
    chunk.live -= length
    this.#dead += length
    if (number === this.#tail) return
    if (chunk.live === 0) this.drop(number)
    else if (chunk.live < chunk.end * (1 - DEAD_CHUNK)) this.#candidate = number
  }

  /** A chunk whose records should be moved, as too many of its bytes or of all are dead; −1 when none is. */
  sparse(): number {
    const candidate = this.#candidate
    this.#candidate = -1
    if (candidate >= 0 && this.#chunks[candidate] !== undefined) return candidate
    return this.#dead > this.#written * DEAD_MAX ? this.#sparsest() : -1
  }

  /** Bytes written to a chunk, all of them whole records. */
  chunkEnd(chunk: number): number {
    return this.#chunk(chunk).end
  }

  chunkAt(chunk: number): ByteView {
    return this.#chunk(chunk)
  }

  positionIn(chunk: number, offset: number): number {
    return chunk * CHUNK_BYTES + offset
  }

  /** Drops a chunk whose live records were moved. */
  drop(chunk: number): void {
    const { bytes, end, live } = this.#chunk(chunk)
    this.#bytes -= bytes.length
    this.#written -= end
    this.#dead -= end - live
    this.#chunks[chunk] = undefined
    this.#free.push(chunk)
  }

  /** The chunk with the most dead bytes but for the tail, or −1 when none has any. */
  #sparsest(): number {
    let found = -1
    let most = 0
    for (let number = 0; number < this.#chunks.length; number++) {
      const chunk = this.#chunks[number]
      if (chunk === undefined || number === this.#tail || chunk.end - chunk.live <= most) continue
      most = chunk.end - chunk.live
      found = number
    }
    return found
  }

  #chunk(number: number): Chunk {
    return present(this.#chunks[number], 'chunk')
  }

  /** Room in a new chunk: the next tail, or for a long record one of its own. */
  #elsewhere(length: number): number {
    const isLone = length > SHARED_RECORD_BYTES_MAX
    const before = this.#tailChunk?.bytes.length ?? FIRST_CHUNK_BYTES / 4
    const size = isLone ? length : Math.max(length, Math.min(CHUNK_BYTES, before * 4))
    const number = this.#free.pop() ?? this.#chunks.length
    assert(number < CHUNKS_MAX, 'live entries below 4 GiB')
    const { bytes, view } = byteView(new Uint8Array(size))
    const chunk: Chunk = { bytes, view, end: length, live: length }
    this.#chunks[number] = chunk
    this.#bytes += size
    this.#written += length
    if (!isLone) {
      const old = this.#tail
      const isOldDead = this.#tailChunk?.live === 0
      this.#tail = number
      this.#tailChunk = chunk
      if (isOldDead) this.drop(old)
    }
    return number * CHUNK_BYTES
  }
}
