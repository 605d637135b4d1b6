import type { Millis } from '../base/core.ts'
import { memberOn, type Shared } from './shared.ts'
import type { Entry } from './table.ts'

/** Links change once no member came or went for so long: who joins a crowd learns of it bit by bit … */
const SETTLE_MS = 100
/** … or so long after the first change. */
const SETTLE_MAX_MS = 500

/**
 * Which links this node should hold: all when there are few members, else two on each of four rings.
 * Recomputed only when somebody came or went; the links that change are told by `protect`.
 */
export class Overlay {
  readonly #shared: Shared
  readonly #self: Entry
  #wanted: ReadonlySet<Entry> = new Set()
  /** The version of the table that the wanted links are of, and the last that was seen. */
  #version = -1
  #seen = -1
  /** When the wanted links are recomputed, and when at the latest; undefined when nothing changed. */
  #dueAt: Millis | undefined
  #latestAt: Millis = 0

  constructor(shared: Shared, self: Entry) {
    this.#shared = shared
    this.#self = self
  }

  get wanted(): ReadonlySet<Entry> {
    return this.#wanted
  }

  /** True when the wanted links changed. */
  work(now: Millis): boolean {
    const { table, links, outbox } = this.#shared
    if (this.#seen !== table.liveVersion) {
      if (this.#dueAt === undefined) this.#latestAt = now + SETTLE_MAX_MS
      this.#seen = table.liveVersion
      this.#dueAt = Math.min(now + SETTLE_MS, this.#latestAt)
      // The first view is this node alone; there is nothing to wait for.
      if (this.#version === -1) this.#dueAt = now
    }
    if (this.#dueAt === undefined || now < this.#dueAt) return false
    this.#dueAt = undefined
    this.#version = table.liveVersion
    const before = this.#wanted
    this.#wanted = new Set(table.neighbours(this.#self))
    for (const entry of before) {
      if (this.#wanted.has(entry)) continue
      outbox.push({ type: 'protect', peer: entry.peerId, isProtected: false })
    }
    for (const entry of this.#wanted) {
      if (before.has(entry)) continue
      outbox.push({ type: 'protect', peer: entry.peerId, isProtected: true })
    }
    for (const link of links.values()) {
      const entry = memberOn(this.#shared, link)
      link.isOverlay = entry !== undefined && this.#wanted.has(entry)
    }
    return true
  }

  nextDeadline(): Millis | undefined {
    return this.#dueAt
  }
}
