import {
  type FigureReport,
  type LaneRates,
  memberRepeatCommand,
  type ScenarioReport,
} from '../sim/index.ts'
import { renderTable } from './table.ts'

const LANES = ['probe', 'control', 'user', 'bulk'] as const

/** What was measured against what is promised, and beside it what the comparison model needs. */
export function figureTable(reports: readonly ScenarioReport[]): readonly string[] {
  const head = ['SCENARIO', 'NODES', 'SEEDS', 'FIGURE', 'P50', 'P99', 'MAX', 'BOUND', 'VERDICT']
  const rows = reports.flatMap(({ scenario, nodes, seeds, figures, compared }) =>
    figures.map((figure, index) => {
      const isFirst = index === 0
      const swim = isFirst && compared !== undefined ? compared : undefined
      return [
        ...(isFirst ? [scenario, String(nodes), String(seeds)] : ['', '', '']),
        figure.figure,
        ...[figure.p50, figure.p99, figure.max].map(numberText),
        boundText(figure),
        verdictText(figure),
        ...(swim === undefined ? ['', ''] : [numberText(swim.p50), numberText(swim.p99)]),
      ]
    }),
  )
  return renderTable([...head, 'SWIM P50', 'SWIM P99'], rows)
}

/** Frames and bytes a node and second in each scenario, by lane. */
export function trafficTable(reports: readonly ScenarioReport[]): readonly string[] {
  const head = ['SCENARIO', ...LANES.flatMap((lane) => [`${lane.toUpperCase()} FRAMES/S`, 'B/S'])]
  return renderTable(
    head,
    reports.map(({ scenario, traffic }) => [scenario, ...rates(traffic)]),
  )
}

/** One line for each bound that was not reached, and the command that shows the worst seed again. */
export function missedBounds(reports: readonly ScenarioReport[]): readonly string[] {
  return reports.flatMap(({ scenario, nodes, figures }) =>
    figures
      .filter(({ isReached }) => isReached === false)
      .map(({ figure, max, bound = '', worstSeed }) => {
        const repeat = memberRepeatCommand(scenario, worstSeed, nodes)
        return `${scenario}: ${figure} is ${numberText(max)}, not ${bound} (repeat with: ${repeat})`
      }),
  )
}

function rates(traffic: LaneRates): readonly string[] {
  return LANES.flatMap((lane) => [
    numberText(traffic[lane].frames),
    numberText(Math.round(traffic[lane].bytes)),
  ])
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return 'never'
  return Number.isInteger(value) ? String(value) : value.toFixed(value < 100 ? 1 : 0)
}

function boundText({ bound, unit }: FigureReport): string {
  if (bound === undefined) return ''
  return unit === undefined || unit === 'count' ? bound : `${bound} ${unit}`
}

function verdictText({ isReached }: FigureReport): string {
  if (isReached === undefined) return ''
  return isReached ? 'holds' : 'fails'
}
