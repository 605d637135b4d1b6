import type { Millis } from '../base/core.ts'
import { memberOn, type Shared } from './shared.ts'
import type { Entry } from './table.ts'

/** Links change at most this often, however many members come and go. */
const INTERVAL_MS = 50

/**
 * Which links this node should hold: all when there are few members, else two on each of four rings.
 * Recomputed only when somebody came or went; the links that change are told by `protect`.
 */
export class Overlay {
  readonly #shared: Shared
  readonly #self: Entry
  #wanted: ReadonlySet<Entry> = new Set()
  #version = -1
  #computedAt: Millis = Number.NEGATIVE_INFINITY

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
    if (this.#version === table.liveVersion || now < this.#computedAt + INTERVAL_MS) return false
    this.#version = table.liveVersion
    this.#computedAt = now
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
    const isStale = this.#version !== this.#shared.table.liveVersion
    return isStale ? this.#computedAt + INTERVAL_MS : undefined
  }
}
