import type { Lanes } from '../../crdt/event-draft.ts'
import type { Reissue } from '../identity/reissue.ts'
import { type GroupLog, type LoggedRun, type LogRow, RUN_OVERHEAD_BYTES } from './group-log.ts'

/** What a log's owner does to it while it loads a store or repairs an identity. */

/** Takes every run out, each writer's in order. */
export function takeAll(log: GroupLog): readonly LoggedRun[] {
  const all: LoggedRun[] = []
  for (const one of log.writers) if (one !== undefined) all.push(...one.runs.slice(one.head))
  log.writers.length = 0
  log.bytes = 0
  return all
}

/** Writers that were ended in rows kept. */
export function* reissues({ rows, head }: GroupLog): Generator<Reissue, void, void> {
  for (let i = head; i < rows.length; i++) {
    const reissue = rows[i]?.reissue
    if (reissue !== undefined) yield reissue
  }
}

/** As GroupLog.truncate(), unless the log holds everything up to `n`. */
export function truncateShort(log: GroupLog, writer: number, n: number, chain: Lanes): void {
  const own = log.writers[writer]
  const last = own === undefined || own.head === own.runs.length ? undefined : own.runs.at(-1)
  if (last === undefined || last.n0 + last.count - 1 < n) log.truncate(writer, n, chain)
}

/**
 * Ends a writer's log at `n`: what came after is taken back.
 * @param last the part up to `n` of the run that holds it, where it holds more
 * @returns the rows that changed
 */
export function cut(
  log: GroupLog,
  writer: number,
  n: number,
  last: LoggedRun | undefined,
): readonly LogRow[] {
  const keep = (run: LoggedRun): LoggedRun | undefined => {
    if (run.n0 + run.count - 1 <= n) return run
    return run.n0 <= n ? last : undefined
  }
  cutRuns(log, writer, n, keep)
  const changed: LogRow[] = []
  for (let i = log.head; i < log.rows.length; i++) {
    const row = log.rows[i]
    if (row === undefined) continue
    const isCut = row.runs.some((run) => run.writer === writer && run.n0 + run.count - 1 > n)
    if (!isCut) continue
    const runs = row.runs.map((run) => (run.writer === writer ? keep(run) : run))
    const rest = { ...row, runs: runs.filter((run) => run !== undefined) }
    log.rows[i] = rest
    changed.push(rest)
  }
  return changed
}

function cutRuns(
  log: GroupLog,
  writer: number,
  n: number,
  keep: (run: LoggedRun) => LoggedRun | undefined,
): void {
  const own = log.writers[writer]
  if (own === undefined) return
  const rest: LoggedRun[] = []
  for (const run of own.runs.slice(own.head)) {
    log.bytes -= run.bytes.length + RUN_OVERHEAD_BYTES
    const kept = keep(run)
    if (kept === undefined) continue
    rest.push(kept)
    log.bytes += kept.bytes.length + RUN_OVERHEAD_BYTES
  }
  own.runs.splice(0, own.runs.length, ...rest)
  own.head = 0
  if (n < own.truncated) {
    own.truncated = n
    own.chain = undefined
  }
}
