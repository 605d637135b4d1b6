import { comparePositions, type EventTypes, type Position } from './event-position.ts'

export interface RingEntry {
  readonly position: Position
  readonly type: string
  /** The server-sent event, ready to send. */
  readonly frame: Uint8Array
  /** Bytes of all entries up to and with this one, since the start. */
  readonly bytesThrough: number
}

export interface ShelfLimits {
  readonly entriesMax: number
  readonly bytesMax: number
}

/** The latest events of one kind in order of their places, within limits. */
export class EventShelf {
  readonly #limits: ShelfLimits
  #entries: RingEntry[] = []
  #head = 0
  #bytes = 0
  /** Place of the last entry that was dropped; what comes after it is here. */
  #lost: Position

  constructor(limits: ShelfLimits, start: Position) {
    this.#limits = limits
    this.#lost = start
  }

  push(entry: RingEntry): void {
    this.#entries.push(entry)
    this.#bytes += entry.frame.length
    const { entriesMax, bytesMax } = this.#limits
    while (this.#entries.length - this.#head > entriesMax || this.#bytes > bytesMax) {
      this.#dropOldest()
    }
  }

  reaches(position: Position): boolean {
    return comparePositions(this.#lost, position) <= 0
  }

  /** The first entry of the types after the place. */
  after(position: Position, types: EventTypes): RingEntry | undefined {
    for (let i = this.#indexAfter(position); i < this.#entries.length; i++) {
      const entry = this.#entries[i]
      if (entry !== undefined && types?.has(entry.type) !== false) return entry
    }
    return undefined
  }

  #indexAfter(position: Position): number {
    let low = this.#head
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const entry = this.#entries[middle]
      if (entry !== undefined && comparePositions(entry.position, position) <= 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #dropOldest(): void {
    const oldest = this.#entries[this.#head]
    if (oldest === undefined) return
    this.#lost = oldest.position
    this.#bytes -= oldest.frame.length
    this.#head += 1
    if (this.#head < this.#limits.entriesMax) return
    this.#entries = this.#entries.slice(this.#head)
    this.#head = 0
  }
}
