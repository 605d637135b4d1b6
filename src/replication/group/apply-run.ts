import { EventDraft } from '../../crdt/event-draft.ts'
import { KIND_COUNTER } from '../../crdt/kinds.ts'
import type { LiveState } from '../../crdt/live-state.ts'
import type { RunReader } from '../../crdt/run-reader.ts'
import type { Group } from './group.ts'
import { chainOver } from './history.ts'

/** Some events of a run that was read. */
export interface RunPart {
  readonly writer: number
  /** Interned numbers of the run's replicas. */
  readonly table: readonly number[]
  readonly from: number
  /** Not included. */
  readonly to: number
}

/**
 * Applies events that were read, in order; whoever calls advances the writer.
 * @param visit each one before; of a whole run not those that a state takes in as columns while it is loaded
 */
export function applyRead(
  state: LiveState,
  runs: RunReader,
  { writer, table, from, to }: RunPart,
  draft: EventDraft,
  visit: (i: number, draft: EventDraft) => void,
): void {
  const { loading } = state.live
  const objects = runs.objects.map(({ type, name }) => state.objectFor(type, name).id)
  for (let i = from; i < to; i++) {
    if (from === 0) i = loading?.applyElements(runs, { writer, objects, from: i, to }) ?? i
    if (i === to) break
    runs.event(i, draft, objects, table)
    if (draft.kind === KIND_COUNTER) draft.keyByWriter(writer)
    visit(i, draft)
    state.apply(writer, runs.dots[i] ?? 0, draft)
  }
}

/**
 * Replays onto another state the next events that a group's log holds of a writer, of one run at most.
 * @param eventsMax of them @param runs scratch to read with, of the caller's own
 * @returns how many; undefined where the log does not hold what follows
 */
export function replayNext(
  { log }: Group,
  state: LiveState,
  writer: number,
  eventsMax: number,
  runs: RunReader,
): number | undefined {
  const have = state.have(writer)
  const run = log.runAt(writer, log.indexAbove(writer, have))
  if (run === undefined || run.n0 > have + 1) return undefined
  if (!runs.holds(run.bytes) && !runs.read(run.bytes).ok) return undefined
  const from = have + 1 - run.n0
  const to = Math.min(run.count, from + eventsMax)
  const table = runs.replicas.map((id) => state.intern(id))
  const chain = chainOver(state, runs, table, { from, to, chain: state.chainOf(writer) })
  const isEnd = to === run.count
  const isOther = chain.high !== runs.chain.high || chain.low !== runs.chain.low
  if (isEnd && isOther) return undefined
  applyRead(state, runs, { writer, table, from, to }, new EventDraft(), () => {})
  state.advance(writer, have, chain)
  return to - from
}
