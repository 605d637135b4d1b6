import type { MessageStream, StreamMessageEvent, StreamMuxerFactory } from '@libp2p/interface'
import type { Millis } from '../../base/core.ts'
import { messageChunks } from './message-bytes.ts'
import { gatherWrites } from './muxer-writes.ts'
import { type HostLimits, MUXER_BYTES_MAX } from './options.ts'
import { TokenBucket } from './token-bucket.ts'

/** yamux: version, type, flags (2), stream id (4), length (4). */
const HEADER_BYTES = 12
const TYPE_DATA = 0
const TYPE_WINDOW = 1
const TYPE_PING = 2
const TYPE_GO_AWAY = 3
const FLAG_SYN = 1
const FLAG_RST = 8
/** The largest window that other implementations use. */
const WINDOW_DELTA_MAX = 16 * 1024 * 1024

type Limits = Pick<HostLimits, 'muxerControlPerSecond' | 'streamsPerSecond'>

/** Follows yamux frame headers; a reason when one breaks the rules. Pure apart from the time given. */
export class YamuxFollower {
  readonly #header = new Uint8Array(HEADER_BYTES)
  readonly #view = new DataView(this.#header.buffer)
  readonly #pings: TokenBucket
  readonly #resets: TokenBucket
  readonly #opens: TokenBucket
  #headerBytes = 0
  #skip = 0

  constructor(limits: Limits) {
    this.#pings = new TokenBucket(limits.muxerControlPerSecond)
    this.#resets = new TokenBucket(limits.muxerControlPerSecond, 4 * limits.muxerControlPerSecond)
    this.#opens = new TokenBucket(limits.streamsPerSecond, 4 * limits.streamsPerSecond)
  }

  push(chunk: Uint8Array, now: Millis): string | undefined {
    let offset = 0
    while (offset < chunk.length) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, chunk.length - offset)
        this.#skip -= step
        offset += step
        continue
      }
      this.#header[this.#headerBytes] = chunk[offset] ?? 0
      this.#headerBytes += 1
      offset += 1
      if (this.#headerBytes < HEADER_BYTES) continue
      this.#headerBytes = 0
      const offence = this.#frame(now)
      if (offence !== undefined) return offence
    }
    return undefined
  }

  #frame(now: Millis): string | undefined {
    const type = this.#header[1] ?? 0
    const flags = this.#view.getUint16(2)
    const length = this.#view.getUint32(8)
    if (this.#header[0] !== 0 || type > TYPE_GO_AWAY) return 'malformed muxer frame'
    if (type === TYPE_DATA) {
      if (length > MUXER_BYTES_MAX) return 'oversized muxer frame'
      this.#skip = length
    }
    if (type === TYPE_WINDOW && length > WINDOW_DELTA_MAX) return 'oversized muxer window'
    if (type === TYPE_PING && !this.#pings.take(now)) return 'flood of muxer pings'
    if (type <= TYPE_WINDOW && (flags & FLAG_SYN) !== 0 && !this.#opens.take(now)) {
      return 'flood of muxer streams'
    }
    if (type <= TYPE_WINDOW && (flags & FLAG_RST) !== 0 && !this.#resets.take(now)) {
      return 'flood of muxer resets'
    }
    return undefined
  }
}

/** A muxer factory whose connections are cut at the first frame that breaks the rules. */
export function guardMuxer(
  factory: StreamMuxerFactory,
  options: { readonly limits: Limits; readonly offended: (reason: string) => void },
): StreamMuxerFactory {
  const follow = (connection: MessageStream): void => {
    const follower = new YamuxFollower(options.limits)
    const onMessage = (event: StreamMessageEvent): void => {
      for (const chunk of messageChunks(event)) {
        const offence = follower.push(chunk, performance.now())
        if (offence === undefined) continue
        connection.removeEventListener('message', onMessage)
        event.stopImmediatePropagation()
        options.offended(offence)
        connection.abort(new Error(offence))
        return
      }
    }
    connection.addEventListener('message', onMessage)
  }
  return {
    protocol: factory.protocol,
    createStreamMuxer: (connection) => {
      // Before the muxer's own listener: it must not see what is refused.
      follow(connection)
      gatherWrites(connection)
      return factory.createStreamMuxer(connection)
    },
  }
}
