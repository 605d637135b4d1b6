import type { Millis } from '../../base/core.ts'
import type { HybridClock } from '../../base/hybrid-clock.ts'
import type { ReplicaId } from '../../base/ids.ts'
import type { Group } from '../group/group.ts'
import type { ReplicationOutput } from '../replication-io.ts'
import type { Loader } from './loader.ts'
import { placeRow, replicaRow, writerRow } from './rows.ts'

export interface StartupParts {
  readonly groups: Iterable<Group>
  readonly clock: HybridClock
  readonly mint: () => ReplicaId
  readonly now: Millis
}

/**
 * Begins with what was loaded: the clock knows our past, a store without identity gets one, a copy
 * gets one of its own, and so does a group that the disk has lost rows of.
 */
export function startUp(
  loader: Loader,
  { groups, clock, mint, now }: StartupParts,
): { readonly replica: ReplicaId; readonly outputs: readonly ReplicationOutput[] } {
  loader.end()
  const all = [...groups]
  const selves = new Set([loader.replica, ...all.map(({ self }) => self)])
  for (const [replica, stamp] of loader.stamps) {
    // Our own past is ours whatever the wall clock says; others' stamps keep their limit.
    const isOwn = replica === 'snapshot' || selves.has(replica)
    clock.observe(stamp, isOwn ? Number.MAX_SAFE_INTEGER : now)
  }
  const outputs: ReplicationOutput[] = []
  const writes = [...loader.repairs]
  const { place, here } = loader
  const isCopy = here !== undefined && place !== undefined && here !== place
  const replica = (isCopy ? undefined : loader.replica) ?? mint()
  if (replica !== loader.replica) writes.push(replicaRow(replica))
  if (here !== undefined && here !== place) writes.push(placeRow(here))
  if (isCopy) {
    for (const group of all) {
      if (group.self === undefined) continue
      group.self = replica
      writes.push(writerRow(group.name, replica))
    }
    const what = 'the data directory was copied, moved or cut off unsynced'
    const reason = `identity-renewed: ${what}: it is written as ${replica} from now on`
    outputs.push({ type: 'alarm', reason })
  }
  for (const group of all) {
    group.begin()
    const self = group.self ?? replica
    group.loadedOwn = group.state.haveOf(self)
  }
  for (const [group, what] of loader.losses) {
    // Our own latest events may be lost: their dots must not be given out again.
    group.self = mint()
    group.loadedOwn = 0
    writes.push(writerRow(group.name, group.self))
    const rest = `it is written as ${group.self} from now on, and others give back what is missing`
    const reason = `state-damaged: group ${group.name}: ${what}: ${rest}`
    outputs.push({ type: 'alarm', reason })
  }
  if (writes.length > 0) outputs.push({ type: 'persist', writes })
  return { replica, outputs }
}
