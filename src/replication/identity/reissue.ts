import { assert } from '../../base/assert.ts'
import type { ReplicaId } from '../../base/ids.ts'
import { EventDraft, type Lanes } from '../../crdt/event-draft.ts'
import { KIND_COUNTER } from '../../crdt/kinds.ts'
import { RunReader } from '../../crdt/run-reader.ts'
import { RunWriter } from '../../crdt/run-writer.ts'
import type { Group } from '../group/group.ts'
import type { LoggedRun, LogRow } from '../group/group-log.ts'
import { chainAt } from '../group/history.ts'
import { cut } from '../group/log-repair.ts'
import { Names } from '../group/names.ts'
import { hasRoomFor } from '../group/room.ts'
import { restore } from '../store/restore.ts'
import { branchId } from './branches.ts'
import { fill, Issuer } from './issuer.ts'
import { rewind } from './rewind.ts'

/*
 * A store that was rolled back or cloned has written under dots that others know with other events. What it
 * wrote is kept under a new identity: the old one ends at the last event that all agree on, and its later
 * events are issued again, in their order, with the kills among them renamed.
 *
 * Counters need care, since an entry is a writer's total: the last total before the fork stays with the old
 * identity, so it comes back to life here, and the new identity counts from nought.
 */

/** Everything about it that a start needs to do it again. */
export interface Reissue {
  readonly former: ReplicaId
  /** Its last event that stands, and its chain there. */
  readonly n: number
  readonly chain: Lanes
  /** Kills, by others, of events that the former identity has elsewhere. Ascending. */
  readonly kills: readonly number[]
  /** Those by events of ours: they were meant for what is issued again. Ascending. */
  readonly ours: readonly number[]
  /** Runs in entries mode: totals that live again. */
  readonly revived: readonly Uint8Array[]
  /** The events under the new identity. */
  readonly runs: readonly Uint8Array[]
}

/** A reissue, and where it goes. */
export interface PlannedReissue extends Reissue {
  readonly to: ReplicaId
}

/**
 * Plans to end a writer at `n` and to issue what came after under another id; nothing changes yet.
 *
 * The id follows from the events, and so do the events under it: whoever holds them issues the same ones,
 * however many members do.
 * @param us who we are in the group @returns undefined where the log does not reach back far enough
 */
export function planReissue(
  group: Group,
  writer: number,
  n: number,
  us: number,
): PlannedReissue | undefined {
  group.close()
  const { state, log } = group
  const runs = new RunReader()
  const end = transactionEnd(group, writer, n, runs)
  const chain = end === undefined ? undefined : chainAt(group, writer, end, runs)
  if (end === undefined || chain === undefined || !log.reaches(writer, end)) return undefined
  const to = branchId(group, writer, end, runs)
  if (to === undefined || !hasRoomFor(state, [to])) return undefined
  const issuer = new Issuer(group, { writer, from: end, to: state.intern(to) })
  for (let index = log.indexAbove(writer, end); ; index++) {
    const run = log.runAt(writer, index)
    if (run === undefined) break
    issuer.add(run)
  }
  issuer.finish()
  if (!issuer.isSound) return undefined
  return {
    former: state.replicaAt(writer),
    n: end,
    chain,
    kills: killsAbove(group, writer, end, runs),
    ours: us === writer ? [] : sorted(new Set(killsBy(group, us, { writer, n: end, runs }))),
    revived: issuer.revived,
    runs: issuer.issued,
    to,
  }
}

/**
 * Does what was planned.
 * @returns runs of the new identity, and rows of the log that now hold less
 */
export function applyReissue(
  group: Group,
  reissue: Reissue,
): { readonly issued: readonly LoggedRun[]; readonly changed: readonly LogRow[] } {
  group.close()
  const { state } = group
  const runs = new RunReader()
  const { former, n, chain } = reissue
  const writer = state.intern(former)
  const last = state.have(writer) > n ? firstPart(group, writer, n, chain, runs) : undefined
  group.changes.origin = 'local'
  if (state.have(writer) > n) rewind(state, writer, n, chain)
  const changed = cut(group.log, writer, n, last)
  for (const dot of reissue.kills) state.kill(writer, dot)
  for (const bytes of reissue.revived) revive(group, writer, bytes, runs)
  const issued: LoggedRun[] = []
  for (const bytes of reissue.runs) {
    const run = restore(group, bytes)
    assert(run !== undefined, 'reissued events follow each other')
    issued.push(run)
  }
  state.sweep()
  return { issued, changed }
}

