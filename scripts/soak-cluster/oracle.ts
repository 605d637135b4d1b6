import type { MemberEvent } from '../../test/e2e/member-events.ts'
import type { FleetNode } from './fleet.ts'

/** News of what was true may be this old: it is told, confirmed and refuted for so long. */
const AFTERMATH_MS = 5_000

interface Fault {
  readonly fromMs: number
  untilMs: number
  /** Whether the observer could not hear the subject, or would have been right not to. */
  readonly excuses: (observer: FleetNode, subject: FleetNode) => boolean
}

/** Stands outside, knows what was done to whom, and says which deaths were true. */
export class Oracle {
  readonly falseDeaths: (MemberEvent & { readonly observer: string })[] = []
  trueDeaths = 0
  readonly #nodes: readonly FleetNode[]
  #faults: Fault[] = []

  constructor(nodes: readonly FleetNode[]) {
    this.#nodes = nodes
  }

  /** These do not run, or stand: whoever says so is right. @returns to be called when it is over */
  without(subjects: readonly FleetNode[]): () => void {
    return this.#fault((_, subject) => subjects.includes(subject))
  }

  /** These and the others hear nothing of each other. @returns to be called when it is over */
  apart(side: readonly FleetNode[]): () => void {
    return this.#fault((observer, subject) => side.includes(observer) !== side.includes(subject))
  }

  heard(observer: FleetNode, event: MemberEvent): void {
    if (event.state !== 'failed') return
    const subject = this.#nodes.find(({ name }) => name === event.name)
    const isTrue =
      subject !== undefined &&
      this.#faults.some(
        ({ fromMs, untilMs, excuses }) =>
          event.at >= fromMs && event.at <= untilMs + AFTERMATH_MS && excuses(observer, subject),
      )
    if (isTrue) this.trueDeaths += 1
    else this.falseDeaths.push({ ...event, observer: observer.name })
  }

  #fault(excuses: Fault['excuses']): () => void {
    const fault: Fault = { fromMs: Date.now(), untilMs: Number.POSITIVE_INFINITY, excuses }
    const horizon = fault.fromMs - 10 * AFTERMATH_MS
    this.#faults = this.#faults.filter(({ untilMs }) => untilMs > horizon)
    this.#faults.push(fault)
    return () => {
      fault.untilMs = Date.now()
    }
  }
}
