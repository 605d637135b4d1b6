import type { NodeEvent } from '../index.ts'
import { EventRing } from './event-ring.ts'
import { EventStream } from './event-stream.ts'
import { RequestFault } from './problem.ts'

/** host.md: event streams at a time. */
export const EVENT_STREAMS_MAX = 32
/** Proxies and clients give up on silent connections after 30 s and more. */
const HEARTBEAT_MS = 15_000

export interface OpenStream {
  /** The client's `Last-Event-ID`. */
  readonly lastEventId?: string
  /** Only events of these types; @default all */
  readonly types?: ReadonlySet<string>
  /** Closes the stream. */
  readonly signal: AbortSignal
}

/**
 * Server-sent events: one ring of recent events, and streams that each are a cursor into it. A stream keeps no queue
 * of its own: it is closed when its client has left more than the allowed bytes unread, and resumes by
 * `Last-Event-ID` as long as the ring reaches back that far; else it is told `reset`.
 */
export class EventHub {
  readonly #ring: EventRing
  readonly #streams = new Set<EventStream>()
  readonly #now: () => number
  #heartbeat: NodeJS.Timeout | undefined
  #isClosed = false

  /** @param cursor of the node's latest change */
  constructor(now: () => number, cursor: string) {
    this.#now = now
    this.#ring = new EventRing(cursor)
  }

  get streams(): number {
    return this.#streams.size
  }

  push(event: NodeEvent): void {
    if (this.#isClosed) return
    this.#ring.push(event)
    for (const stream of this.#streams) stream.wake()
  }

  /** The node has started anew: every stream is told to read again. */
  restart(cursor: string): void {
    this.#ring.restart(cursor)
    for (const stream of this.#streams) stream.restart()
  }

  /** @throws {RequestFault} 429 when all streams are taken, 503 when closed */
  open(options: OpenStream): ReadableStream<Uint8Array> {
    if (this.#isClosed) {
      throw new RequestFault(503, 'ERR_STOPPED', 'Cannot open a stream: the node is shutting down')
    }
    if (this.#streams.size >= EVENT_STREAMS_MAX) {
      const message = `Cannot open a stream: ${EVENT_STREAMS_MAX} are open already`
      throw new RequestFault(429, 'ERR_OVERLOADED', message, { hint: 'Close another one first' })
    }
    const stream = new EventStream(this.#ring, {
      ...options,
      now: this.#now,
      onEnd: (ended) => this.#remove(ended),
    })
    if (options.signal.aborted) return stream.readable
    this.#streams.add(stream)
    this.#heartbeat ??= setInterval(() => this.#beat(), HEARTBEAT_MS).unref()
    return stream.readable
  }

  /** Ends all streams at once. */
  close(): void {
    this.#isClosed = true
    for (const stream of [...this.#streams]) stream.end()
  }

  #beat(): void {
    for (const stream of this.#streams) stream.heartbeat()
  }

  #remove(stream: EventStream): void {
    this.#streams.delete(stream)
    if (this.#streams.size > 0) return
    clearInterval(this.#heartbeat)
    this.#heartbeat = undefined
  }
}
