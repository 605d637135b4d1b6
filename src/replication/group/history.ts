import type { ReplicaId } from '../../base/ids.ts'
import type { EventDraft, Lanes } from '../../crdt/event-draft.ts'
import { chainStep, killShare } from '../../crdt/lanes.ts'
import type { LiveState } from '../../crdt/live-state.ts'
import { chainAfter } from '../../crdt/run-head.ts'
import type { RunReader } from '../../crdt/run-reader.ts'
import type { Group } from './group.ts'
import type { LoggedRun } from './group-log.ts'

/** Events of a run that was read, and the chain before them. */
export interface Stretch {
  readonly from: number
  /** Not included. */
  readonly to: number
  readonly chain: Lanes
}

/**
 * The chain of a writer after some of the events that were read.
 * @param table interned numbers of the run's replicas
 */
export function chainOver(
  state: LiveState,
  runs: RunReader,
  table: readonly number[],
  { from, to, chain }: Stretch,
): Lanes {
  const { highs, lows, stamps, starts, killStarts, killReplicas, killDots } = runs
  let { high, low } = chain
  for (let i = from; i < to; i++) {
    let killsHigh = 0
    let killsLow = 0
    const end = killStarts[i + 1] ?? 0
    for (let k = killStarts[i] ?? 0; k < end; k++) {
      const lanes = state.lanesOf(table[killReplicas[k] ?? 0] ?? 0)
      killsHigh = (killsHigh + killShare(lanes.high, killDots[k] ?? 0)) | 0
      killsLow = (killsLow + killShare(lanes.low, killDots[k] ?? 0)) | 0
    }
    const stamp = starts[i] === 1 ? (stamps[i] ?? 0) : -1
    high = chainStep(high, highs[i] ?? 0, killsHigh, stamp)
    low = chainStep(low, lows[i] ?? 0, killsLow, stamp)
  }
  return { high, low }
}

/** The chain with one more event, whose content is sealed. @param starts whether a transaction begins with it */
export function chainWith(
  state: LiveState,
  chain: Lanes,
  event: EventDraft,
  starts: boolean,
): Lanes {
  let high = 0
  let low = 0
  const { killCount, killWriters, killDots } = event
  for (let i = 0; i < killCount; i++) {
    const lanes = state.lanesOf(killWriters[i] ?? 0)
    high = (high + killShare(lanes.high, killDots[i] ?? 0)) | 0
    low = (low + killShare(lanes.low, killDots[i] ?? 0)) | 0
  }
  const stamp = starts ? event.stamp : -1
  return {
    high: chainStep(chain.high, event.high, high, stamp),
    low: chainStep(chain.low, event.low, low, stamp),
  }
}

/**
 * The chain of a writer as it was after event `n`; undefined where the log does not tell.
 * @param runs scratch to read with
 */
export function chainAt(
  group: Group,
  writer: number,
  n: number,
  runs: RunReader,
): Lanes | undefined {
  const known = chainAtHand(group, writer, n)
  if (known !== undefined) return known
  const { state, log } = group
  const index = log.indexAbove(writer, n - 1)
  const run = log.runAt(writer, index)
  if (run === undefined || run.n0 > n) return undefined
  const chain = chainBefore(group, run, log.runAt(writer, index - 1))
  if (chain === undefined || !isRead(runs, run)) return undefined
  const table = runs.replicas.map((id) => state.intern(id))
  return chainOver(state, runs, table, { from: 0, to: n - run.n0 + 1, chain })
}

/** As {@link chainAt}, where nothing has to be read for it: at the ends of runs. */
export function chainAtHand(group: Group, writer: number, n: number): Lanes | undefined {
  group.close()
  const { state, log } = group
  if (n === 0) return state.lanesOf(writer)
  if (n === state.have(writer)) return state.chainOf(writer)
  if (n === log.truncatedAt(writer)) return log.truncatedChain(writer)
  const run = log.runAt(writer, log.indexAbove(writer, n - 1))
  const isEnd = run !== undefined && run.n0 + run.count - 1 === n
  return isEnd ? chainAfter(run.bytes) : undefined
}

function isRead(runs: RunReader, { bytes }: LoggedRun): boolean {
  return runs.holds(bytes) || runs.read(bytes).ok
}

/** What is known of a writer's event. */
export interface Point {
  /** After it. */
  readonly chain: Lanes
  /** Of the transaction that it is part of; 0 where the log does not tell. */
  readonly stamp: number
}

/** As {@link chainAt}, with the stamp. */
export function pointAt(
  group: Group,
  writer: number,
  n: number,
  runs: RunReader,
): Point | undefined {
  const chain = chainAt(group, writer, n, runs)
  if (chain === undefined) return undefined
  const run = group.log.runAt(writer, group.log.indexAbove(writer, n - 1))
  const isThere = run !== undefined && run.n0 <= n && isRead(runs, run)
  return { chain, stamp: isThere ? (runs.stamps[n - run.n0] ?? 0) : 0 }
}

/** The chain that a run of the log begins with. */
function chainBefore(
  { state, log }: Group,
  { writer, n0 }: LoggedRun,
  previous: LoggedRun | undefined,
): Lanes | undefined {
  if (n0 === 1) return state.lanesOf(writer)
  if (log.truncatedAt(writer) === n0 - 1) return log.truncatedChain(writer)
  const isNext = previous !== undefined && previous.n0 + previous.count === n0
  return isNext ? chainAfter(previous.bytes) : undefined
}

/** Whether a run, which ends at a dot that we have, tells of another history than ours. */
export function isOther(
  { state, log }: Pick<Group, 'state' | 'log'>,
  replica: ReplicaId,
  end: number,
  bytes: Uint8Array,
): boolean {
  const writer = state.indexOf(replica)
  if (writer === undefined) return false
  const held = log.runAt(writer, log.indexAbove(writer, end - 1))
  if (held === undefined || held.n0 + held.count - 1 !== end) return false
  return !isAlike(chainAfter(held.bytes), chainAfter(bytes))
}

/** Whether two chains are the same: the events before them are. */
export function isAlike(a: Lanes, b: Lanes): boolean {
  return a.high === b.high && a.low === b.low
}
