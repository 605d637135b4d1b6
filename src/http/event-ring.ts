import type { NodeEvent } from '../index.ts'
import { comparePositions, type EventTypes, type Position } from './event-position.ts'
import { EventShelf, type RingEntry } from './event-shelf.ts'

/** Changes kept for streams that resume: as many as the node itself keeps for watches. */
export const RING_CHANGES_MAX = 10_000
/** All other events kept. */
export const RING_EVENTS_MAX = 4_096
/** And the bytes of either: names of objects are up to 1 KiB, so the count alone would not bound memory. */
const RING_BYTES_MAX = 8 * 1024 * 1024

const CURSOR = /^([0-9a-f]{16})-(\d{1,16})(?:\.(\d{1,16}))?$/
const NO_EPOCH = '0'.repeat(16)

/**
 * The last events of a node in order. Changes and other events are kept apart, so that chatter about members
 * costs no reader of changes its place.
 */
export class EventRing {
  readonly #encoder: TextEncoder = new TextEncoder()
  #epoch = NO_EPOCH
  #last: Position = { sequence: 0, offset: 0 }
  #changes: EventShelf = new EventShelf({ entriesMax: 0, bytesMax: 0 }, this.#last)
  #others: EventShelf = this.#changes
  #bytes = 0

  /** @param cursor of the node's latest change */
  constructor(cursor: string) {
    this.restart(cursor)
  }

  /** Another start of the node: what was kept says nothing about the state that it loaded. */
  restart(cursor: string): void {
    const [, epoch = NO_EPOCH, digits = '0'] = CURSOR.exec(cursor) ?? []
    this.#epoch = epoch
    this.#last = { sequence: Number(digits), offset: 0 }
    const bytesMax = RING_BYTES_MAX
    this.#changes = new EventShelf({ entriesMax: RING_CHANGES_MAX, bytesMax }, this.#last)
    this.#others = new EventShelf({ entriesMax: RING_EVENTS_MAX, bytesMax }, this.#last)
  }

  /** Place of the latest event. */
  get last(): Position {
    return this.#last
  }

  /** Bytes of all events since the start. */
  get bytes(): number {
    return this.#bytes
  }

  push(event: NodeEvent): void {
    const change = event.type === 'object-changed' ? this.positionOf(event.cursor) : undefined
    const { sequence, offset } = this.#last
    const position = change ?? { sequence, offset: offset + 1 }
    this.#last = position
    const data = JSON.stringify(event, bigintsAsText)
    const text = `id: ${this.idOf(position)}\nevent: ${event.type}\ndata: ${data}\n\n`
    const frame = this.#encoder.encode(text)
    this.#bytes += frame.length
    const shelf = change === undefined ? this.#others : this.#changes
    shelf.push({ position, type: event.type, frame, bytesThrough: this.#bytes })
  }

  idOf({ sequence, offset }: Position): string {
    return `${this.#epoch}-${sequence}${offset === 0 ? '' : `.${offset}`}`
  }

  /** The place that an id names; undefined when it is of another start, or none of ours at all. */
  positionOf(id: string): Position | undefined {
    const [, epoch, sequence = '', offset = '0'] = CURSOR.exec(id) ?? []
    if (epoch !== this.#epoch) return undefined
    return { sequence: Number(sequence), offset: Number(offset) }
  }

  /** True when every wanted event after the place is still here. */
  reaches(position: Position, types: EventTypes): boolean {
    const isPast = comparePositions(position, this.#last) <= 0
    return isPast && this.#shelves(types).every((shelf) => shelf.reaches(position))
  }

  /** The first wanted event after the place. */
  after(position: Position, types: EventTypes): RingEntry | undefined {
    let first: RingEntry | undefined
    for (const shelf of this.#shelves(types)) {
      const found = shelf.after(position, types)
      if (found === undefined) continue
      if (first === undefined || comparePositions(found.position, first.position) < 0) first = found
    }
    return first
  }

  #shelves(types: EventTypes): readonly EventShelf[] {
    if (types === undefined) return [this.#changes, this.#others]
    const wantsChanges = types.has('object-changed')
    const wantsOthers = types.size > (wantsChanges ? 1 : 0)
    return [...(wantsChanges ? [this.#changes] : []), ...(wantsOthers ? [this.#others] : [])]
  }
}

/** JSON has no bigints: sums beyond 2^53 − 1 are digits. */
function bigintsAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}
