import type { Millis } from '../base/core.ts'
import { Heap } from '../base/heap.ts'
import { type Random, seededRandom } from '../base/random.ts'
import { TraceHash } from './trace-hash.ts'

/** So many events at one virtual instant mean that somebody re-arms for ever. */
const EVENTS_PER_INSTANT_MAX = 2_000_000

interface Scheduled {
  readonly at: Millis
  readonly tie: number
  readonly sequence: number
  readonly run: () => void
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  if (a.at !== b.at) return a.at < b.at
  if (a.tie !== b.tie) return a.tie < b.tie
  return a.sequence < b.sequence
}

/**
 * Virtual time. Events run in the order (time, seeded tie-break, sequence): what falls on one instant runs in
 * an order that the seed decides, so that no test leans on the order in which things were scheduled. Nothing
 * here reads a real clock or real randomness; one seed is one run.
 */
export class World {
  readonly seed: number
  readonly trace: TraceHash = new TraceHash()
  readonly #heap: Heap<Scheduled> = new Heap(isBefore)
  readonly #ties: Random
  #now: Millis = 0
  #sequence = 0
  #events = 0
  #eventsThisInstant = 0

  constructor(seed: number) {
    this.seed = seed
    this.#ties = this.random('ties')
  }

  /** Virtual milliseconds since the world began. */
  get now(): Millis {
    return this.#now
  }

  /** Events run so far. */
  get events(): number {
    return this.#events
  }

  /** A stream of its own for a concern (and a node, a link …): using one never moves another. */
  random(concern: string, ...numbers: readonly number[]): Random {
    const parts = [this.seed]
    for (let i = 0; i < concern.length; i++) parts.push(concern.charCodeAt(i))
    return seededRandom([...parts, ...numbers])
  }

  /** Runs `run` once, `delayMs` from now; never inside this call. Nothing is ever cancelled. */
  schedule(delayMs: Millis, run: () => void): void {
    this.#sequence += 1
    const at = this.#now + Math.max(0, delayMs)
    this.#heap.push({ at, tie: this.#ties.uint32(), sequence: this.#sequence, run })
  }

  /**
   * Runs every event up to `at` and sets the clock to it.
   * @param check called after each event; true stops the run there
   * @returns true when `check` stopped it
   */
  runUntil(at: Millis, check?: () => boolean): boolean {
    for (;;) {
      const next = this.#heap.peek()
      if (next === undefined || next.at > at) break
      this.#step(next)
      if (check?.() === true) return true
    }
    this.#now = Math.max(this.#now, at)
    return false
  }

  #step(next: Scheduled): void {
    this.#heap.pop()
    this.#eventsThisInstant = next.at === this.#now ? this.#eventsThisInstant + 1 : 0
    if (this.#eventsThisInstant > EVENTS_PER_INSTANT_MAX) {
      throw new Error(`Broken invariant: virtual time stands still at ${this.#now} ms`)
    }
    this.#now = next.at
    this.#events += 1
    next.run()
  }
}
