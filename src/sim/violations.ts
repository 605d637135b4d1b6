import type { Millis } from '../base/core.ts'
import type { World } from './world.ts'

/** One broken promise: which check, when, what. */
export interface Violation {
  readonly check: string
  readonly atMs: Millis
  readonly text: string
}

/** More of one check says nothing new. */
const PER_CHECK_MAX = 5

/** Collects what checks find; a run goes on after a violation so that its report is complete. */
export class Violations {
  readonly list: Violation[] = []
  readonly #world: World
  readonly #counts: Map<string, number> = new Map()

  constructor(world: World) {
    this.#world = world
  }

  add(check: string, text: string): void {
    const count = (this.#counts.get(check) ?? 0) + 1
    this.#counts.set(check, count)
    if (count <= PER_CHECK_MAX) this.list.push({ check, atMs: this.#world.now, text })
  }
}
