import type { ReplicaId } from '../../base/ids.ts'
import type { RunReader } from '../../crdt/run-reader.ts'
import type { Adopting } from '../base/adopting.ts'
import type { BaseWriter } from '../base/base.ts'
import type { Group } from '../group/group.ts'
import { chainAt, isAlike } from '../group/history.ts'
import { hasRoomFor, hasRoomForBase } from '../group/room.ts'

/** Why a base is not taken. */
export interface HeadFault {
  /** A writer of which there is another history here; our own, if the base holds more of our events than we. */
  readonly forked?: ReplicaId
  /** What to count it under. */
  readonly reason?: string
}

/**
 * Looks for what keeps a base with this head from being taken.
 * @param runs scratch to read with @param replaces a writer whose other history is wanted
 */
export function headFault(
  group: Group,
  head: readonly BaseWriter[],
  runs: RunReader,
  replaces?: Adopting['replaces'],
): HeadFault | undefined {
  const { state, killRoom } = group
  const other = head.find(({ replica, have, chain }) => {
    const writer = state.indexOf(replica)
    if (replica === replaces || writer === undefined || have === 0) return false
    const own = chainAt(group, writer, have, runs)
    return own !== undefined && !isAlike(own, chain)
  })
  if (other !== undefined) return { forked: other.replica, reason: 'replica-forked' }
  const replicas = head.map(({ replica }) => replica)
  if (!hasRoomFor(state, replicas)) return { reason: 'replicas-limit' }
  return hasRoomForBase(state, head, killRoom) ? undefined : { reason: 'kills-limit' }
}
