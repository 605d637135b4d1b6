import type { ReplicaId } from '../../base/ids.ts'
import type { RunReader } from '../../crdt/run-reader.ts'
import type { Group } from './group.ts'
import { type PackedRun, packedRuns } from './repack.ts'

/** Events held of each replica. */
export type Counts = ReadonlyMap<ReplicaId, number>

/** Whether the log holds everything that somebody lacks. */
export function reaches({ state, log }: Group, has: Counts): boolean {
  for (let writer = 0; writer < state.replicaCount; writer++) {
    const known = has.get(state.replicaAt(writer)) ?? 0
    if (known < state.have(writer) && !log.reaches(writer, known)) return false
  }
  return true
}

/** Events held here of each replica. */
export function countsHeld({ state }: Group): Counts {
  const counts = new Map<ReplicaId, number>()
  for (let writer = 0; writer < state.replicaCount; writer++) {
    counts.set(state.replicaAt(writer), state.have(writer))
  }
  return counts
}

/**
 * Visits the runs that somebody lacks, in each writer's order, until `visit` says no.
 * @param runs scratch to read with
 * @param until events above it are left out @default none
 * @returns whether it went through
 */
export function visitMissing(
  group: Group,
  has: Counts,
  runs: RunReader,
  visit: (writer: number, run: PackedRun) => boolean,
  until?: Counts,
): boolean {
  for (let writer = 0; writer < group.state.replicaCount; writer++) {
    const replica = group.state.replicaAt(writer)
    const known = has.get(replica) ?? 0
    const have = group.state.have(writer)
    const last = until === undefined ? have : Math.min(have, until.get(replica) ?? 0)
    if (known >= last) continue
    for (const run of packedRuns(group, writer, known, runs, last)) {
      if (!visit(writer, run)) return false
    }
  }
  return true
}
