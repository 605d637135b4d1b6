import type { Millis, StoreWrite } from '../base/core.ts'
import type { ReplicaId } from '../base/ids.ts'
import type { Group } from './group.ts'
import type { LoggedRun } from './group-log.ts'
import { applyReissue, planReissue } from './reissue.ts'
import { logRow, reissuedRow, writerRow } from './rows.ts'

/** What a new identity needs. */
export interface Renewal {
  readonly former: ReplicaId
  /** The former identity's last event that stands. */
  readonly n: number
  readonly to: ReplicaId
  readonly now: Millis
}

/** What became of it. */
export interface Renewed {
  /** One atomic batch. */
  readonly writes: readonly StoreWrite[]
  /** Runs under the new identity. */
  readonly issued: readonly LoggedRun[]
  /** For people. */
  readonly text: string
}

/** Gives a group a new writing identity and issues under it what the former one wrote after `n`. */
export function renew(group: Group, { former, n, to, now }: Renewal): Renewed {
  group.close()
  const { state } = group
  const writer = state.intern(former)
  const later = Math.max(0, state.have(writer) - n)
  const plan = later === 0 ? undefined : planReissue(group, writer, n, to)
  group.self = to
  group.ackedOwn = 0
  group.provenOwn = 0
  group.loadedOwn = 0
  const writes: StoreWrite[] = [writerRow(group.name, to)]
  if (plan === undefined) {
    const text =
      later === 0
        ? `this store lost events of ${former}: it goes on as ${to}`
        : `${later} events of ${former} are others elsewhere and too old to be issued again`
    return { writes, issued: [], text }
  }
  const { issued, changed } = applyReissue(group, plan)
  for (const { sequence, runs, reissue } of changed) {
    const bytes = runs.map((run) => run.bytes)
    writes.push(
      reissue === undefined
        ? logRow(group.name, sequence, bytes)
        : reissuedRow(group.name, sequence, { ...reissue, runs: bytes }),
    )
  }
  const { sequence } = group
  const row = reissuedRow(group.name, sequence, plan)
  const bytes = row.value?.length ?? 0
  writes.push(row)
  group.addRow({ sequence, runs: issued, bytes, at: now, reissue: plan })
  const text = `${later} events of ${former} are others elsewhere: they are issued again as ${to}`
  return { writes, issued, text }
}
