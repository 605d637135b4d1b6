import type { NodeEvent } from '../index.ts'

/** Events kept for streams that resume. */
export const RING_EVENTS_MAX = 4_096
/** And their bytes: names of objects are up to 4 KiB, so the count alone would not bound memory. */
const RING_BYTES_MAX = 8 * 1024 * 1024
/** Ids per millisecond of start time: a later process always numbers above an earlier one. */
const IDS_PER_MS = 4_096

export interface RingEntry {
  readonly id: number
  readonly type: string
  /** The server-sent event, ready to send. */
  readonly frame: Uint8Array
  /** Bytes of all entries up to and with this one, since the start. */
  readonly bytesThrough: number
}

/**
 * The last events in order, with ids that grow by one, and across restarts of the process: the first id is made
 * from the wall clock, so that an id of an earlier process is recognised as too old and never mistaken for ours.
 */
export class EventRing {
  readonly #encoder: TextEncoder = new TextEncoder()
  #entries: RingEntry[] = []
  #head = 0
  #lastId: number
  #bytes = 0
  #droppedBytes = 0

  constructor(startedAt: number) {
    this.#lastId = Math.floor(startedAt) * IDS_PER_MS
  }

  get lastId(): number {
    return this.#lastId
  }

  /** Bytes of all events since the start. */
  get bytes(): number {
    return this.#bytes
  }

  push(event: NodeEvent): void {
    this.#lastId += 1
    const text = `id: ${this.#lastId}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
    const frame = this.#encoder.encode(text)
    this.#bytes += frame.length
    this.#entries.push({ id: this.#lastId, type: event.type, frame, bytesThrough: this.#bytes })
    while (this.#count > RING_EVENTS_MAX || this.#bytes - this.#droppedBytes > RING_BYTES_MAX) {
      this.#dropOldest()
    }
  }

  /** True when every event after `id` is still here. */
  reaches(id: number): boolean {
    return Number.isSafeInteger(id) && id <= this.#lastId && id >= this.#lastId - this.#count
  }

  /** The entry with that id, while it is kept. */
  at(id: number): RingEntry | undefined {
    const fromEnd = this.#lastId - id
    return fromEnd < 0 || fromEnd >= this.#count
      ? undefined
      : this.#entries[this.#entries.length - 1 - fromEnd]
  }

  /** Bytes of all events up to and with `id`; for ids that are gone, up to the oldest kept. */
  bytesThrough(id: number): number {
    return this.at(id)?.bytesThrough ?? (id >= this.#lastId ? this.#bytes : this.#droppedBytes)
  }

  get #count(): number {
    return this.#entries.length - this.#head
  }

  #dropOldest(): void {
    this.#droppedBytes = this.#entries[this.#head]?.bytesThrough ?? this.#bytes
    this.#head += 1
    if (this.#head < RING_EVENTS_MAX) return
    this.#entries = this.#entries.slice(this.#head)
    this.#head = 0
  }
}
