import { readFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { bundleFigures } from './bundle.ts'
import type { Scale } from './case.ts'
import { CASES } from './cases.ts'
import { type Comparison, compare } from './compare.ts'
import { durableFigures } from './durable.ts'
import { healFigures } from './heal.ts'
import { LIBRARY_NAMES, PEERS } from './libraries.ts'
import { type NodeFigure, nodeTable } from './node-figure.ts'
import { recoveryFigures } from './recovery.ts'
import { comparisonTable } from './table.ts'
import { turnFigures } from './turns.ts'
import { visibleFigures } from './visible.ts'

/** Everything one run has measured, as `--json` writes it. */
export interface StateReport extends Comparison {
  readonly scale: Scale
  /** The load average before: what else the machine did. */
  readonly busy: number
  /** By library. */
  readonly versions: Readonly<Record<string, string>>
  /** Of whole nodes, with disks, processes and sockets. */
  readonly nodes: readonly NodeFigure[]
}

/** Cases of whole nodes, in the order of their table. */
const NODE_CASES: Readonly<Record<string, (scale: Scale) => Promise<readonly NodeFigure[]>>> = {
  durable: durableFigures,
  visible: visibleFigures,
  recovery: recoveryFigures,
  turns: turnFigures,
  heal: healFigures,
  bundle: bundleFigures,
}

/** Names that `only` may begin. */
export function stateCases(): readonly string[] {
  return [...CASES.map(({ name }) => name), ...Object.keys(NODE_CASES)]
}

const LEGEND = [
  'Medians of rounds in turn after rounds that warm up, a process a library; results were compared with a',
  'plain set and number. Times are those of the one thread that works, whatever else the machine does.',
  'ratio: hearsay ÷ best peer. "n" is hearsay\'s; a library too slow for it names its own.',
  "Bytes are payload, without a transport's framing. hearsay: OR-set and PN-counter of the replication core",
  'in memory: transactions are encoded, chained and logged; rows of a snapshot in the store stand for a file.',
  ...Object.entries(PEERS).map(([name, { note }]) => `${name}: ${note}.`),
]

/**
 * State beside its peers: prints a table.
 * @param only measures the cases whose name begins so
 */
export async function stateReport(scale: Scale, only?: string): Promise<StateReport> {
  const versions = await peerVersions()
  const named = LIBRARY_NAMES.map((name) => `${name} ${versions[name] ?? ''}`.trim())
  console.log(`state: ${named.join(', ')}`)
  const busy = loadavg()[0] ?? 0
  console.log(`load average at the start: ${busy.toFixed(1)}`)
  const told = (line: string): void => console.error(`  ${line}`)
  const comparison = await compare(scale, told, only)
  const failures = [...comparison.failures]
  if (comparison.rows.length > 0) {
    console.log(comparisonTable(comparison.rows, LIBRARY_NAMES))
    for (const line of LEGEND) console.log(line)
  }
  const nodes: NodeFigure[] = []
  for (const [name, measure] of Object.entries(NODE_CASES)) {
    if (only !== undefined && !name.startsWith(only)) continue
    const start = performance.now()
    try {
      nodes.push(...(await measure(scale)))
    } catch (error) {
      failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
    told(`${name}: ${((performance.now() - start) / 1_000).toFixed(1)} s`)
  }
  if (nodes.length > 0) console.log(`\n${nodeTable(nodes)}`)
  const aimed = [...comparison.rows, ...nodes].filter((row) => row.holds !== undefined)
  const held = aimed.filter((row) => row.holds === true).length
  console.log(`\naims: ${held} hold, ${aimed.length - held} fail`)
  for (const failure of failures) console.error(`wrong: ${failure}`)
  return { ...comparison, failures, nodes, scale, versions, busy }
}

async function peerVersions(): Promise<Readonly<Record<string, string>>> {
  const lock: unknown = JSON.parse(
    await readFile(new URL('../../package-lock.json', import.meta.url), 'utf8'),
  )
  const { packages } = lock as { packages: Record<string, { version?: string } | undefined> }
  const versions: Record<string, string> = {}
  for (const [name, { from }] of Object.entries(PEERS)) {
    versions[name] = packages[`node_modules/${from}`]?.version ?? ''
  }
  return versions
}
