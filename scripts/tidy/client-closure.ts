import { type Finding, packageOf, type SourceFile } from './tidy-file.ts'

/** Files that only talk to a running node: what they load statically is start-up time of every verb. */
const CLIENTS: readonly string[] = ['src/cli/main.ts', 'src/http/client.ts']
/** libp2p and what it brings: 0.2 s and 90 MB. */
const HEAVY: readonly string[] = ['libp2p', '@libp2p/', '@chainsafe/', '@multiformats/']

/** Ways on which a client loads libp2p. Types are erased and `await import()` waits: both are fine. */
export function clientClosure(sources: readonly SourceFile[]): readonly Finding[] {
  const byPath = new Map(sources.map((source) => [source.path, source]))
  return CLIENTS.flatMap((path) => {
    const client = byPath.get(path)
    return client === undefined ? [] : heavyUses(client, byPath)
  })
}

function heavyUses(
  client: SourceFile,
  byPath: ReadonlyMap<string, SourceFile>,
): readonly Finding[] {
  const findings: Finding[] = []
  const ways = new Map<string, string>([[client.path, client.path]])
  // The map grows while it is iterated: breadth first, so the way shown is a shortest one.
  for (const [path, way] of ways) {
    for (const use of byPath.get(path)?.uses ?? []) {
      if (use.kind !== 'static') continue
      const name = packageOf(use.specifier)
      if (name !== undefined && isHeavy(name)) {
        findings.push({ path, line: use.line, message: `loads ${name} into a client: ${way}` })
      }
      if (use.target !== undefined && !ways.has(use.target)) {
        ways.set(use.target, `${way} → ${use.target}`)
      }
    }
  }
  return findings
}

function isHeavy(name: string): boolean {
  return HEAVY.some((heavy) => (heavy.endsWith('/') ? name.startsWith(heavy) : name === heavy))
}
