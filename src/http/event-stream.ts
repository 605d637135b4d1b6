import type { Position } from './event-position.ts'
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
  /** Place of the last event read or skipped. */
  #place: Position
  /** Bytes read, of all that went through the ring. Replayed ones count: the client asked for them all at once. */
  #readBytes: number
  /** Text that goes out before further events. */
  #notice: string
  #wakeUp: (() => void) | undefined
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  #hasEnded = false

  constructor(ring: EventRing, options: EventStreamOptions) {
    this.#ring = ring
    this.#options = options
    const { lastEventId, types } = options
    const resumed = lastEventId === undefined ? ring.last : ring.positionOf(lastEventId)
    const isResumable = resumed !== undefined && ring.reaches(resumed, types)
    this.#place = isResumable ? resumed : ring.last
    this.#readBytes = ring.bytes
    // The id goes first, so that a client which breaks off before any event still knows where it was.
    const id = ring.idOf(this.#place)
    this.#notice = `retry: ${RETRY_MS}\nid: ${id}\n\n${isResumable ? '' : this.#reset()}`
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
    const unread = this.#ring.bytes - this.#readBytes
    const { types } = this.#options
    if (unread > QUEUE_BYTES_MAX || !this.#ring.reaches(this.#place, types)) this.#fail()
    else this.#wakeReader()
  }

  /** The ring has begun anew with another start of the node: the client reads again. */
  restart(): void {
    this.#place = this.#ring.last
    this.#readBytes = this.#ring.bytes
    this.#notice = this.#isHeartbeat() ? this.#reset() : `${this.#notice}${this.#reset()}`
    this.#wakeReader()
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
    const { types } = this.#options
    while (length < BATCH_BYTES) {
      const entry = this.#ring.after(this.#place, types)
      if (entry === undefined) {
        this.#place = this.#ring.last
        this.#readBytes = this.#ring.bytes
        break
      }
      this.#place = entry.position
      this.#readBytes = Math.max(this.#readBytes, entry.bytesThrough)
      parts.push(entry.frame)
      length += entry.frame.length
    }
    if (this.#notice !== '' && (length === 0 || !this.#isHeartbeat())) {
      const place = this.#isHeartbeat() ? `id: ${this.#ring.idOf(this.#place)}\n\n` : ''
      parts.unshift(this.#encoder.encode(`${this.#notice}${place}`))
    }
    this.#notice = ''
    return parts.length === 0 ? undefined : Buffer.concat(parts)
  }

  #isHeartbeat(): boolean {
    return this.#notice.startsWith(':')
  }

  #reset(): string {
    const event: ResetEvent = { type: 'reset', at: this.#options.now() }
    return `id: ${this.#ring.idOf(this.#ring.last)}\nevent: reset\ndata: ${JSON.stringify(event)}\n\n`
  }
}
