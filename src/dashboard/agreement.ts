import type { Peer } from './snapshot.ts'

/** What the strip shows at most, and at least. */
export const WINDOW_MS = 180_000
const WINDOW_MS_MIN = 20_000
/** States of one node in the strip; older ones go first. */
const SPANS_MAX = 2_000

/** A node held a state from `at` until its next span. */
export interface Span {
  readonly at: number
  readonly digest: string
  /** Its colour then; undefined: nothing was known, or the node was down. */
  readonly slot: number | undefined
}

/** Who held which state over the last minutes, and when all agreed. */
export class Agreement {
  readonly #spans = new Map<string, Span[]>()
  #beganAt: number | undefined

  get spans(): ReadonlyMap<string, readonly Span[]> {
    return this.#spans
  }

  /** How far back there is something to show: it grows with the time that the page is open. */
  windowMs(now: number): number {
    return Math.min(WINDOW_MS, Math.max(WINDOW_MS_MIN, now - (this.#beganAt ?? now)))
  }

  record(at: number, peers: readonly Peer[], colours: ReadonlyMap<string, number>): void {
    this.#beganAt ??= at
    const present = new Set(peers.map((peer) => peer.peerId))
    for (const peerId of this.#spans.keys()) if (!present.has(peerId)) this.#spans.delete(peerId)
    for (const { peerId, digest } of peers) {
      const spans = this.#spans.get(peerId) ?? []
      this.#spans.set(peerId, spans)
      const last = spans.at(-1)
      if (last?.digest !== digest) spans.push({ at, digest, slot: colours.get(digest) })
      while (isOver(spans[1], at) || spans.length > SPANS_MAX) spans.shift()
    }
  }
}

function isOver(next: Span | undefined, now: number): boolean {
  return next !== undefined && next.at < now - WINDOW_MS
}

/** Tells for how long all have agreed or not, and how long after a heal they did. */
export class Convergence {
  #states = 0
  #changedAt = 0
  #healedAt: number | undefined
  #afterHealMs: number | undefined

  /** The network was healed at this moment. */
  heal(at: number): void {
    this.#healedAt = at
    this.#afterHealMs = undefined
  }

  record(at: number, states: number): void {
    if (states <= 1 !== this.#states <= 1 || this.#changedAt === 0) this.#changedAt = at
    this.#states = states
    if (states > 1 || this.#healedAt === undefined) return
    this.#afterHealMs = Math.max(0, at - this.#healedAt)
    this.#healedAt = undefined
  }

  get hasConverged(): boolean {
    return this.#states <= 1
  }

  /** A heal is under way and not all agree yet. */
  get isHealing(): boolean {
    return this.#healedAt !== undefined
  }

  /** `1 state: converged 0.8 s after heal`, `2 states: they have differed for 12 s`. */
  text(now: number): string {
    const states = `${this.#states} ${this.#states === 1 ? 'state' : 'states'}`
    if (this.#states > 1) {
      const seconds = Math.max(0, Math.round((now - this.#changedAt) / 1_000))
      return `${states}: they have differed for ${seconds} s`
    }
    if (this.#afterHealMs === undefined) return `${states}: all agree`
    return `${states}: converged ${(this.#afterHealMs / 1_000).toFixed(2)} s after heal`
  }
}
