import { assert } from '../../base/assert.ts'
import type { Millis } from '../../base/core.ts'
import type { Bound, Scenario } from './scenario.ts'
import { type LaneRates, Stage } from './stage.ts'

/** One seed of one scenario. */
export interface MemberRun {
  readonly scenario: string
  readonly seed: number
  readonly nodes: number
  readonly virtualMs: Millis
  readonly events: number
  /** By name; infinity for what never came. */
  readonly figures: ReadonlyMap<string, number>
  /** Of the comparison model in the same situation. */
  readonly comparedMs: Millis | undefined
  readonly traffic: LaneRates
  readonly traceHash: string
  /** Invariants that broke, with the command that shows it again. */
  readonly failures: readonly string[]
}

/** One figure of a scenario over all seeds, against its bound. */
export interface FigureReport {
  readonly figure: string
  readonly unit: Bound['unit'] | undefined
  readonly p50: number
  readonly p99: number
  readonly max: number
  readonly sum: number
  readonly bound: string | undefined
  /** Undefined where nothing is promised. */
  readonly isReached: boolean | undefined
  readonly worstSeed: number
}

export interface ScenarioReport {
  readonly scenario: string
  readonly about: string
  readonly nodes: number
  readonly seeds: number
  readonly nodeHours: number
  readonly figures: readonly FigureReport[]
  readonly compared:
    | { readonly p50: number; readonly p99: number; readonly max: number }
    | undefined
  readonly traffic: LaneRates
  readonly failures: readonly string[]
}

const HOUR_MS = 3_600_000

/** The command that plays one seed of a scenario again. */
export function memberRepeatCommand(scenario: string, seed: number, nodes: number): string {
  return `hearsay sim --scenario ${scenario} --nodes ${nodes} --seed ${seed}`
}

/** @throws {RangeError} when the scenario makes no sense with so few nodes */
export function nodesOf(scenario: Scenario, wanted: number | undefined): number {
  if (wanted === undefined || scenario.areNodesFixed === true) return scenario.nodes
  const { name, nodesMin = 1 } = scenario
  if (wanted >= nodesMin) return wanted
  throw new RangeError(`Cannot play "${name}" with ${wanted} nodes: it needs ${nodesMin}`)
}

/** Plays one seed; the same seed is the same run, byte for byte. */
export function playMembers(scenario: Scenario, seed: number, wantedNodes?: number): MemberRun {
  const nodes = nodesOf(scenario, wantedNodes)
  const stage = new Stage({ ...scenario.stage?.(nodes), seed, nodes })
  scenario.play(stage)
  const repeat = memberRepeatCommand(scenario.name, seed, nodes)
  return {
    scenario: scenario.name,
    seed,
    nodes,
    virtualMs: stage.world.now,
    events: stage.world.events,
    figures: stage.figures,
    comparedMs:
      scenario.compare === undefined
        ? undefined
        : (scenario.compare(seed, nodes) ?? Number.POSITIVE_INFINITY),
    traffic: stage.traffic(),
    traceHash: stage.world.trace.digest(),
    failures: stage.violations.map(
      ({ check, atMs, text }) =>
        `${scenario.name}, seed ${seed}, at ${Math.round(atMs)} ms: ${check}: ${text} (repeat with: ${repeat})`,
    ),
  }
}

/** Sums up the runs of one scenario. */
export function reportMembers(scenario: Scenario, runs: readonly MemberRun[]): ScenarioReport {
  const [first] = runs
  assert(first !== undefined, 'a report of at least one run')
  const nodeHours = runs.reduce((sum, run) => sum + (run.virtualMs * run.nodes) / HOUR_MS, 0)
  const compared = runs.flatMap(({ comparedMs }) => (comparedMs === undefined ? [] : [comparedMs]))
  return {
    scenario: scenario.name,
    about: scenario.about,
    nodes: first.nodes,
    seeds: runs.length,
    nodeHours,
    figures: [...first.figures.keys()].map((figure) =>
      reportFigure(figure, runs, { bounds: scenario.bounds, nodeHours }),
    ),
    compared: compared.length === 0 ? undefined : quantiles(compared),
    traffic: meanTraffic(runs),
    failures: runs.flatMap(({ failures }) => failures),
  }
}

function reportFigure(
  figure: string,
  runs: readonly MemberRun[],
  given: { readonly bounds: readonly Bound[]; readonly nodeHours: number },
): FigureReport {
  const values = runs.map((run) => run.figures.get(figure) ?? Number.POSITIVE_INFINITY)
  const { p50, p99, max } = quantiles(values)
  const sum = values.reduce((total, value) => total + value, 0)
  const bound = given.bounds.find((candidate) => candidate.figure === figure)
  const worst = runs[values.indexOf(max)]
  const isReached =
    bound === undefined
      ? undefined
      : p50 <= (bound.p50 ?? Number.POSITIVE_INFINITY) &&
        p99 <= (bound.p99 ?? Number.POSITIVE_INFINITY) &&
        max <= (bound.max ?? Number.POSITIVE_INFINITY) &&
        isRare(sum, given.nodeHours, bound)
  return {
    figure,
    unit: bound?.unit,
    p50,
    p99,
    max,
    sum,
    bound: bound === undefined ? undefined : boundText(bound),
    isReached,
    worstSeed: worst?.seed ?? 0,
  }
}

/** Too few hours say nothing: one event is then too many. */
function isRare(sum: number, nodeHours: number, { perThousandNodeHours }: Bound): boolean {
  if (perThousandNodeHours === undefined) return true
  return sum === 0 || (sum / nodeHours) * 1_000 <= perThousandNodeHours
}

function boundText({ p50, p99, max, perThousandNodeHours }: Bound): string {
  const parts: string[] = []
  if (p50 !== undefined) parts.push(`p50 ≤ ${p50}`)
  if (p99 !== undefined) parts.push(`p99 ≤ ${p99}`)
  if (max !== undefined) parts.push(`≤ ${max}`)
  if (perThousandNodeHours !== undefined)
    parts.push(`≤ ${perThousandNodeHours} in 1,000 node-hours`)
  return parts.join(', ')
}

/** By nearest rank. */
export function quantiles(values: readonly number[]): {
  readonly p50: number
  readonly p99: number
  readonly max: number
} {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? 0
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}

function meanTraffic(runs: readonly MemberRun[]): LaneRates {
  const mean = (lane: keyof LaneRates): LaneRates[keyof LaneRates] => ({
    frames: runs.reduce((sum, { traffic }) => sum + traffic[lane].frames, 0) / runs.length,
    bytes: runs.reduce((sum, { traffic }) => sum + traffic[lane].bytes, 0) / runs.length,
  })
  return {
    probe: mean('probe'),
    control: mean('control'),
    user: mean('user'),
    bulk: mean('bulk'),
  }
}
