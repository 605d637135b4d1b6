import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Aim, aimText, holds, holdsText } from './aim.ts'
import type { Row } from './case.ts'
import { figure } from './figure.ts'
import { median } from './median.ts'
import { table } from './table.ts'

/** One figure of whole nodes, which the peer libraries have no counterpart for. */
export interface NodeFigure {
  readonly label: string
  readonly unit: Row['unit']
  readonly better: Row['better']
  readonly aim?: Aim
  /** Whether the value reaches the aim; undefined when there is none. */
  readonly holds: boolean | undefined
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
  told: Pick<NodeFigure, 'how' | 'limit'> & { readonly aim?: number },
): NodeFigure {
  const value = median(samples)
  if (value === undefined) throw new Error(`Cannot report ${label}: nothing was measured`)
  const better = unit === 'a second' ? 'higher' : 'lower'
  const { aim, ...rest } = told
  const aimed = { unit, better, ...(aim === undefined ? {} : { aim: { value: aim } }) } as const
  return { label, ...aimed, holds: holds(aimed, value, {}), value, samples, ...rest }
}

export function nodeTable(figures: readonly NodeFigure[]): string {
  const lines = figures.map((item) => [
    item.label,
    figure(item.value, item.unit),
    aimText(item),
    holdsText(item.holds),
    item.limit ?? '',
    item.how,
  ])
  return table([['', 'hearsay', 'aim', '', 'limit', 'how'], ...lines])
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
