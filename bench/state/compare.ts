import { holds } from './aim.ts'
import type { Case, Outcome, Row, Scale } from './case.ts'
import { CASES } from './cases.ts'
import { LIBRARY_NAMES } from './libraries.ts'
import { median } from './median.ts'
import type { WorkerReply } from './worker.ts'
import { WorkerProcess } from './worker-process.ts'

/** One library's figure in one row. */
export interface Cell {
  readonly n: number
  /** The median. */
  readonly value: number
  readonly samples: readonly number[]
}

/** One row of the table. */
export interface ComparedRow extends Row {
  readonly case: string
  /** By library; a library that lacks the case has none. */
  readonly cells: Readonly<Record<string, Cell>>
  /** hearsay ÷ best peer. */
  readonly ratio: number | undefined
  readonly best: string | undefined
  /** Whether hearsay reaches its aim; undefined when there is none. */
  readonly holds: boolean | undefined
}

export interface Comparison {
  readonly rows: readonly ComparedRow[]
  /** Wrong results and errors: the figures beside them prove nothing. */
  readonly failures: readonly string[]
}

const OURS = 'hearsay'
/** The plain values that everybody's result must equal, with the counts of fast and slow libraries. */
const MODELS = ['model', 'slow-model'] as const

const QUICK_ROUNDS = 3

/**
 * Measures all libraries in turn, round by round, so that a machine that slows down slows all of them.
 * Cases without any time in them run two at once.
 */
export async function compare(
  scale: Scale,
  told: (line: string) => void,
  only?: string,
): Promise<Comparison> {
  const workers = new Map<string, WorkerProcess>()
  const rows: ComparedRow[] = []
  const failures: string[] = []
  try {
    for (const name of [...LIBRARY_NAMES, ...MODELS]) workers.set(name, new WorkerProcess(name))
    for (const item of CASES) {
      if (only !== undefined && !item.name.startsWith(only)) continue
      const start = performance.now()
      const outcomes = await measure(item, scale, workers)
      failures.push(...wrong(item, outcomes))
      rows.push(...item.rows.map((row, index) => compared(item, row, index, outcomes)))
      told(`${item.name}: ${((performance.now() - start) / 1_000).toFixed(1)} s`)
    }
  } finally {
    await Promise.all([...workers.values()].map((worker) => worker.stop()))
  }
  return { rows, failures }
}

type Replies = ReadonlyMap<string, readonly WorkerReply[]>

async function measure(
  item: Case,
  scale: Scale,
  workers: ReadonlyMap<string, WorkerProcess>,
): Promise<Replies> {
  const { name, isFresh } = item
  const replies = new Map<string, WorkerReply[]>()
  const round = async (worker: WorkerProcess): Promise<void> => {
    const reply = await worker.ask({ type: 'round', name, scale })
    replies.set(worker.library, [...(replies.get(worker.library) ?? []), reply])
  }
  const all = [...workers.values()]
  if (isFresh === true) {
    await twoAtOnce(all, async ({ library }) => {
      const fresh = new WorkerProcess(library)
      await round(fresh)
      await fresh.stop()
    })
  } else if (item.rounds === 1) await twoAtOnce(all, round)
  else {
    await twoAtOnce(all, async (worker) => {
      await worker.ask({ type: 'prepare', name, scale })
    })
    const rounds = scale === 'full' ? item.rounds : QUICK_ROUNDS
    for (let i = 0; i < rounds; i++) {
      for (const worker of all) {
        const isModel = MODELS.some((known) => known === worker.library)
        if (i === 0 || !isModel) await round(worker)
      }
    }
  }
  return replies
}

async function twoAtOnce(
  workers: readonly WorkerProcess[],
  run: (worker: WorkerProcess) => Promise<void>,
): Promise<void> {
  const queue = [...workers]
  const lane = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await run(next)
  }
  await Promise.all([lane(), lane()])
}

/** Every failure, and every result that differs from the model's for the same n. */
function wrong(item: Case, replies: Replies): readonly string[] {
  const expected = new Map<number, string>()
  for (const name of MODELS) {
    for (const { n, check } of outcomesOf(replies, name)) expected.set(n, check)
  }
  const failures: string[] = []
  for (const [name, given] of replies) {
    for (const reply of given) {
      if (reply.type === 'failed') failures.push(`${item.name}: ${name}: ${reply.reason}`)
      if (reply.type !== 'outcome') continue
      const { n, check } = reply.outcome
      const right = expected.get(n)
      if (check !== right) failures.push(`${item.name}: ${name}: holds ${check}, not ${right}`)
    }
  }
  return [...new Set(failures)]
}

function outcomesOf(replies: Replies, name: string): readonly Outcome[] {
  const given = replies.get(name) ?? []
  return given.flatMap((reply) => (reply.type === 'outcome' ? [reply.outcome] : []))
}

function compared(item: Case, row: Row, index: number, replies: Replies): ComparedRow {
  const cells: Record<string, Cell> = {}
  for (const name of LIBRARY_NAMES) {
    const outcomes = outcomesOf(replies, name)
    const samples = outcomes.flatMap(({ values }) => values[index] ?? [])
    const value = median(samples)
    const n = outcomes[0]?.n
    if (value !== undefined && n !== undefined) cells[name] = { n, value, samples }
  }
  const peers = LIBRARY_NAMES.filter((name) => name !== OURS && cells[name] !== undefined)
  const worth = (name: string): number => {
    const value = cells[name]?.value ?? 0
    return row.better === 'higher' ? value : -value
  }
  const best = peers.toSorted((a, b) => worth(b) - worth(a))[0]
  const ours = cells[OURS]?.value
  const theirs = best === undefined ? undefined : cells[best]?.value
  const ratio = ours === undefined || theirs === undefined ? undefined : ours / theirs
  const values = Object.fromEntries(LIBRARY_NAMES.map((name) => [name, cells[name]?.value]))
  return { ...row, case: item.name, cells, ratio, best, holds: holds(row, ours, values) }
}
