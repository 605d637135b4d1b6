import type { MessageStream } from '@libp2p/interface'
import { concatBytes } from '../../base/bytes.ts'
import { MUXER_BYTES_MAX } from './options.ts'

/** yamux: version, type, flags (2), stream id (4), length (4). */
const HEADER_BYTES = 12
const TYPE_DATA = 0
const TYPE_WINDOW = 1
const FLAGS_END = 4 | 8
/** Grants of window are saved up to this: the other end keeps three quarters of its window at least. */
const GRANT_BYTES_MIN: number = MUXER_BYTES_MAX / 4
/** Streams whose grants are saved up; beyond it all are told. */
const GRANTS_MAX = 128
/** What is gathered leaves at once when it is more. */
const GATHERED_BYTES_MAX = 65_536

/**
 * Makes what yamux writes on a connection leave in fewer messages. yamux answers each frame of data with a
 * grant of as much window, so that a request and its answer cost four encrypted messages instead of two:
 * here grants are saved up. And the frames of one turn are encrypted and written together.
 */
export function gatherWrites(connection: MessageStream): void {
  const writes = new MuxerWrites(connection.send.bind(connection))
  connection.send = (data) => {
    // Whoever writes on a closed or saturated connection hears of it as ever.
    if (connection.status !== 'open') return writes.now(data.subarray())
    return writes.soon(data.subarray()) && !connection.writableNeedsDrain
  }
}

/** The frames of one connection on their way out; each is given whole. */
export class MuxerWrites {
  readonly #send: (bytes: Uint8Array) => boolean
  /** Window by stream that the other end has not been told of. */
  readonly #grants = new Map<number, number>()
  #frames: Uint8Array[] = []
  #bytes = 0

  constructor(send: (bytes: Uint8Array) => boolean) {
    this.#send = send
  }

  /** @returns false when the connection wants no more for now */
  soon(frame: Uint8Array): boolean {
    const [type, flags] = [frame[1], (frame[3] ?? 0) & 15]
    const stream = uint32(frame, 4)
    if (frame.length === HEADER_BYTES && type === TYPE_WINDOW && flags === 0) {
      this.#grant(stream, uint32(frame, 8))
      return true
    }
    // Pings and the last words of a connection wait for nothing.
    if (type !== TYPE_DATA && type !== TYPE_WINDOW) return this.now(frame)
    if ((flags & FLAGS_END) !== 0) this.#grants.delete(stream)
    this.#push(frame)
    return this.#bytes < GATHERED_BYTES_MAX || this.#flush()
  }

  /** Writes what was gathered and a frame at once. @throws what the connection throws */
  now(frame: Uint8Array): boolean {
    this.#frames.push(frame)
    return this.#flush()
  }

  #grant(stream: number, more: number): void {
    const total = (this.#grants.get(stream) ?? 0) + more
    this.#grants.delete(stream)
    if (total >= GRANT_BYTES_MIN) this.#push(grantOf(stream, total))
    else this.#grants.set(stream, total)
    if (this.#grants.size <= GRANTS_MAX) return
    for (const [each, bytes] of this.#grants) this.#push(grantOf(each, bytes))
    this.#grants.clear()
  }

  #push(frame: Uint8Array): void {
    if (this.#frames.length === 0) queueMicrotask(() => this.#flushLater())
    this.#frames.push(frame)
    this.#bytes += frame.length
  }

  #flushLater(): void {
    try {
      this.#flush()
    } catch {
      // The connection closed since: its end says so to everybody.
    }
  }

  #flush(): boolean {
    const frames = this.#frames
    const [only] = frames
    if (only === undefined) return true
    this.#frames = []
    this.#bytes = 0
    return this.#send(frames.length === 1 ? only : concatBytes(frames))
  }
}

function grantOf(stream: number, bytes: number): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES)
  const view = new DataView(frame.buffer)
  frame[1] = TYPE_WINDOW
  view.setUint32(4, stream)
  view.setUint32(8, bytes)
  return frame
}

function uint32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at)
}
