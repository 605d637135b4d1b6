import Table from 'cli-table3'

const GAP = '   '
const BORDERLESS = Object.fromEntries(
  [
    ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left'],
    ...['bottom-right', 'left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'],
  ].map((name) => [name, '']),
)

/** A table without borders: upper-case head, columns padded to their widest cell, no trailing spaces. */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const table = new Table({
    chars: { ...BORDERLESS, middle: GAP },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  })
  if (head.length > 0) table.push([...head])
  for (const row of rows) table.push([...row])
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
}
