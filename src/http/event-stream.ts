import type { EventRing } from './event-ring.ts'
import type { ResetEvent } from './shapes.ts'

/** host.md: bytes a client may leave unread. */
const QUEUE_BYTES_MAX = 1024 * 1024
/** Frames are sent together up to about this size. */
const BATCH_BYTES = 16 * 1024
/** What EventSource clients wait before they reconnect. */
const RETRY_MS = 1_000

export interface EventStreamOptions {
  readonly lastEventId?: string
  readonly types?: ReadonlySet<string>
  readonly signal: AbortSignal
  readonly now: () => number
  /** Called once, however the stream ends. */
  readonly onEnd: (stream: EventStream) => void
}

/** One client's cursor into the ring, as a stream of bytes that is read on demand. */
export class EventStream {
  readonly readable: ReadableStream<Uint8Array>
  readonly #ring: EventRing
  readonly #options: EventStreamOptions
  readonly #encoder: TextEncoder = new TextEncoder()
  /** Id of the last event read or skipped. */
  #cursor: number
  /** Replayed events do not count as unread: the client asked for them all at once. */
  readonly #replayedBytes: number
  /** Text that goes out before further events. */
  #notice: string
  #wakeUp: (() => void) | undefined
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  #hasEnded = false

  constructor(ring: EventRing, options: EventStreamOptions) {
    this.#ring = ring
    this.#options = options
    const resumed = options.lastEventId === undefined ? ring.lastId : eventId(options.lastEventId)
    const isResumable = ring.reaches(resumed)
    this.#cursor = isResumable ? resumed : ring.lastId
    this.#replayedBytes = ring.bytes
    // The id goes first, so that a client which breaks off before any event still knows where it was.
    this.#notice = `retry: ${RETRY_MS}\nid: ${this.#cursor}\n\n${isResumable ? '' : this.#reset()}`
    this.readable = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller
        },
        pull: (controller) => this.#pull(controller),
        cancel: () => this.#finish(),
      },
      { highWaterMark: 0 },
    )
    options.signal.addEventListener('abort', this.end)
    if (options.signal.aborted) this.end()
  }

  /** New events are in the ring. Closes the stream when its client has not kept up. */
  wake(): void {
    const unread = this.#ring.bytes - this.#readBytes()
    if (unread > QUEUE_BYTES_MAX || !this.#ring.reaches(this.#cursor)) this.#fail()
    else this.#wakeReader()
  }

  /** Keeps the connection alive and moves the client's `Last-Event-ID` past events it did not ask for. */
  heartbeat(): void {
    if (this.#notice !== '') return
    this.#notice = ': heartbeat\n'
    this.#wakeReader()
  }

  readonly end = (): void => {
    if (this.#hasEnded) return
    this.#finish()
    this.#controller?.close()
  }

  #readBytes(): number {
    return Math.max(this.#ring.bytesThrough(this.#cursor), this.#replayedBytes)
  }

  #fail(): void {
    if (this.#hasEnded) return
    this.#finish()
    this.#controller?.error(new Error('Cannot keep the stream: its client reads too slowly'))
  }

  #finish(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#options.signal.removeEventListener('abort', this.end)
    this.#wakeReader()
    this.#options.onEnd(this)
  }

  #wakeReader(): void {
    this.#wakeUp?.()
    this.#wakeUp = undefined
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    while (!this.#hasEnded) {
      const bytes = this.#next()
      if (bytes !== undefined) {
        controller.enqueue(bytes)
        return
      }
      await new Promise<void>((resolve) => {
        this.#wakeUp = resolve
      })
    }
  }

  /** The next bytes to send; undefined when there is nothing to say. */
  #next(): Uint8Array | undefined {
    const parts: Uint8Array[] = []
    let length = 0
    while (length < BATCH_BYTES) {
      const entry = this.#ring.at(this.#cursor + 1)
      if (entry === undefined) break
      this.#cursor = entry.id
      if (this.#options.types?.has(entry.type) === false) continue
      parts.push(entry.frame)
      length += entry.frame.length
    }
    if (this.#notice !== '' && (length === 0 || !this.#isHeartbeat())) {
      const notice = this.#isHeartbeat() ? `${this.#notice}id: ${this.#cursor}\n\n` : this.#notice
      parts.unshift(this.#encoder.encode(notice))
    }
    this.#notice = ''
    return parts.length === 0 ? undefined : Buffer.concat(parts)
  }

  #isHeartbeat(): boolean {
    return this.#notice.startsWith(':')
  }

  #reset(): string {
    const event: ResetEvent = { type: 'reset', at: this.#options.now() }
    return `id: ${this.#cursor}\nevent: reset\ndata: ${JSON.stringify(event)}\n\n`
  }
}

/** The id a client resumes after; NaN, which no ring reaches, when it is none of ours. */
function eventId(text: string): number {
  return /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
}
