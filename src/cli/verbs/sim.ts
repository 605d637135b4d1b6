import { writeFile } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import {
  engineSubject,
  type MemberRun,
  nodesOf,
  playMembers,
  reportMembers,
  SCENARIOS,
  type Scenario,
  type ScenarioReport,
  scenarioOf,
  simulate,
} from '../../sim/index.ts'
import type { Context } from '../context.ts'
import { CliError, EXIT, usageError } from '../errors.ts'
import { integerOption } from '../flags.ts'
import { ProgressBar } from '../progress-bar.ts'
import { plotRows, plotSvg } from '../sim-plot.ts'
import { figureTable, missedBounds, trafficTable } from '../sim-report.ts'
import { renderTable } from '../table.ts'
import type { Verb } from '../verb.ts'

/** Random faults on whole nodes, with users who write: its own kind of run. */
const DRAWN = 'drawn'
const LIST = 'list'
const SEEDS = 3
const SEEDS_RANGE = { min: 1, max: 1_000_000 }
const SEED_RANGE = { min: 0, max: Number.MAX_SAFE_INTEGER }
const NODES_RANGE = { min: 1, max: 10_000 }

interface Wanted {
  readonly scenarios: readonly Scenario[]
  readonly isDrawn: boolean
  readonly seeds: readonly number[]
  readonly nodes: number | undefined
}

export const verb: Verb = {
  examples: [
    ['hearsay sim', 'every scenario with a few seeds'],
    ['hearsay sim --scenario silent --seeds 100 --nodes 100', 'one, with more of them'],
    ['hearsay sim --scenario list', 'what there is'],
    ['hearsay sim --scenario kill --seed 7 --json', 'one seed, as JSON'],
    ['hearsay sim --svg members.svg', 'and a plot of all times'],
  ],
  build(command, act) {
    command
      .option('--scenario <name>', `one of "--scenario ${LIST}", or ${DRAWN} (default: all)`)
      .addOption(
        integerOption('--seeds <count>', 'how many seeds of each', SEEDS_RANGE).default(SEEDS),
      )
      .addOption(integerOption('--seed <number>', 'the first seed', SEED_RANGE).default(1))
      .addOption(
        integerOption('--nodes <count>', 'members, where a scenario leaves it open', NODES_RANGE),
      )
      .option('--svg <file>', 'write a plot of the times')
    act(command, async ({ context, settings }) => {
      const scenario = settings.text('scenario')
      if (scenario === LIST) return list(context)
      const isSeedAsked = command.getOptionValueSource('seed') === 'cli'
      const isCountAsked = command.getOptionValueSource('seeds') !== 'default'
      const count = isSeedAsked && !isCountAsked ? 1 : settings.number('seeds')
      const wanted = wantedOf({
        scenario,
        first: settings.number('seed') ?? 1,
        count: count ?? 1,
        nodes: settings.number('nodes'),
      })
      return await play(context, wanted, settings.text('svg'))
    })
  },
}

function list(context: Context): undefined {
  context.print.result({ scenarios: SCENARIOS.map(({ name, about }) => ({ name, about })) }, () =>
    renderTable(
      ['SCENARIO', 'NODES', 'WHAT HAPPENS'],
      SCENARIOS.map(({ name, nodes, about }) => [name, String(nodes), about]),
    ),
  )
  return undefined
}

function wantedOf(given: {
  readonly scenario: string | undefined
  readonly first: number
  readonly count: number
  readonly nodes: number | undefined
}): Wanted {
  const { scenario, first, count, nodes } = given
  const seeds = Array.from({ length: count }, (_, index) => first + index)
  if (scenario === DRAWN) return { scenarios: [], isDrawn: true, seeds, nodes }
  if (scenario === undefined) return { scenarios: SCENARIOS, isDrawn: true, seeds, nodes }
  const known = scenarioOf(scenario)
  if (known === undefined) {
    throw usageError(
      `Cannot play "${scenario}": no such scenario`,
      `See "hearsay sim --scenario ${LIST}"`,
    )
  }
  try {
    nodesOf(known, nodes)
  } catch (error) {
    throw usageError(error instanceof Error ? error.message : String(error))
  }
  return { scenarios: [known], isDrawn: false, seeds, nodes }
}

async function play(
  context: Context,
  wanted: Wanted,
  svgFile: string | undefined,
): Promise<number> {
  const { io, globals } = context
  const total = wanted.seeds.length * (wanted.scenarios.length + Number(wanted.isDrawn))
  const bar = new ProgressBar(io, { total, isQuiet: globals.quiet })
  const stop = new AbortController()
  const forget = io.onStop(() => stop.abort(stopped()))
  const breathe = (): Promise<void> => setImmediate(undefined, { signal: stop.signal })
  const runs: MemberRun[] = []
  const reports: ScenarioReport[] = []
  const drawn: string[] = []
  try {
    for (const seed of wanted.isDrawn ? wanted.seeds : []) {
      await breathe()
      const nodes = wanted.nodes === undefined ? {} : { nodes: wanted.nodes }
      drawn.push(...simulate({ subject: engineSubject, seed, ...nodes }).failures)
      bar.step(`${DRAWN} ${seed}`)
    }
    for (const scenario of wanted.scenarios) {
      const played: MemberRun[] = []
      for (const seed of wanted.seeds) {
        await breathe()
        played.push(playMembers(scenario, seed, wantedNodes(scenario, wanted.nodes)))
        bar.step(`${scenario.name} ${seed}`)
      }
      runs.push(...played)
      reports.push(reportMembers(scenario, played))
    }
  } finally {
    forget()
    bar.end()
  }
  if (svgFile !== undefined) await writeFile(svgFile, plotSvg(plotRows(runs, isTime)))
  return tell(context, { wanted, reports, drawn })
}

/** Where all are played, a number of nodes that one cannot have leaves that one as it is. */
function wantedNodes(scenario: Scenario, nodes: number | undefined): number | undefined {
  return nodes !== undefined && nodes < (scenario.nodesMin ?? 1) ? undefined : nodes
}

function isTime(scenario: string, figure: string): boolean {
  const bounds = scenarioOf(scenario)?.bounds ?? []
  return bounds.some((bound) => bound.figure === figure && bound.unit === 'ms')
}

function tell(
  { print }: Context,
  result: {
    readonly wanted: Wanted
    readonly reports: readonly ScenarioReport[]
    readonly drawn: readonly string[]
  },
): number {
  const { wanted, reports, drawn } = result
  const violations = [...drawn, ...reports.flatMap(({ failures }) => failures)]
  const missed = missedBounds(reports)
  const ok = violations.length === 0 && missed.length === 0
  print.result({ ok, seeds: wanted.seeds.length, violations, missed, scenarios: reports }, () => [
    ...(reports.length === 0 ? [] : [...figureTable(reports), '', ...trafficTable(reports)]),
    ...(wanted.isDrawn
      ? ['', `${DRAWN}: ${wanted.seeds.length} seeds, ${drawn.length} violations`]
      : []),
    ...missed.map((text) => `fails: ${text}`),
    ...violations.map((text) => `violation: ${text}`),
  ])
  return ok ? EXIT.ok : EXIT.failure
}

function stopped(): CliError {
  return new CliError(EXIT.failure, 'ERR_STOPPED', 'Cannot finish the simulation: told to stop')
}
