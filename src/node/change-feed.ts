import { unreachable } from '../base/assert.ts'
import { hex } from '../base/bytes.ts'
import { type Random, randomBytes } from '../base/random.ts'
import type { ObjectDiff } from '../crdt/diff.ts'
import type { EngineEvent } from '../engine/engine-types.ts'
import { fromBigint } from './numbers.ts'
import type { ChangeDiff, Json, ObjectChange } from './state-types.ts'

/** Changes kept for readers that lag or resume: a few seconds of a busy node. */
export const CHANGES_MAX = 10_000
/** And their bytes, about: an object's name alone may have 1 KiB. */
export const CHANGES_BYTES_MAX: number = 8 * 1024 * 1024
/** A larger diff is not told: reading the object again is cheaper for everybody. */
export const DIFF_BYTES_MAX: number = 256 * 1024

const EPOCH_BYTES = 8
const CURSOR = /^([0-9a-f]{16})-(\d{1,16})(?:\.\d{1,16})?$/
/** Rough size of a change without its texts. */
const CHANGE_BYTES = 128

/** A change as the engine tells it, with its diff where the core could say it. */
export type EngineChange = Extract<EngineEvent, { readonly type: 'changed' }>

export interface RecordedChange extends ObjectChange {
  /** Unix ms. */
  readonly at: number
}

interface Entry {
  readonly sequence: number
  readonly bytes: number
  readonly change: RecordedChange
}

/** Which changes a reader wants. */
export type ChangeFilter = (change: ObjectChange) => boolean

/** A reader that has seen everything up to `position` and waits for a change it wants. */
interface Parked {
  position: number
  readonly wants: ChangeFilter
  readonly wake: () => void
}

export type ChangeStep =
  | { readonly type: 'change'; readonly change: RecordedChange; readonly position: number }
  /** Changes after the position are gone from the ring. */
  | { readonly type: 'lost' }
  | { readonly type: 'none'; readonly position: number }

/**
 * The latest changes of one node in order, numbered without gaps from 1. Numbers mean something within one
 * start of the node only, so the cursor carries a random epoch: state is loaded anew at a start, and what a
 * crash took back was perhaps told before.
 *
 * Readers have no queues: each is a position in this ring. One that the ring has left behind reads again.
 */
export class ChangeFeed {
  readonly #epoch: string
  readonly #parked = new Set<Parked>()
  #entries: Entry[] = []
  #head = 0
  #bytes = 0
  #sequence = 0
  #isClosed = false

  constructor(random: Random) {
    this.#epoch = hex(randomBytes(random, EPOCH_BYTES))
  }

  /** Of the latest change. */
  get cursor(): string {
    return this.#cursorAt(this.#sequence)
  }

  /** Number of the latest change. */
  get position(): number {
    return this.#sequence
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** The position that a cursor names; undefined when it is of another start, or none of ours at all. */
  positionOf(cursor: string): number | undefined {
    const [, epoch, digits = ''] = CURSOR.exec(cursor) ?? []
    const position = Number(digits)
    return epoch === this.#epoch && position <= this.#sequence ? position : undefined
  }

  /** Numbers a change and keeps it. */
  push(event: EngineChange, at: number): RecordedChange {
    const { object, objectType, group, origin, diff } = event
    const diffBytes = diff === undefined ? 0 : bytesOfDiff(diff)
    const hasDiff = diff !== undefined && diffBytes <= DIFF_BYTES_MAX
    this.#sequence += 1
    const change: RecordedChange = {
      at,
      ...{ object, objectType, group, origin, cursor: this.cursor },
      ...(hasDiff ? { diff: publicDiff(diff) } : {}),
    }
    const bytes = CHANGE_BYTES + 2 * (object.length + group.length) + (hasDiff ? diffBytes : 0)
    this.#keep({ sequence: this.#sequence, bytes, change })
    this.#tellParked(change)
    return change
  }

  /** The first wanted change after a position. */
  after(position: number, wants: ChangeFilter): ChangeStep {
    const oldest = this.#sequence - (this.#entries.length - this.#head)
    if (position < oldest) return { type: 'lost' }
    for (let i = this.#head + position - oldest; i < this.#entries.length; i++) {
      const entry = this.#entries[i]
      if (entry !== undefined && wants(entry.change)) {
        return { type: 'change', change: entry.change, position: entry.sequence }
      }
    }
    return { type: 'none', position: this.#sequence }
  }

  /**
   * Resolves when there is a wanted change, when the signal aborts or the feed is closed.
   * @returns the position up to which nothing was wanted
   */
  async wait(
    position: number,
    wants: ChangeFilter,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    if (this.#isClosed || signal?.aborted === true) return position
    const { promise, resolve } = Promise.withResolvers<void>()
    const parked: Parked = { position, wants, wake: resolve }
    this.#parked.add(parked)
    signal?.addEventListener('abort', parked.wake, { once: true })
    await promise
    signal?.removeEventListener('abort', parked.wake)
    this.#parked.delete(parked)
    return parked.position
  }

  /** The node has stopped: readers get what is left, then end. */
  close(): void {
    this.#isClosed = true
    for (const { wake } of this.#parked) wake()
  }

  // A reader of one object must not lose its place because of a burst of changes to others.
  #tellParked(change: RecordedChange): void {
    for (const parked of this.#parked) {
      if (parked.wants(change)) parked.wake()
      else if (parked.position === this.#sequence - 1) parked.position = this.#sequence
    }
  }

  #keep(entry: Entry): void {
    this.#entries.push(entry)
    this.#bytes += entry.bytes
    while (this.#entries.length - this.#head > CHANGES_MAX || this.#bytes > CHANGES_BYTES_MAX) {
      this.#bytes -= this.#entries[this.#head]?.bytes ?? 0
      this.#head += 1
    }
    if (this.#head < CHANGES_MAX) return
    this.#entries = this.#entries.slice(this.#head)
    this.#head = 0
  }

  #cursorAt(sequence: number): string {
    return `${this.#epoch}-${sequence}`
  }
}

function publicDiff(diff: ObjectDiff): ChangeDiff {
  if (diff.type !== 'counter') return diff
  return { type: 'counter', value: fromBigint(diff.value), delta: fromBigint(diff.delta) }
}

/** Bytes that a diff takes, about: two for each code unit of a text. */
function bytesOfDiff(diff: ObjectDiff): number {
  switch (diff.type) {
    case 'counter':
      return 0
    case 'set':
      return bytesOfJson(diff.added) + bytesOfJson(diff.removed)
    case 'register':
      return bytesOfJson(diff.siblings) + bytesOfJson(diff.value ?? null)
    case 'map': {
      let bytes = bytesOfJson(diff.removed)
      for (const { path, value } of diff.set) bytes += bytesOfJson(path) + bytesOfJson(value)
      return bytes
    }
    default:
      return unreachable(diff)
  }
}

function bytesOfJson(value: Json): number {
  if (typeof value === 'string') return 16 + 2 * value.length
  if (typeof value !== 'object' || value === null) return 8
  let bytes = 16
  for (const [key, item] of Object.entries(value)) bytes += 2 * key.length + bytesOfJson(item)
  return bytes
}
