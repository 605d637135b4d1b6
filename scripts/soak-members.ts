import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import {
  type MemberRun,
  playMembers,
  reportMembers,
  SCENARIOS,
  scenarioOf,
} from '../src/sim/index.ts'

/*
 * Plays what can happen to members, many seeds of each scenario, and tells what was measured against the bounds:
 *
 *   npm run soak:members -- [--from SEED] [--seeds N] [--nodes N] [--scenario NAME] [--workers N] [--out FILE]
 *
 * 128 seeds of each from seed 1 unless told otherwise, more than 4,096 in all, on all cores. The result, one object
 * of JSON, goes to FILE or standard output, progress to standard error. Exit status: 0 nothing broke and every bound
 * was reached, 1 not so, 2 wrong options.
 */

interface Task {
  readonly scenario: string
  readonly seed: number
  readonly nodes: number | undefined
}

const PROGRESS_MS = 10_000

if (isMainThread) await main()
else {
  parentPort?.on('message', ({ scenario, seed, nodes }: Task) => {
    const played = scenarioOf(scenario)
    if (played !== undefined) parentPort?.postMessage(playMembers(played, seed, nodes))
  })
}

async function main(): Promise<void> {
  const { from, seeds, nodes, scenario, workers, out } = options()
  const scenarios = SCENARIOS.filter(({ name }) => scenario === undefined || name === scenario)
  const tasks: Task[] = []
  for (let seed = from; seed < from + seeds; seed++) {
    for (const { name, nodesMin = 1 } of scenarios) {
      const isFit = nodes !== undefined && nodes >= nodesMin
      tasks.push({ scenario: name, seed, nodes: isFit ? nodes : undefined })
    }
  }
  const total = tasks.length
  const runs: MemberRun[] = []
  const startedAt = performance.now()
  let toldAt = startedAt
  const waiting = tasks.values()
  const done = (run: MemberRun): void => {
    runs.push(run)
    for (const failure of run.failures) console.error(failure)
    const now = performance.now()
    if (now - toldAt < PROGRESS_MS) return
    toldAt = now
    const minutes = ((now - startedAt) / runs.length) * ((total - runs.length) / 60_000)
    console.error(`${runs.length} of ${total} runs, ${minutes.toFixed(1)} min left`)
  }
  await Promise.all(Array.from({ length: workers }, () => lead(waiting, done)))
  const reports = scenarios.map((played) => {
    const own = runs.filter((run) => run.scenario === played.name)
    return reportMembers(
      played,
      own.toSorted((a, b) => a.seed - b.seed),
    )
  })
  const isBroken = reports.some(({ failures }) => failures.length > 0)
  const isMissed = reports.some(({ figures }) => figures.some((one) => one.isReached === false))
  const seconds = (performance.now() - startedAt) / 1_000
  const result = { ok: !isBroken && !isMissed, runs: total, from, seeds, seconds, reports }
  const text = `${JSON.stringify(result, undefined, 2)}\n`
  if (out === undefined) process.stdout.write(text)
  else writeFileSync(out, text)
  if (!result.ok) process.exitCode = 1
}

/** Gives one worker task after task. */
async function lead(tasks: Iterator<Task>, done: (run: MemberRun) => void): Promise<void> {
  const worker = new Worker(new URL(import.meta.url))
  try {
    for (let next = tasks.next(); next.done !== true; next = tasks.next()) {
      worker.postMessage(next.value)
      done(
        await new Promise<MemberRun>((resolve, reject) => {
          worker.once('message', resolve)
          worker.once('error', reject)
        }),
      )
      worker.removeAllListeners('error')
    }
  } finally {
    await worker.terminate()
  }
}

function options(): {
  readonly from: number
  readonly seeds: number
  readonly nodes: number | undefined
  readonly scenario: string | undefined
  readonly workers: number
  readonly out: string | undefined
} {
  const { values } = parseArgs({
    options: {
      from: { type: 'string', default: '1' },
      seeds: { type: 'string', default: '128' },
      nodes: { type: 'string' },
      scenario: { type: 'string' },
      workers: { type: 'string', default: String(availableParallelism()) },
      out: { type: 'string' },
    },
  })
  const [from = 0, seeds = 0, workers = 0] = [values.from, values.seeds, values.workers].map(Number)
  const nodes = values.nodes === undefined ? undefined : Number(values.nodes)
  const isWhole = [from, seeds, workers, nodes ?? 1].every((n) => Number.isSafeInteger(n) && n > 0)
  const isKnown = values.scenario === undefined || scenarioOf(values.scenario) !== undefined
  if (!isWhole || !isKnown) {
    console.error('Cannot soak: numbers are whole and above 0, --scenario is one of hearsay sim')
    process.exit(2)
  }
  return { from, seeds, nodes, scenario: values.scenario, workers, out: values.out }
}
