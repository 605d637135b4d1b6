import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { addCounts, noCounts } from '../test/replication/fast/counts.ts'
import { failureText, type Outcome, playSeeds } from '../test/replication/fast/run.ts'

/*
 * Plays random schedules of replicas against the oracle, see test/replication/fast, until one fails:
 *
 *   npm run soak:state -- [--from SEED] [--count N] [--workers N] [--out FILE]
 *
 * Ten million from seed 1 unless told otherwise, on all cores; `--workers 0` plays them in this very thread.
 * The result, one object of JSON, goes to FILE or standard output, progress to standard error. A failure is told with
 * its seed and the smallest schedule that shows it. Exit status: 0 all agreed, 1 one failed, 2 wrong options.
 */

interface Batch {
  readonly from: number
  readonly count: number
}

const BATCH = 2_000
const PROGRESS_MS = 5_000

if (isMainThread) await main()
else {
  parentPort?.on('message', ({ from, count }: Batch) => {
    parentPort?.postMessage(playSeeds(from, count))
  })
}

async function main(): Promise<void> {
  const { from, count, workers, out } = options()
  const startedAt = performance.now()
  const total = noCounts()
  let failure: Outcome['failure']
  let next = from
  let toldAt = startedAt
  const take = (): Batch | undefined => {
    const left = from + count - next
    if (left <= 0 || failure !== undefined) return undefined
    const batch = { from: next, count: Math.min(BATCH, left) }
    next += batch.count
    return batch
  }
  const done = (outcome: Outcome): void => {
    addCounts(total, outcome.counts)
    // The lowest seed of those that failed: the same whoever was faster.
    if (
      outcome.failure !== undefined &&
      !(failure !== undefined && failure.seed < outcome.failure.seed)
    )
      failure = outcome.failure
    const now = performance.now()
    if (now - toldAt < PROGRESS_MS) return
    toldAt = now
    const rate = (total.schedules * 1_000) / (now - startedAt)
    const minutes = (count - total.schedules) / rate / 60
    console.error(
      `${total.schedules} schedules, ${Math.round(rate)} a second, ${minutes.toFixed(1)} min left`,
    )
  }
  if (workers === 0) {
    for (let batch = take(); batch !== undefined; batch = take()) {
      done(playSeeds(batch.from, batch.count))
    }
  } else await Promise.all(Array.from({ length: workers }, () => lead(take, done)))
  const seconds = (performance.now() - startedAt) / 1_000
  const { schedules, ...counts } = total
  const rate = Math.round(schedules / seconds)
  const result = { ...commit(), from, count, workers, schedules, seconds, rate, failure, counts }
  const text = `${JSON.stringify(result, undefined, 2)}\n`
  if (out === undefined) process.stdout.write(text)
  else writeFileSync(out, text)
  if (failure === undefined) return
  console.error(failureText(failure))
  process.exitCode = 1
}

/** Gives one worker batch after batch. */
async function lead(
  take: () => Batch | undefined,
  done: (outcome: Outcome) => void,
): Promise<void> {
  const worker = new Worker(new URL(import.meta.url))
  try {
    for (let batch = take(); batch !== undefined; batch = take()) {
      worker.postMessage(batch)
      done(
        await new Promise<Outcome>((resolve, reject) => {
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

function options(): Batch & { readonly workers: number; readonly out: string | undefined } {
  const { values } = parseArgs({
    options: {
      from: { type: 'string', default: '1' },
      count: { type: 'string', default: '10000000' },
      workers: { type: 'string', default: String(availableParallelism()) },
      out: { type: 'string' },
    },
  })
  const [from, count, workers] = [values.from, values.count, values.workers].map(Number)
  const isWhole = [from, count, workers].every((n) => Number.isSafeInteger(n) && (n ?? -1) >= 0)
  if (!isWhole) {
    console.error('Cannot soak: --from, --count and --workers are whole numbers')
    process.exit(2)
  }
  return { from: from ?? 1, count: count ?? 0, workers: workers ?? 0, out: values.out }
}

/** What is being tested; nothing outside a checkout. */
function commit(): { readonly commit?: string; readonly isClean?: boolean } {
  const git = (...args: readonly string[]): string =>
    execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  try {
    const isClean = git('status', '--porcelain', '--', 'src', 'test/replication') === ''
    return { commit: git('rev-parse', 'HEAD'), isClean }
  } catch {
    return {}
  }
}
