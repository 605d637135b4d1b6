import { execFile } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Edit, MUTANTS, type Mutant } from './table.ts'

/*
 * Each mutant is a copy of the repository's sources with a bug planted, and must be found by those who guard
 * against it; the copy without a bug must pass. They run in processes of their own.
 */

const ROOT = path.resolve(import.meta.dirname, '../..')
const COPIED = [
  ...['src', 'test/crdt', 'test/engine', 'test/replication', 'scripts/soak-state.ts'],
  ...['package.json', 'tsconfig.json', 'vitest.config.ts'],
]
/** Every mutant that schedules must find is found in this many; most in a few hundred. */
const SCHEDULES_MAX = 50_000
const CONTROL_SCHEDULES = 1_000
const PROCESSES = 2
const VITEST = ['node_modules/vitest/vitest.mjs', 'run', '--reporter=json']
const TIMEOUT_MS = 240_000

/** Anything else is why nothing could be said. */
type Verdict = 'killed' | 'survived' | (string & {})

let directory = ''
const verdicts = new Map<string, Promise<Verdict>>()

beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'hearsay-mutants-'))
  const work = MUTANTS.map((mutant, index) => {
    const { promise, resolve } = Promise.withResolvers<Verdict>()
    verdicts.set(mutant.name, promise)
    return { mutant, index, resolve }
  })
  const lead = async (): Promise<void> => {
    for (let next = work.shift(); next !== undefined; next = work.shift()) {
      next.resolve(await judge(next.mutant, path.join(directory, `${next.index}`), SCHEDULES_MAX))
    }
  }
  for (let i = 0; i < PROCESSES; i++) void lead()
})

afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe('a planted bug is found', () => {
  it.each(MUTANTS.map(({ name }) => name))('%s', { timeout: TIMEOUT_MS }, async (name) => {
    expect(await verdicts.get(name)).toBe('killed')
  })
})

describe('without a bug nothing is found', () => {
  const guards = [...new Set(MUTANTS.map(({ killedBy }) => killedBy))]
  const named = guards.map((guard) => [guard === 'schedules' ? guard : guard.file, guard] as const)
  it.each(named)('by %s', { timeout: TIMEOUT_MS }, async (name, killedBy) => {
    const copy = path.join(directory, `control-${name.replaceAll('/', '-')}`)
    const control = { name: 'control', edits: [], killedBy }
    expect(await judge(control, copy, CONTROL_SCHEDULES)).toBe('survived')
  })
})

/** Plants the bug in a copy of its own and has it looked for. Never rejects. */
async function judge({ edits, killedBy }: Mutant, copy: string, count: number): Promise<Verdict> {
  try {
    for (const part of COPIED) {
      cpSync(path.join(ROOT, part), path.join(copy, part), { recursive: true })
    }
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'), 'junction')
    for (const edit of edits) plant(copy, edit)
    const out = path.join(copy, 'result.json')
    const said = await run(
      copy,
      killedBy === 'schedules'
        ? ['scripts/soak-state.ts', '--workers', '0', '--count', `${count}`, '--out', out]
        : [...VITEST, `--outputFile=${out}`, '-t', killedBy.named, killedBy.file],
    )
    // A process that could not start has found nothing.
    return existsSync(out) ? verdictOf(JSON.parse(readFileSync(out, 'utf8')) as Result) : said
  } catch (error) {
    return String(error)
  }
}

function plant(copy: string, { file, find, replace }: Edit): void {
  const name = path.join(copy, file)
  const text = readFileSync(name, 'utf8')
  const times = text.split(find).length - 1
  if (times !== 1) throw new Error(`${file} holds this ${times} times instead of once: ${find}`)
  writeFileSync(
    name,
    text.replace(find, () => replace),
  )
}

/** What a process says; its exit status tells no more than its result. */
function run(copy: string, args: readonly string[]): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const options = { cwd: copy, timeout: TIMEOUT_MS, maxBuffer: 16 << 20 }
  execFile(process.execPath, args, options, (error, stdout, stderr) => {
    resolve(`${error?.message}\n${stdout}\n${stderr}`)
  })
  return promise
}

/** Of the soak, or of a run of tests. */
type Result =
  | { readonly schedules: number; readonly failure?: object }
  | { readonly numPassedTests: number; readonly numFailedTests: number }

function verdictOf(result: Result): Verdict {
  if ('schedules' in result) return result.failure === undefined ? 'survived' : 'killed'
  if (result.numFailedTests > 0) return 'killed'
  return result.numPassedTests > 0 ? 'survived' : 'no tests'
}
