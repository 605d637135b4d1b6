import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Context } from './context.ts'
import { CliError, EXIT } from './errors.ts'

/** Beside the package: benchmarks compare with packages that the published one does not bring. */
const SCRIPT = new URL('../../bench/main.ts', import.meta.url)

/** Runs the benchmarks of the repository; with --json their tables go to stderr and all samples to stdout. */
export async function runBench(context: Context, words: readonly string[]): Promise<number> {
  const script = fileURLToPath(SCRIPT)
  if (!existsSync(script)) {
    const message = 'Cannot run benchmarks: they are no part of the installed package'
    throw new CliError(EXIT.failure, 'ERR_UNSUPPORTED', message, {
      hint: 'Run them in a checkout of the repository, after npm ci',
    })
  }
  if (!context.globals.json) return await run(context, [script, ...words], context.io.stdout)
  const folder = await mkdtemp(join(tmpdir(), 'hearsay-bench-'))
  try {
    const file = join(folder, 'samples.json')
    const code = await run(context, [script, ...words, '--json', file], context.io.stderr)
    if (code === EXIT.ok) context.print.json(JSON.parse(await readFile(file, 'utf8')))
    return code
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function run(
  { io }: Context,
  parameters: readonly string[],
  tables: Context['io']['stdout'],
): Promise<number> {
  const child = spawn(process.execPath, parameters, { stdio: ['ignore', 'pipe', 'pipe'] })
  const end = (): void => void child.kill()
  const forget = io.onStop(end)
  io.closed.addEventListener('abort', end, { once: true })
  child.stdout.on('data', (bytes: Uint8Array) => tables.write(bytes))
  child.stderr.on('data', (bytes: Uint8Array) => io.stderr.write(bytes))
  try {
    const [code]: unknown[] = await once(child, 'close')
    return typeof code === 'number' ? code : EXIT.failure
  } finally {
    forget()
  }
}
