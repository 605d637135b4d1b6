import type { MessageStream } from '@libp2p/interface'
import { concat } from 'uint8arrays/concat'
import { soon } from '../common/timers.ts'
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
/** What is gathered leaves before it is more: as much as noise puts into one message. */
const GATHERED_BYTES_MAX = 65_519

/**
 * Makes what yamux writes on a connection leave in fewer messages. yamux answers each frame of data with a
 * grant of as much window, so that a request and its answer cost four encrypted messages instead of two:
 * here grants are saved up. And the frames of one turn of the event loop are encrypted and written together.
 */
export function gatherWrites(connection: MessageStream): void {
  const writes = new MuxerWrites(connection.send.bind(connection))
  connection.send = (data) => {
    // Whoever writes on a closed or saturated connection hears of it as ever.
    const parts = data instanceof Uint8Array ? [data] : [...data]
    if (connection.status !== 'open') return writes.now(parts)
    return writes.soon(parts) && !connection.writableNeedsDrain
  }
}

/** The frames of one connection on their way out; each is given whole, its header in the first part. */
export class MuxerWrites {
  readonly #send: (bytes: Uint8Array) => boolean
  /** Window by stream that the other end has not been told of. */
  readonly #grants = new Map<number, number>()
  #parts: Uint8Array[] = []
  #bytes = 0

  constructor(send: (bytes: Uint8Array) => boolean) {
    this.#send = send
  }

  /** @returns false when the connection wants no more for now */
  soon(frame: readonly Uint8Array[]): boolean {
    const header = frame[0] ?? new Uint8Array(HEADER_BYTES)
    const [type, flags] = [header[1], (header[3] ?? 0) & 15]
    const stream = uint32(header, 4)
    if (type === TYPE_WINDOW && flags === 0) {
      this.#grant(stream, uint32(header, 8))
      return true
    }
    // Pings and the last words of a connection wait for nothing.
    if (type !== TYPE_DATA && type !== TYPE_WINDOW) return this.now(frame)
    if ((flags & FLAGS_END) !== 0) this.#grants.delete(stream)
    return this.#push(frame)
  }

  /** Writes what was gathered and a frame at once. @throws what the connection throws */
  now(frame: readonly Uint8Array[]): boolean {
    this.#parts.push(...frame)
    return this.#flush()
  }

  #grant(stream: number, more: number): void {
    const total = (this.#grants.get(stream) ?? 0) + more
    this.#grants.delete(stream)
    if (total >= GRANT_BYTES_MIN) this.#push([grantOf(stream, total)])
    else this.#grants.set(stream, total)
    if (this.#grants.size <= GRANTS_MAX) return
    for (const [each, bytes] of this.#grants) this.#push([grantOf(each, bytes)])
    this.#grants.clear()
  }

  #push(frame: readonly Uint8Array[]): boolean {
    let bytes = 0
    for (const part of frame) bytes += part.length
    const mayGoOn = this.#bytes + bytes <= GATHERED_BYTES_MAX || this.#flush()
    if (this.#parts.length === 0) soon(() => this.#flushLater())
    this.#parts.push(...frame)
    this.#bytes += bytes
    return mayGoOn
  }

  #flushLater(): void {
    try {
      this.#flush()
    } catch {
      // The connection closed since: its end says so to everybody.
    }
  }

  #flush(): boolean {
    const parts = this.#parts
    const [only] = parts
    if (only === undefined) return true
    this.#parts = []
    this.#bytes = 0
    return this.#send(parts.length === 1 ? only : concat(parts))
  }
}

function grantOf(stream: number, bytes: number): Uint8Array {
  const numbers = [stream, bytes].flatMap((n) => [n >>> 24, n >>> 16, n >>> 8, n])
  return Uint8Array.of(0, TYPE_WINDOW, 0, 0, ...numbers)
}

/** Without a view: to make one of an array as short as this costs more than all the rest. */
function uint32(bytes: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
}
