import type { Changes } from './changes.ts'
import type { Group } from './group.ts'
import type { GroupLog } from './group-log.ts'
import type { OwnHistory } from './own-history.ts'
import type { Totals } from './replaced-totals.ts'
import type { KillRoom } from './room.ts'

/** What a group of a node has beyond its state and log; without it nothing of the kind is remembered or told. */
export interface GroupParts {
  /** For kills that come before their events; may be shared. @default any */
  readonly killRoom?: KillRoom
  readonly historyOf?: (group: Group) => OwnHistory
  readonly changes?: Changes
  readonly replacedOf?: (log: GroupLog) => Totals
}
