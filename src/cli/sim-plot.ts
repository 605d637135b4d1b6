import type { MemberRun } from '../sim/index.ts'

const ROW = 22
const LEFT = 230
const WIDTH = 620
const TOP = 30
/** Milliseconds at the left and the right edge; the scale is logarithmic. */
const MS_MIN = 10
const MS_MAX = 120_000
const TICKS: readonly (readonly [number, string])[] = [
  [10, '10 ms'],
  [100, '0.1 s'],
  [1_000, '1 s'],
  [10_000, '10 s'],
  [100_000, '100 s'],
]

/** One row of points: a figure of a scenario in all its seeds. */
export interface PlotRow {
  readonly label: string
  readonly valuesMs: readonly number[]
  /** The comparison model in the same situation. */
  readonly comparedMs: readonly number[]
}

/** The times of runs as rows, for those figures that are times. */
export function plotRows(
  runs: readonly MemberRun[],
  isTime: (scenario: string, figure: string) => boolean,
): readonly PlotRow[] {
  const rows = new Map<string, { valuesMs: number[]; comparedMs: number[] }>()
  for (const { scenario, figures, comparedMs } of runs) {
    let isFirst = true
    for (const [figure, value] of figures) {
      if (!isTime(scenario, figure)) continue
      const label = `${scenario}: ${figure}`
      const row = rows.get(label) ?? { valuesMs: [], comparedMs: [] }
      row.valuesMs.push(value)
      if (isFirst && comparedMs !== undefined) row.comparedMs.push(comparedMs)
      isFirst = false
      rows.set(label, row)
    }
  }
  return [...rows].map(([label, row]) => ({ label, ...row }))
}

/** A strip of points for each row over a logarithmic axis of time; hollow points are the comparison model. */
export function plotSvg(rows: readonly PlotRow[]): string {
  const height = TOP + ROW * rows.length + 40
  const bottom = TOP + ROW * rows.length
  const grid = TICKS.map(
    ([ms, label]) =>
      `<line x1="${x(ms)}" y1="${TOP}" x2="${x(ms)}" y2="${bottom}" stroke="#ddd"/>` +
      `<text x="${x(ms)}" y="${bottom + 16}" text-anchor="middle">${label}</text>`,
  )
  const strips = rows.map(({ label, valuesMs, comparedMs }, index) => {
    const y = TOP + ROW * index + ROW / 2
    const points = valuesMs.map((ms) => point(ms, y, 'fill="#1668b8" fill-opacity="0.5"'))
    const hollow = comparedMs.map((ms) => point(ms, y, 'fill="none" stroke="#c2571a"'))
    const text = `<text x="${LEFT - 12}" y="${y + 4}" text-anchor="end">${escaped(label)}</text>`
    return text + hollow.join('') + points.join('')
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${LEFT + WIDTH + 30}" height="${height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
<text x="${LEFT}" y="18">each point is one seed; hollow: SWIM with Lifeguard, memberlist's LAN profile</text>
${[...grid, ...strips].join('\n')}
</svg>
`
}

function x(ms: number): number {
  const within = Math.min(MS_MAX, Math.max(MS_MIN, ms))
  const share = Math.log(within / MS_MIN) / Math.log(MS_MAX / MS_MIN)
  return Math.round((LEFT + share * WIDTH) * 10) / 10
}

function point(ms: number, y: number, look: string): string {
  return `<circle cx="${x(ms)}" cy="${y}" r="4" ${look}/>`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
