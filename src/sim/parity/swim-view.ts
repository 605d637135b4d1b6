import type { Millis } from '../../base/core.ts'
import type { World } from '../world.ts'
import type { Rumour } from './rumour-queue.ts'
import { type SuspicionSpan, suspicionMs } from './swim-options.ts'

export type SwimState = 'alive' | 'suspect' | 'dead'

interface Suspicion {
  readonly startedAt: Millis
  readonly from: Set<number>
  confirmations: number
}

interface Row {
  state: SwimState
  incarnation: number
  changedAt: Millis
  suspicion: Suspicion | undefined
}

export interface SwimViewOptions {
  readonly world: World
  readonly self: number
  readonly span: SuspicionSpan
  readonly spread: (rumour: Rumour) => void
  /** This node is accused of that incarnation. */
  readonly accused: (incarnation: number) => void
  readonly changed: (subject: number, state: SwimState) => void
}

/** What one node holds of all: everybody is alive in incarnation 0 unless it heard otherwise (SWIM §4.2). */
export class SwimView {
  readonly #options: SwimViewOptions
  readonly #rows: Map<number, Row> = new Map()

  constructor(options: SwimViewOptions) {
    this.#options = options
  }

  state(subject: number): SwimState {
    return this.#rows.get(subject)?.state ?? 'alive'
  }

  incarnation(subject: number): number {
    return this.#rows.get(subject)?.incarnation ?? 0
  }

  changedAt(subject: number): Millis {
    return this.#rows.get(subject)?.changedAt ?? 0
  }

  /** Everything that is not as it was in the beginning. */
  rows(): readonly Rumour[] {
    const { self } = this.#options
    return [...this.#rows].map(([subject, { state, incarnation }]) => ({
      kind: state,
      subject,
      incarnation,
      from: self,
    }))
  }

  hear(rumour: Rumour): void {
    if (rumour.kind === 'alive') this.#alive(rumour)
    else if (rumour.kind === 'suspect') this.suspect(rumour)
    else if (rumour.kind === 'dead') this.#dead(rumour)
  }

  /** An accusation, heard or our own: begins a suspicion or confirms the one that runs. */
  suspect(rumour: Rumour): void {
    const row = this.#row(rumour.subject)
    if (rumour.incarnation < row.incarnation) return
    if (row.suspicion !== undefined) {
      this.#confirm(rumour, row, row.suspicion)
      return
    }
    if (row.state !== 'alive') return
    if (rumour.subject === this.#options.self) {
      this.#options.accused(rumour.incarnation)
      return
    }
    this.#options.spread(rumour)
    const startedAt = this.#options.world.now
    row.suspicion = { startedAt, from: new Set([rumour.from]), confirmations: 0 }
    row.incarnation = rumour.incarnation
    this.#set(rumour.subject, row, 'suspect')
    this.#arm(rumour.subject, row, row.suspicion)
  }

  #confirm(rumour: Rumour, row: Row, suspicion: Suspicion): void {
    if (suspicion.confirmations >= this.#options.span.wanted) return
    if (suspicion.from.has(rumour.from)) return
    suspicion.from.add(rumour.from)
    suspicion.confirmations += 1
    this.#options.spread(rumour)
    this.#arm(rumour.subject, row, suspicion)
  }

  #arm(subject: number, row: Row, suspicion: Suspicion): void {
    const { world, span, self } = this.#options
    const { confirmations } = suspicion
    const endAt = suspicion.startedAt + suspicionMs(span, confirmations)
    world.schedule(endAt - world.now, () => {
      if (row.suspicion !== suspicion || suspicion.confirmations !== confirmations) return
      this.#dead({ kind: 'dead', subject, incarnation: row.incarnation, from: self })
    })
  }

  #dead(rumour: Rumour): void {
    const row = this.#row(rumour.subject)
    if (rumour.incarnation < row.incarnation || row.state === 'dead') return
    if (rumour.subject === this.#options.self) {
      this.#options.accused(rumour.incarnation)
      return
    }
    row.suspicion = undefined
    row.incarnation = rumour.incarnation
    this.#options.spread(rumour)
    this.#set(rumour.subject, row, 'dead')
  }

  #alive(rumour: Rumour): void {
    const row = this.#row(rumour.subject)
    if (rumour.subject === this.#options.self || rumour.incarnation <= row.incarnation) return
    row.suspicion = undefined
    row.incarnation = rumour.incarnation
    this.#options.spread(rumour)
    this.#set(rumour.subject, row, 'alive')
  }

  #set(subject: number, row: Row, state: SwimState): void {
    row.changedAt = this.#options.world.now
    row.state = state
    this.#options.changed(subject, state)
  }

  #row(subject: number): Row {
    let row = this.#rows.get(subject)
    if (row === undefined) {
      row = { state: 'alive', incarnation: 0, changedAt: 0, suspicion: undefined }
      this.#rows.set(subject, row)
    }
    return row
  }
}
