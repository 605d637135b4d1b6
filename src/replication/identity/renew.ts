import type { Millis, StoreWrite } from '../../base/core.ts'
import type { ReplicaId } from '../../base/ids.ts'
import type { Dot } from '../../crdt/operation.ts'
import type { Group } from '../group/group.ts'
import type { LoggedRun, LogRow } from '../group/group-log.ts'
import { logRow, reissuedRow, writerRow } from '../store/rows.ts'
import { applyReissue, planReissue, type Reissue } from './reissue.ts'

/** The end of a writer's events here, as others know them otherwise. */
export interface Ending {
  readonly former: ReplicaId
  /** Its last event that stands. */
  readonly n: number
  /** Who we are in the group. */
  readonly self: ReplicaId
  /** Who we are from now on, where the former id was ours. */
  readonly next: ReplicaId | undefined
  readonly now: Millis
}

/** What became of it. */
export interface Renewed {
  /** One atomic batch. */
  readonly writes: readonly StoreWrite[]
  /** Runs under another identity. */
  readonly issued: readonly LoggedRun[]
  /** Events issued again that events of our own had killed: they are to be killed again. */
  readonly killed: readonly Dot[]
  /** What those events killed instead: dots of the former id, which have come or will. */
  readonly mistaken: readonly number[]
  /** For people. */
  readonly text: string
}

/**
 * Ends a writer at event `n` and issues what came after under another id.
 * @returns undefined where the log does not reach back far enough: nothing has changed then
 */
export function renew(group: Group, ending: Ending): Renewed | undefined {
  const { former, n, self, next, now } = ending
  group.close()
  const { state } = group
  const writer = state.intern(former)
  const later = Math.max(0, state.have(writer) - n)
  if (later === 0) {
    const text = `this store lost events of ${former}: it goes on as ${next ?? self}`
    return { writes: becomes(group, next), issued: [], killed: [], mistaken: [], text }
  }
  const plan = planReissue(group, writer, n, state.intern(self))
  if (plan === undefined) return undefined
  const writes = becomes(group, next)
  const to = state.intern(plan.to)
  const done = apply(group, plan, now)
  return {
    writes: [...writes, ...done.writes],
    issued: done.issued,
    killed: plan.ours.map((dot) => ({ writer: to, n: dot - plan.n })),
    mistaken: plan.ours,
    text: `${later} events of ${former} are others elsewhere: they are issued again as ${plan.to}`,
  }
}

/** Does and stores what was planned. */
export function apply(
  group: Group,
  plan: Reissue,
  now: Millis,
): Pick<Renewed, 'writes' | 'issued'> {
  const { issued, changed } = applyReissue(group, plan)
  const writes: StoreWrite[] = changed.map((row) => rowOf(group.name, row))
  const { sequence } = group
  const row = reissuedRow(group.name, sequence, plan)
  const bytes = row.value?.length ?? 0
  writes.push(row)
  group.addRow({ sequence, runs: issued, bytes, at: now, reissue: plan })
  return { writes, issued }
}

/** Has a group written under another id, if there is one. */
export function becomes(group: Group, self: ReplicaId | undefined): readonly StoreWrite[] {
  if (self === undefined) return []
  group.self = self
  group.ackedOwn = 0
  group.provenOwn = 0
  group.loadedOwn = 0
  return [writerRow(group.name, self)]
}

function rowOf(group: string, { sequence, runs, reissue }: LogRow): StoreWrite {
  const bytes = runs.map((run) => run.bytes)
  return reissue === undefined
    ? logRow(group, sequence, bytes)
    : reissuedRow(group, sequence, { ...reissue, runs: bytes })
}
