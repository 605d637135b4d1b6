import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import { buildPackage } from './built-package.ts'
import { type NodeFigure, nodeFigure } from './node-figure.ts'

const GZIP_BYTES = 30_000
const ROOT = new URL('../../', import.meta.url)
const require = createRequire(import.meta.url)

/** What a page would have to download for the replicated state alone: minified, gzip. */
export async function bundleFigures(): Promise<readonly NodeFigure[]> {
  const engine = await builtBytes()
  const core = await gzipBytes(fileURLToPath(new URL('src/replication/replication.ts', ROOT)))
  const yjs = await gzipBytes(require.resolve('yjs'))
  const jsonJoy = await gzipBytes(require.resolve('json-joy/lib/json-crdt/index.js'))
  const loro = await wasmBytes('loro-crdt', './loro_wasm_bg.wasm')
  const automerge = await wasmBytes('@automerge/automerge/automerge.wasm')
  const peers = [
    `yjs ${kilo(yjs)}`,
    `json-joy ${kilo(jsonJoy)}`,
    `loro ≥ ${kilo(loro)}`,
    `automerge ≥ ${kilo(automerge)}`,
  ]
  const beside = `${peers.join(', ')} (wasm alone)`
  return [
    nodeFigure('engine bundle', 'B', [engine], {
      how: `import 'hearsay/crdt', built, minified, gzip; ${beside}`,
      aim: GZIP_BYTES,
    }),
    nodeFigure('… with what a node has of it', 'B', [core], {
      how: 'also sync sessions, recovery of the store, identity, undo, diffs',
    }),
  ]
}

/** Of the entry as the package has it. */
async function builtBytes(): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'hearsay-bundle-'))
  try {
    await buildPackage(directory)
    return await gzipBytes(join(directory, 'dist', 'crdt.js'))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function gzipBytes(input: string): Promise<number> {
  const bundle = await rolldown({ input, platform: 'browser', logLevel: 'silent' })
  const { output } = await bundle.generate({ format: 'es', minify: true })
  await bundle.close()
  let bytes = 0
  for (const part of output) {
    if (part.type === 'asset') throw new Error(`${input} needs ${part.fileName} beside its script`)
    bytes += gzipSync(part.code, { level: 9 }).length
  }
  return bytes
}

/** @param beside the module's own file when there is none */
async function wasmBytes(name: string, beside = ''): Promise<number> {
  return gzipSync(await readFile(new URL(beside, pathToFileURL(require.resolve(name))))).length
}

function kilo(bytes: number): string {
  return `${(bytes / 1_000).toFixed(0)} kB`
}
