/**
 * Frames on a stream: a 4-byte big-endian length of 1 … the protocol's limit, then that many bytes.
 * The length is checked before a byte of the body is kept, and memory follows the bytes that came,
 * never the length that was claimed.
 */
export const FRAME_HEADER_BYTES = 4

/** A frame at most this long is copied: a view would pin the whole chunk it came in. */
const COPY_BYTES_MAX = 4096
const FIRST_BUFFER_BYTES = 1024
/** A buffer that is full becomes so much larger: memory is at most that many times what came. */
const GROWTH = 4

/** Header and body in one array, so that they leave in one piece. */
export function encodeFrame(body: Uint8Array): Uint8Array {
  return beginFrame(body, Number.POSITIVE_INFINITY)
}

/** Header and as much of a body as fits into so many bytes, for frames that leave in several pieces. */
export function beginFrame(body: Uint8Array, bytesMax: number): Uint8Array {
  const { length } = body
  const begin = new Uint8Array(Math.min(bytesMax, FRAME_HEADER_BYTES + length))
  // No DataView: the buffer of a short array would have to be made first.
  begin[0] = length >>> 24
  begin[1] = length >>> 16
  begin[2] = length >>> 8
  begin[3] = length
  begin.set(body.subarray(0, begin.length - FRAME_HEADER_BYTES), FRAME_HEADER_BYTES)
  return begin
}

/** Cuts a byte stream into frame bodies. After a refusal it reads nothing more. */
export class FrameReader {
  readonly #bodyBytesMax: number
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES)
  #headerBytes = 0
  #expected = 0
  #buffer: Uint8Array = new Uint8Array(0)
  #filled = 0
  #isBroken = false

  constructor(bodyBytesMax: number) {
    this.#bodyBytesMax = bodyBytesMax
  }

  /** True between two frames: nothing is half read. */
  get isIdle(): boolean {
    return this.#headerBytes === 0
  }

  /**
   * Takes the next bytes and hands out each frame that they complete.
   * @returns false when a length is zero or above the limit
   */
  push(chunk: Uint8Array, onFrame: (body: Uint8Array) => void): boolean {
    let offset = 0
    while (offset < chunk.length && !this.#isBroken) {
      if (this.#headerBytes < FRAME_HEADER_BYTES) {
        offset = this.#takeHeader(chunk, offset)
      } else {
        offset = this.#takeBody(chunk, offset, onFrame)
      }
    }
    return !this.#isBroken
  }

  #takeHeader(chunk: Uint8Array, from: number): number {
    let offset = from
    while (offset < chunk.length && this.#headerBytes < FRAME_HEADER_BYTES) {
      this.#header[this.#headerBytes] = chunk[offset] ?? 0
      this.#headerBytes += 1
      offset += 1
    }
    if (this.#headerBytes === FRAME_HEADER_BYTES) {
      this.#expected = new DataView(this.#header.buffer).getUint32(0)
      if (this.#expected === 0 || this.#expected > this.#bodyBytesMax) this.#isBroken = true
    }
    return offset
  }

  #takeBody(chunk: Uint8Array, from: number, onFrame: (body: Uint8Array) => void): number {
    const to = Math.min(chunk.length, from + this.#expected - this.#filled)
    const isWhole = this.#filled === 0 && to - from === this.#expected
    if (isWhole) {
      this.#headerBytes = 0
      // Sockets give Buffers, whose slice() is a view: nothing but plain arrays may leave here.
      const body = new Uint8Array(chunk.buffer, chunk.byteOffset + from, to - from)
      onFrame(body.length <= COPY_BYTES_MAX ? body.slice() : body)
      return to
    }
    this.#append(chunk.subarray(from, to))
    if (this.#filled === this.#expected) {
      const body = this.#buffer.subarray(0, this.#filled)
      this.#buffer = new Uint8Array(0)
      this.#filled = 0
      this.#headerBytes = 0
      onFrame(body)
    }
    return to
  }

  #append(bytes: Uint8Array): void {
    const needed = this.#filled + bytes.length
    if (needed > this.#buffer.length) {
      const more = Math.max(GROWTH * needed, FIRST_BUFFER_BYTES)
      const grown = unwrittenBytes(Math.min(more, this.#expected))
      grown.set(this.#buffer.subarray(0, this.#filled))
      this.#buffer = grown
    }
    this.#buffer.set(bytes, this.#filled)
    this.#filled = needed
  }
}

/** Not zeroed where that can be had: nobody sees of it but what is written there. */
function unwrittenBytes(length: number): Uint8Array {
  if (globalThis.Buffer === undefined) return new Uint8Array(length)
  return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
}
