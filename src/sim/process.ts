import type { Millis } from '../base/core.ts'
import type { Random } from '../base/random.ts'
import type { World } from './world.ts'

type Kind = 'timer' | 'input'

/**
 * One run of one node's process: everything that calls into a driver goes through `post`. A stalled process
 * handles nothing, and then everything at once; a dead one handles nothing ever again.
 */
export class Process {
  readonly #world: World
  readonly #random: Random
  readonly #guard: (failure: unknown) => void
  #isAlive = true
  #stalledUntil: Millis | undefined
  #backlog: { readonly kind: Kind; readonly run: () => void }[] = []

  /** @param guard told what the node threw: a bug, for nothing a driver is called with may make it throw */
  constructor(world: World, random: Random, guard: (failure: unknown) => void) {
    this.#world = world
    this.#random = random
    this.#guard = guard
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  get isStalled(): boolean {
    return this.#stalledUntil !== undefined
  }

  /** Runs now, or when the stall ends, or never. Only from an event of the world, never from inside a driver. */
  post(kind: Kind, run: () => void): void {
    if (!this.#isAlive) return
    if (this.#stalledUntil !== undefined) {
      this.#backlog.push({ kind, run })
      return
    }
    this.#run(run)
  }

  /** Stops handling for `stallMs`; a stall during a stall lengthens it. */
  stall(stallMs: Millis): void {
    if (!this.#isAlive) return
    const until = Math.max(this.#stalledUntil ?? 0, this.#world.now + stallMs)
    this.#stalledUntil = until
    this.#world.schedule(until - this.#world.now, () => {
      if (this.#stalledUntil === until) this.resume()
    })
  }

  /** Ends a stall and handles what came meanwhile: frames in their order, timers before or after them all. */
  resume(): void {
    if (this.#stalledUntil === undefined) return
    this.#stalledUntil = undefined
    const backlog = this.#backlog
    this.#backlog = []
    // Which phase of an event loop comes first after a stall is luck: the seed decides.
    const first: Kind = this.#random.next() < 0.5 ? 'timer' : 'input'
    for (const { kind, run } of backlog) if (kind === first) this.#run(run)
    for (const { kind, run } of backlog) if (kind !== first) this.#run(run)
  }

  kill(): void {
    this.#isAlive = false
    this.#stalledUntil = undefined
    this.#backlog = []
  }

  #run(run: () => void): void {
    if (!this.#isAlive) return
    try {
      run()
    } catch (failure) {
      // Reported as a violation with the seed; the world goes on so that the report is complete.
      this.#guard(failure)
    }
  }
}
