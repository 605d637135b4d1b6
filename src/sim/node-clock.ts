import type { Millis } from '../base/core.ts'
import type { ClockPort } from '../engine/ports.ts'
import type { Process } from './process.ts'
import type { World } from './world.ts'

/** Every simulated world begins at this Unix time. */
export const WORLD_BEGIN_AT: Millis = Date.UTC(2026, 0, 1)
/** Timers of event loops fire at least so much later. */
const TIMER_MS_MIN = 1

/** A host's wall clock: off by a skew, running fast or slow by a drift, made to jump by faults. */
export class NodeClock {
  readonly #world: World
  readonly #drift: number
  #offsetMs: Millis
  #jumpedMs: Millis = 0
  #jumpedMsMax: Millis = 0

  /** @param options.drift share by which it runs fast, 0.0001 is 100 ppm */
  constructor(world: World, options: { readonly skewMs: Millis; readonly drift: number }) {
    this.#world = world
    this.#offsetMs = options.skewMs
    this.#drift = options.drift
  }

  now(): Millis {
    return Math.floor(WORLD_BEGIN_AT + this.#offsetMs + this.#world.now * (1 + this.#drift))
  }

  /** The furthest that jumps ever took this clock from where it began. */
  get jumpedMsMax(): Millis {
    return this.#jumpedMsMax
  }

  jump(byMs: Millis): void {
    this.#offsetMs += byMs
    this.#jumpedMs += byMs
    this.#jumpedMsMax = Math.max(this.#jumpedMsMax, Math.abs(this.#jumpedMs))
  }

  /** The clock port of one process. A timer once armed runs on the steady clock: a jump does not move it. */
  port(process: Process): ClockPort {
    let generation = 0
    return {
      now: () => this.now(),
      arm: (at, wake) => {
        generation += 1
        if (at === undefined) return
        const armed = generation
        const delayMs = Math.max(TIMER_MS_MIN, at - this.now())
        this.#world.schedule(delayMs, () => {
          if (armed !== generation) return
          process.post('timer', () => {
            if (armed === generation) wake()
          })
        })
      },
    }
  }
}
