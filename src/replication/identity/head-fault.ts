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
 * @param options.self of whose events nobody can have more than we; undefined: of nobody's
 */
export function headFault(
  group: Group,
  head: readonly BaseWriter[],
  options: { readonly self: ReplicaId | undefined; readonly runs: RunReader } & Pick<
    Adopting,
    'replaces'
  >,
): HeadFault | undefined {
  const { self, replaces, runs } = options
  const { state, killRoom } = group
  const isOurs = ({ replica, have }: BaseWriter): boolean =>
    replica === self && replica !== replaces && have > state.haveOf(replica)
  if (self !== undefined && head.some(isOurs)) return { forked: self }
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
