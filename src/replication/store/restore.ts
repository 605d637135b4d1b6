import { decodeRunHead } from '../../crdt/run-head.ts'
import type { Group } from '../group/group.ts'
import type { LoggedRun } from '../group/group-log.ts'

/** Restores one run from the store; undefined when it does not continue what was restored. */
export function restore(group: Group, bytes: Uint8Array): LoggedRun | undefined {
  const head = decodeRunHead(bytes)
  if (!head.ok || head.value.isEntries) return undefined
  const { replica, n0, count } = head.value
  const { state, log } = group
  const have = state.haveOf(replica)
  if (n0 + count - 1 <= have) {
    // A snapshot covers it: it is kept to serve from, if nothing is missing before it.
    const writer = state.intern(replica)
    const run = { replica, writer, n0, count, stamp: head.value.stamp, bytes: bytes.slice() }
    log.append(run)
    return run
  }
  const outcome = group.integrate(bytes)
  return typeof outcome === 'string' ? undefined : outcome
}

/** Keeps a run of the store whose earlier events the disk has lost. */
export function hold(group: Group, bytes: Uint8Array): void {
  const head = decodeRunHead(bytes)
  if (!head.ok) return
  const { replica, n0, count } = head.value
  group.held.push({ replica, end: n0 + count - 1 })
  group.staging.add(replica, { n0, count, bytes: bytes.slice() })
}

/** Whether the store's log holds runs that are not part of the state: no snapshot covers them. */
export function isHolding(group: Group): boolean {
  if (group.held.length === 0) return false
  group.held = group.held.filter(({ replica, end }) => end > group.state.haveOf(replica))
  return group.held.length > 0
}
