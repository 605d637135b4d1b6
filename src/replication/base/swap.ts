import type { LiveObject } from '../../crdt/live-object.ts'
import type { LiveState } from '../../crdt/live-state.ts'
import type { Group } from '../group/group.ts'
import type { BaseWriter } from './base.ts'

/**
 * Puts another state in the place of a group's, which is closed: one with the same writers under the same
 * numbers, with all events of that one and those of a base.
 * @param changed objects that the base has changed
 */
export function swap(
  group: Group,
  state: LiveState,
  base: readonly BaseWriter[],
  changed: Iterable<LiveObject>,
): void {
  const before = group.state
  before.live.recorder = undefined
  group.become(state)
  for (const { replica, have, chain } of base) {
    const writer = state.intern(replica)
    if (have > before.have(writer)) group.log.truncate(writer, have, chain)
  }
  group.changes.origin = 'remote'
  for (const object of changed) group.changes.touchWhole(object)
  state.live.recorder = group.changes
  state.sweep()
}
