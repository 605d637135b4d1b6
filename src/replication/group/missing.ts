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

/**
 * Visits the runs that somebody lacks, in each writer's order, until `visit` says no.
 * @param runs scratch to read with @returns whether it went through
 */
export function visitMissing(
  group: Group,
  has: Counts,
  runs: RunReader,
  visit: (writer: number, run: PackedRun) => boolean,
): boolean {
  for (let writer = 0; writer < group.state.replicaCount; writer++) {
    const known = has.get(group.state.replicaAt(writer)) ?? 0
    if (known >= group.state.have(writer)) continue
    for (const run of packedRuns(group, writer, known, runs)) {
      if (!visit(writer, run)) return false
    }
  }
  return true
}
