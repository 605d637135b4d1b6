import { readFile } from 'node:fs/promises'
import type { Scale } from './case.ts'
import { type Comparison, compare } from './compare.ts'
import { LIBRARY_NAMES, PACKAGES } from './libraries.ts'
import { comparisonTable } from './table.ts'

/** Everything one run has measured, as `--json` writes it. */
export interface StateReport extends Comparison {
  readonly scale: Scale
  /** By library. */
  readonly versions: Readonly<Record<string, string>>
}

const LEGEND = [
  'Medians of rounds in turn, a process a library; results were compared with a plain set and number.',
  'ratio: hearsay ÷ best peer. "n" is hearsay\'s; a library too slow for it names its own.',
  "Peers keep a map from element to true. Bytes are payload, without a transport's framing.",
]

/**
 * State beside its peers: prints a table.
 * @param only measures the cases whose name begins so
 */
export async function stateReport(scale: Scale, only?: string): Promise<StateReport> {
  const versions = await peerVersions()
  const named = LIBRARY_NAMES.map((name) => `${name} ${versions[name] ?? ''}`.trim())
  console.log(`state: ${named.join(', ')}`)
  const comparison = await compare(scale, (line) => console.error(`  ${line}`), only)
  console.log(comparisonTable(comparison.rows, LIBRARY_NAMES))
  for (const line of LEGEND) console.log(line)
  for (const failure of comparison.failures) console.error(`wrong: ${failure}`)
  return { ...comparison, scale, versions }
}

async function peerVersions(): Promise<Readonly<Record<string, string>>> {
  const lock: unknown = JSON.parse(
    await readFile(new URL('../../package-lock.json', import.meta.url), 'utf8'),
  )
  const { packages } = lock as { packages: Record<string, { version?: string } | undefined> }
  const versions: Record<string, string> = {}
  for (const [name, from] of Object.entries(PACKAGES)) {
    versions[name] = packages[`node_modules/${from}`]?.version ?? ''
  }
  return versions
}
