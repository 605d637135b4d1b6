/** One thing that was tried with one kind of peer. */
export interface InteropRow {
  /** Kind of peer, or kinds. */
  readonly peer: string
  readonly what: string
  readonly outcome: 'passed' | 'failed' | 'skipped'
  /** Whole ms; absent when it was skipped. */
  readonly ms?: number
  /** Why it failed or was skipped. */
  readonly why?: string
}

export interface InteropResult {
  /** By kind of peer that ran. */
  readonly versions: Readonly<Record<string, string>>
  readonly rows: readonly InteropRow[]
}

export function countRows(
  rows: readonly InteropRow[],
): Readonly<Record<InteropRow['outcome'], number>> {
  const count = (outcome: InteropRow['outcome']): number =>
    rows.filter((row) => row.outcome === outcome).length
  return { passed: count('passed'), failed: count('failed'), skipped: count('skipped') }
}

/** 0: whatever ran passed. */
export function exitCode(rows: readonly InteropRow[]): number {
  return countRows(rows).failed > 0 ? 1 : 0
}

/** A line a row, then the versions and the sums. */
export function resultText({ versions, rows }: InteropResult): string {
  const lines = rows.map(({ peer, what, outcome, ms, why }) => [
    peer,
    what,
    outcome === 'skipped' ? `skipped: ${why}` : outcome === 'failed' ? `FAILED: ${why}` : outcome,
    ms === undefined ? '' : `${ms} ms`,
  ])
  const widths = [0, 1, 2].map((at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)))
  const { passed, failed, skipped } = countRows(rows)
  return [
    ...lines.map((line) =>
      line
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    ),
    '',
    ...Object.entries(versions).map(([name, text]) => `${name}: ${text}`),
    `${passed} passed, ${failed} failed, ${skipped} skipped`,
  ].join('\n')
}