/** The last event up to `n` that ends a transaction. */
function transactionEnd(
  { log }: Group,
  writer: number,
  n: number,
  runs: RunReader,
): number | undefined {
  const run = log.runAt(writer, log.indexAbove(writer, n))
  if (run === undefined || run.n0 > n) return n
  if (!runs.read(run.bytes).ok) return undefined
  let end = n
  while (end >= run.n0 && runs.starts[end + 1 - run.n0] !== 1) end -= 1
  return end
}

/** The part up to `n` of the run that holds it, as a run. */
function firstPart(
  group: Group,
  writer: number,
  n: number,
  chain: Lanes,
  runs: RunReader,
): LoggedRun | undefined {
  const { state, log } = group
  const run = log.runAt(writer, log.indexAbove(writer, n))
  if (run === undefined || run.n0 > n || !runs.read(run.bytes).ok) return undefined
  const names = new Names(group)
  const table = runs.replicas.map((id) => state.intern(id))
  const out = new RunWriter(names)
  out.begin(writer, run.n0, Math.max(0, (runs.stamps[0] ?? 0) - 1))
  const draft = new EventDraft()
  const count = n - run.n0 + 1
  for (let i = 0; i < count; i++) {
    fill(runs, i, draft, { names, table })
    out.add(draft, runs.starts[i] === 1)
  }
  return { ...run, count, stamp: out.lastStamp, bytes: out.finish(chain) }
}

/** Kills, by other writers' events of the log, of a writer's events above `n`. */
export function killsAbove(
  group: Group,
  writer: number,
  n: number,
  runs: RunReader,
): readonly number[] {
  const kills = new Set<number>()
  for (let other = 0; other < group.state.replicaCount; other++) {
    if (other === writer) continue
    for (const dot of killsBy(group, other, { writer, n, runs })) kills.add(dot)
  }
  return sorted(kills)
}

/** Kills, by one writer's events of the log, of another's events above `n`. */
function* killsBy(
  { state, log }: Group,
  killer: number,
  of: { readonly writer: number; readonly n: number; readonly runs: RunReader },
): Generator<number, void, void> {
  const { writer, n, runs } = of
  const id = state.replicaAt(writer)
  for (let index = log.indexAbove(killer, 0); ; index++) {
    const run = log.runAt(killer, index)
    if (run === undefined || !runs.read(run.bytes).ok) return
    const number = runs.replicas.indexOf(id)
    if (number < 0) continue
    const { killReplicas, killDots } = runs
    const count = runs.killStarts[runs.events] ?? 0
    for (let k = 0; k < count; k++) {
      const dot = killDots[k] ?? 0
      if (killReplicas[k] === number && dot > n) yield dot
    }
  }
}

function revive(group: Group, writer: number, bytes: Uint8Array, runs: RunReader): void {
  const { state } = group
  if (!runs.read(bytes).ok) return
  const draft = new EventDraft()
  for (let i = 0; i < runs.events; i++) {
    const dot = runs.dots[i] ?? 0
    const object = runs.objects[runs.object[i] ?? 0]
    // What the disk has lost before it comes back by its event.
    const isMissing = dot > state.have(writer)
    if (object === undefined || isMissing || state.isLive(writer, dot)) continue
    runs.draft(i, draft)
    draft.object = state.objectFor(object.type, object.name).id
    if (draft.kind === KIND_COUNTER) draft.keyByWriter(writer)
    state.insert(writer, dot, draft)
  }
}

function sorted(dots: ReadonlySet<number>): readonly number[] {
  return [...dots].sort((a, b) => a - b)
}
