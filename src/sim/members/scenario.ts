import type { Millis } from '../../base/core.ts'
import type { Stage, StageOptions } from './stage.ts'

/** What a figure may be at most. */
export interface Bound {
  /** Name of the figure, as scenarios record it. */
  readonly figure: string
  readonly unit: 'ms' | 'B/s' | 'frames/s' | 'count'
  readonly p50?: number
  readonly p99?: number
  readonly max?: number
  /** Of counts: sum over all runs, in so many hours that nodes ran. */
  readonly perThousandNodeHours?: number
}

/** One thing that can happen to members, what is measured of it, and what it may be. */
export interface Scenario {
  readonly name: string
  /** One line for people. */
  readonly about: string
  /** Members unless told otherwise. */
  readonly nodes: number
  /** It makes no sense with fewer, or with other numbers. */
  readonly nodesMin?: number
  readonly areNodesFixed?: boolean
  readonly stage?: (nodes: number) => Partial<Omit<StageOptions, 'seed' | 'nodes'>>
  readonly play: (stage: Stage) => void
  readonly bounds: readonly Bound[]
  /** The same in SWIM with Lifeguard, as memberlist has it, for the first figure. */
  readonly compare?: (seed: number, nodes: number) => Millis | undefined
}

export const SECOND_MS: Millis = 1_000
export const MINUTE_MS: Millis = 60_000

/** What all scenarios without a cause for deaths promise. */
export const NO_FALSE_DEATHS: Bound = { figure: 'false deaths', unit: 'count', max: 0 }
