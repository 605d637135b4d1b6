import type { Connection, Stream } from '@libp2p/interface'
import { concatBytes } from '../../base/bytes.ts'
import type { Millis, Protocol } from '../../base/core.ts'
import { unref } from '../common/timers.ts'
import { FrameReader } from './frame-reader.ts'
import { messageChunks } from './message-bytes.ts'
import { FRAME_BYTES_MAX, protocolId, REPORT_BYTES } from './options.ts'
import type { Piece } from './send-queue.ts'
import type { TrafficCounter } from './traffic-counter.ts'

/** A stream is paused above, resumed below; each waiting frame counts this much besides its bytes. */
const PAUSE_BYTES = 256 * 1024
const RESUME_BYTES = 64 * 1024
const FRAME_OVERHEAD_BYTES = 128
const OPEN_TIMEOUT_MS: Millis = 5000
const REOPEN_FIRST_MS: Millis = 100
/** Streams that cannot be opened so often in a row mean that the connection is no good. */
const OPEN_FAILURES_MAX = 5

export interface PoolEvents {
  readonly network: string
  readonly traffic: TrafficCounter
  /** `handled` is called when the frame has been taken. */
  frame(protocol: Protocol, body: Uint8Array, handled: () => void): void
  writable(): void
  streamClosed(protocol: Protocol): void
  malformed(reason: string): void
  /** libp2p gave up a stream because more came than its window allows. */
  overrun(protocol: Protocol): void
  /** Bytes of sync and kv read since the last call. */
  taken(bytes: number): void
  broken(): void
}

interface Slot {
  writer: Stream | undefined
  isOpening: boolean
  failures: number
  reopenTimer: NodeJS.Timeout | undefined
}

const newSlot = (): Slot => ({
  writer: undefined,
  isOpening: false,
  failures: 0,
  reopenTimer: undefined,
})

/**
 * The framed streams of one connection: at most one written on per protocol, all that the remote
 * end opened read. A stream that broke is opened again when there is something to send.
 */
export class StreamPool {
  readonly #connection: Connection
  readonly #events: PoolEvents
  readonly #slots: Record<Protocol, Slot> = { member: newSlot(), sync: newSlot(), kv: newSlot() }
  #sentBytes = 0
  #acknowledgedBytes = 0
  #unreportedBytes = 0
  #isClosed = false

  constructor(connection: Connection, events: PoolEvents) {
    this.#connection = connection
    this.#events = events
  }

  get inFlightBytes(): number {
    return this.#sentBytes - this.#acknowledgedBytes
  }

  /** The other end has read this many more bytes of sync and kv. */
  acknowledge(bytes: number): void {
    // Never beyond what was sent: a peer cannot open our window by lying.
    this.#acknowledgedBytes = Math.min(this.#sentBytes, this.#acknowledgedBytes + bytes)
    this.#events.writable()
  }

  isReady(protocol: Protocol): boolean {
    const { writer } = this.#slots[protocol]
    return writer !== undefined && writer.writeStatus === 'writable' && !writer.writableNeedsDrain
  }

  /** @returns false when the stream broke */
  write(protocol: Protocol, pieces: readonly Piece[]): boolean {
    const { writer } = this.#slots[protocol]
    if (writer === undefined) return false
    const [first, ...rest] = pieces
    if (first === undefined) return true
    const bytes = rest.length === 0 ? first.bytes : concatBytes(pieces.map((each) => each.bytes))
    try {
      writer.send(bytes)
    } catch {
      this.#forget(protocol, writer)
      return false
    }
    this.#events.traffic.sentRaw(protocol, bytes.length)
    if (protocol !== 'member') this.#sentBytes += bytes.length
    return true
  }

  /** Gives up the stream written on: the rest of a frame will not come. */
  reset(protocol: Protocol): void {
    this.#slots[protocol].writer?.abort(new Error('Frame abandoned'))
  }

