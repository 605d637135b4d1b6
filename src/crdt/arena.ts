import { assert, present } from '../base/assert.ts'
import { type ByteView, byteView } from '../base/byte-view.ts'

/**
 * Bytes of a full chunk, as a power of two: positions are chunk number and offset in one 32-bit integer.
 * Small, so that moving what lives in one takes a moment.
 */
const CHUNK_BITS = 16
const CHUNK_BYTES = 1 << CHUNK_BITS
const OFFSET_MASK = CHUNK_BYTES - 1
/** Chunks grow to full size from here, so that a small group stays small. */
const FIRST_CHUNK_BYTES = 1024
const CHUNKS_MAX = 1 << (32 - CHUNK_BITS)
/** Longer records get a chunk of their own. */
const SHARED_RECORD_BYTES_MAX = CHUNK_BYTES >>> 3

interface Chunk extends ByteView {
  /** Bytes written. */
  end: number
  /** Bytes that belong to records still wanted. */
  live: number
}

/**
 * Append-only bytes in chunks. A record lies in one chunk; its position is an unsigned 32-bit number. Chunks
 * without live bytes are given back; half-dead ones are for the owner to move, see {@link release}.
 */
export class Arena {
  readonly #chunks: (Chunk | undefined)[] = []
  readonly #free: number[] = []
  #tail = -1
  #tailChunk: Chunk | undefined
  #bytes = 0

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
    return position
  }

  /** The chunk that holds a position; {@link offsetOf} tells where in it. */
  at(position: number): ByteView {
    return this.#chunk(position >>> CHUNK_BITS)
  }

  offsetOf(position: number): number {
    return position & OFFSET_MASK
  }

  /** Gives a record up. @returns the chunk whose records should be moved because a third of it is dead, or −1 */
  release(position: number, length: number): number {
    const number = position >>> CHUNK_BITS
    const chunk = this.#chunk(number)
    chunk.live -= length
    if (number === this.#tail) return -1
    if (chunk.live === 0) {
      this.drop(number)
      return -1
    }
    return isSparse(chunk) ? number : -1
  }

  /** All chunks that {@link release} would tell of. */
  sparse(): readonly number[] {
    const found: number[] = []
    for (const [number, chunk] of this.#chunks.entries()) {
      if (chunk !== undefined && number !== this.#tail && isSparse(chunk)) found.push(number)
    }
    return found
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
    this.#bytes -= this.#chunk(chunk).bytes.length
    this.#chunks[chunk] = undefined
    this.#free.push(chunk)
  }

  #chunk(number: number): Chunk {
    return present(this.#chunks[number], 'chunk of an arena position')
  }

  /** Room in a new chunk: the next tail, or for a long record one of its own. */
  #elsewhere(length: number): number {
    const isLone = length > SHARED_RECORD_BYTES_MAX
    const before = this.#tailChunk?.bytes.length ?? FIRST_CHUNK_BYTES / 4
    const size = isLone ? length : Math.max(length, Math.min(CHUNK_BYTES, before * 4))
    const number = this.#free.pop() ?? this.#chunks.length
    assert(number < CHUNKS_MAX, 'a group holds less than 4 GiB of live entries')
    const { bytes, view } = byteView(new Uint8Array(size))
    const chunk: Chunk = { bytes, view, end: length, live: length }
    this.#chunks[number] = chunk
    this.#bytes += size
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

/** Whether a third of what was written is dead. */
function isSparse({ live, end }: Chunk): boolean {
  return live * 3 < end * 2
}
