import type { RunReader } from '../crdt/run-reader.ts'
import { ChangeRecorder } from './group/change-recorder.ts'
import { Group } from './group/group.ts'
import { ReplacedTotals } from './group/replaced-totals.ts'
import type { KillRoom } from './group/room.ts'
import type { StagingLimits } from './group/staging.ts'
import { UndoHistory } from './undo/undo-history.ts'

/**
 * A group with all that a node's has: undo, diffs, and what repairs its identity.
 * @param runs scratch to read runs with; may be shared
 */
export function nodeGroup(
  name: string,
  limits: StagingLimits,
  runs: RunReader,
  killRoom?: KillRoom,
): Group {
  return new Group(name, limits, runs, {
    ...(killRoom === undefined ? {} : { killRoom }),
    historyOf: (group) => new UndoHistory(group),
    changes: new ChangeRecorder(),
    replacedOf: (log) => new ReplacedTotals(log),
  })
}