  open(protocol: Protocol): void {
    const slot = this.#slots[protocol]
    const isBusy = slot.writer !== undefined || slot.isOpening || slot.reopenTimer !== undefined
    if (isBusy || this.#isClosed) return
    slot.isOpening = true
    const signal = AbortSignal.timeout(OPEN_TIMEOUT_MS)
    this.#connection.newStream(protocolId(this.#events.network, protocol), { signal }).then(
      (stream) => {
        slot.isOpening = false
        slot.failures = 0
        if (this.#isClosed) stream.abort(new Error('Link closed'))
        else this.attach(protocol, stream)
      },
      () => {
        slot.isOpening = false
        this.#openFailed(protocol, slot)
      },
    )
  }

  /** Reads a stream and, when there is none to write on yet, writes on it too. */
  attach(protocol: Protocol, stream: Stream): void {
    const slot = this.#slots[protocol]
    slot.writer ??= stream
    this.#read(protocol, stream)
    stream.addEventListener('drain', () => this.#events.writable())
    // A half-closed stream is of no use to either end.
    stream.addEventListener('remoteCloseWrite', () => {
      this.#forget(protocol, stream)
      stream.close().catch(() => {})
    })
    stream.addEventListener('close', (event) => {
      if (event.error?.name === 'StreamBufferError') this.#events.overrun(protocol)
      this.#forget(protocol, stream)
    })
    this.#events.writable()
  }

  close(): void {
    this.#isClosed = true
    for (const slot of Object.values(this.#slots)) clearTimeout(slot.reopenTimer)
  }

  /** Resolves when libp2p has passed on all that was written. */
  async flushed(): Promise<void> {
    const writers = Object.values(this.#slots).flatMap(({ writer }) => writer ?? [])
    await Promise.all(writers.map(idle))
  }

  #openFailed(protocol: Protocol, slot: Slot): void {
    if (this.#isClosed || slot.writer !== undefined) return
    slot.failures += 1
    if (slot.failures >= OPEN_FAILURES_MAX) {
      this.#events.broken()
      return
    }
    slot.reopenTimer = setTimeout(
      () => {
        slot.reopenTimer = undefined
        this.#events.writable()
      },
      REOPEN_FIRST_MS * 2 ** slot.failures,
    )
    unref(slot.reopenTimer)
    this.#events.streamClosed(protocol)
  }

  #forget(protocol: Protocol, stream: Stream): void {
    const slot = this.#slots[protocol]
    if (slot.writer !== stream) return
    slot.writer = undefined
    this.#events.streamClosed(protocol)
  }

  #read(protocol: Protocol, stream: Stream): void {
    const { traffic } = this.#events
    const reader = new FrameReader(FRAME_BYTES_MAX[protocol])
    let waitingBytes = 0
    const onFrame = (body: Uint8Array): void => {
      traffic.received(protocol, body.length)
      const weight = body.length + FRAME_OVERHEAD_BYTES
      waitingBytes += weight
      this.#events.frame(protocol, body, () => {
        waitingBytes -= weight
        if (waitingBytes < RESUME_BYTES && stream.readStatus === 'paused') stream.resume()
      })
    }
    stream.addEventListener('message', (event) => {
      for (const chunk of messageChunks(event)) {
        if (!reader.push(chunk, onFrame)) {
          this.#events.malformed(`oversized ${protocol} frame`)
          stream.abort(new Error('Frame length out of bounds'))
          return
        }
        if (protocol !== 'member') this.#report(chunk.length)
      }
      if (waitingBytes <= PAUSE_BYTES) return
      // Not here: resume() itself delivers what was buffered, and would undo a pause from inside.
      queueMicrotask(() => {
        if (waitingBytes > PAUSE_BYTES && stream.readStatus === 'readable') stream.pause()
      })
    })
  }

  #report(bytes: number): void {
    this.#unreportedBytes += bytes
    if (this.#unreportedBytes < REPORT_BYTES) return
    this.#events.taken(this.#unreportedBytes)
    this.#unreportedBytes = 0
  }
}

function idle(stream: Stream): Promise<void> {
  if (stream.writeBufferLength === 0) return Promise.resolve()
  return new Promise((resolve) => {
    stream.addEventListener('idle', () => resolve())
    stream.addEventListener('close', () => resolve())
  })
}
