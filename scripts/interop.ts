import type { ForeignKind } from './interop/foreign-peer.ts'
import { foreignKind } from './interop/kinds.ts'
import { crossRows, kindRows, skippedRows } from './interop/matrix.ts'
import { interopOptions, type KindName, USAGE } from './interop/options.ts'
import { countRows, exitCode, type InteropRow, resultText } from './interop/result.ts'

/*
 * Nodes of ours beside peers that are none of ours, on loopback: js (plain @libp2p/kad-dht, in this process), go
 * (go-libp2p-kad-dht) and rust (rust-libp2p), built from interop/go and interop/rust where their toolchains are here.
 *
 *   npm run interop -- [--peer js|go|rust]… [--json]
 *
 * All kinds unless told otherwise. The first run fetches and builds for minutes, into node_modules/.cache. Exit status:
 * 0 whatever ran passed (what is not here is skipped and said so), 1 something failed, 2 wrong options.
 */

const { kinds: names, isJson } = options()
const versions: Record<string, string> = {}
const rows: InteropRow[] = []
const kinds: ForeignKind[] = []
for (const name of names) {
  console.error(`${name}: preparing`)
  rows.push(...(await rowsOf(name)))
}
if (kinds.length > 1)
  rows.push(...(await guarded(kinds.map(({ name }) => name).join(' + '), () => crossRows(kinds))))
if (isJson) console.log(JSON.stringify({ versions, ...countRows(rows), rows }, undefined, 2))
else console.log(resultText({ versions, rows }))
process.exitCode = exitCode(rows)

function rowsOf(name: KindName): Promise<readonly InteropRow[]> {
  return guarded(name, async () => {
    const kind = await foreignKind(name)
    if ('missing' in kind) return skippedRows(name, kind.missing)
    versions[name] = kind.versions
    kinds.push(kind)
    return await kindRows(kind)
  })
}

async function guarded(
  peer: string,
  run: () => Promise<readonly InteropRow[]>,
): Promise<readonly InteropRow[]> {
  try {
    return await run()
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return [{ peer, what: 'is built, starts and joins', outcome: 'failed', why }]
  }
}

function options(): ReturnType<typeof interopOptions> {
  try {
    return interopOptions(process.argv.slice(2))
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    console.error(USAGE)
    process.exit(2)
  }
}
