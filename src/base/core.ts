/** Milliseconds: instants since the Unix epoch (`now`, `…At`) and durations (`…Ms`). Fractions are allowed. */
export type Millis = number

/** Priority class of a frame. A probe never queues behind bulk; user and control are guaranteed a share. */
export type Lane = 'probe' | 'control' | 'user' | 'bulk'

/** Our framed protocols between two admitted peers; `/hearsay/NETWORK/{protocol}/1` on the wire. */
export type Protocol = 'member' | 'sync' | 'kv'

/**
 * A protocol as a synchronous state machine without I/O.
 *
 * `handle` never throws on a peer's data; `poll` is drained until undefined after each `handle`;
 * `nextDeadline` is when a `{ type: 'tick' }` input is due. A stale or early tick does nothing.
 */
export interface Core<Input, Output> {
  handle(input: Input, now: Millis): void
  poll(): Output | undefined
  nextDeadline(): Millis | undefined
}

/** One row for the durable store: `value` undefined deletes the key. */
export interface StoreWrite {
  /** Printable ASCII, ordered bytewise; the first segment up to `!` names the owner. */
  readonly key: string
  readonly value: Uint8Array | undefined
}

/** One row as read back from the durable store. */
export interface StoreRow {
  readonly key: string
  readonly value: Uint8Array
}

/** An output queue of a core: outputs leave in the order in which they were pushed. */
export class Outbox<T> {
  #items: T[] = []
  #head = 0

  push(item: T): void {
    this.#items.push(item)
  }

  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined
    const item = this.#items[this.#head]
    this.#head += 1
    if (this.#head === this.#items.length) {
      this.#items = []
      this.#head = 0
    }
    return item
  }

  get length(): number {
    return this.#items.length - this.#head
  }
}
