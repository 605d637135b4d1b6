import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { median } from './compare.ts'
import { figure, table } from './table.ts'

/** One figure of whole nodes, which the peer libraries have no counterpart for. */
export interface NodeFigure {
  readonly label: string
  readonly unit: 'a second' | 'B' | 'ms'
  readonly value: number
  readonly samples: readonly number[]
  /** How it was measured: counts, windows. */
  readonly how: string
  /** What no implementation can beat, measured in the same run where it can be. */
  readonly limit?: string
}

/** The median of samples as a figure. */
export function nodeFigure(
  label: string,
  unit: NodeFigure['unit'],
  samples: readonly number[],
  told: Pick<NodeFigure, 'how' | 'limit'>,
): NodeFigure {
  const value = median(samples)
  if (value === undefined) throw new Error(`Cannot report ${label}: nothing was measured`)
  return { label, unit, value, samples, ...told }
}

export function nodeTable(figures: readonly NodeFigure[]): string {
  const lines = figures.map(({ label, value, unit, how, limit }) => [
    label,
    figure(value, unit),
    limit ?? '',
    how,
  ])
  return table([['', 'hearsay', 'limit', 'how'], ...lines])
}

/** Runs with an empty directory on the disk that `os.tmpdir()` is on, and removes it. */
export async function withDirectory<T>(run: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'hearsay-bench-'))
  try {
    return await run(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
