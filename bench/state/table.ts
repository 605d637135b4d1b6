import { aimText, holdsText } from './aim.ts'
import type { Row } from './case.ts'
import type { Cell, ComparedRow } from './compare.ts'
import { figure, grouped } from './figure.ts'

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
  const [ours = '', ...peers] = libraries
  const head = ['', 'n', ours, 'aim', '', ...peers, 'ratio', 'better', 'limit']
  const body = rows.map((row) => {
    const n = row.cells[ours]?.n ?? Object.values(row.cells)[0]?.n ?? 0
    const own = cellText(row, row.cells[ours], n)
    const cells = peers.map((name) => cellText(row, row.cells[name], n))
    const ratio = row.ratio === undefined ? '–' : row.ratio.toPrecision(2)
    const better = row.better === 'higher' ? '> 1' : '< 1'
    const aimed = [aimText(row), holdsText(row.holds)]
    return [row.label, grouped(n), own, ...aimed, ...cells, ratio, better, row.limit ?? '']
  })
  return table([head, ...body])
}

function cellText(row: Row, cell: Cell | undefined, n: number): string {
  if (cell === undefined) return '–'
  const text = figure(cell.value, row.unit)
  return cell.n === n ? text : `${text} (n ${grouped(cell.n)})`
}
