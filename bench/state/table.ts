import type { Row } from './case.ts'
import type { Cell, ComparedRow } from './compare.ts'

/** Lines with columns of equal width; the first and the last column to the left, the others to the right. */
export function table(lines: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const line of lines) {
    line.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length)
    })
  }
  return lines
    .map((line) =>
      line
        .map((cell, column) => {
          const width = widths[column] ?? 0
          return column === 0 || column === line.length - 1
            ? cell.padEnd(width)
            : cell.padStart(width)
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** The comparison as a table: a row a figure, a column a library. */
export function comparisonTable(
  rows: readonly ComparedRow[],
  libraries: readonly string[],
): string {
  const head = ['', 'n', ...libraries, 'ratio', 'better', 'limit']
  const body = rows.map((row) => {
    const ours = row.cells.hearsay?.n
    const n = ours ?? Object.values(row.cells)[0]?.n ?? 0
    const cells = libraries.map((name) => cellText(row, row.cells[name], n))
    const ratio = row.ratio === undefined ? '–' : row.ratio.toPrecision(2)
    const better = row.better === 'higher' ? '> 1' : '< 1'
    return [row.label, grouped(n), ...cells, ratio, better, row.limit ?? '']
  })
  return table([head, ...body])
}

/** A figure in its unit, three digits. */
export function figure(value: number, unit: Row['unit']): string {
  switch (unit) {
    case 'a second':
      if (value >= 1e6) return `${(value / 1e6).toPrecision(3)} M/s`
      return value >= 1e3 ? `${(value / 1e3).toPrecision(3)} k/s` : `${value.toFixed(0)} /s`
    case 'B':
      return `${value < 100 ? round(value) : grouped(Math.round(value))} B`
    case 'ms':
      return value < 1_000 ? `${value.toPrecision(3)} ms` : `${grouped(Math.round(value))} ms`
    case 'round trips':
      return `${round(value)} RTT`
  }
}

function cellText(row: Row, cell: Cell | undefined, n: number): string {
  if (cell === undefined) return '–'
  const text = figure(cell.value, row.unit)
  return cell.n === n ? text : `${text} (n ${grouped(cell.n)})`
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10)
}

function grouped(value: number): string {
  return value.toLocaleString('en-US')
}
