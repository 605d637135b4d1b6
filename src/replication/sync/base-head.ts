import type { Millis } from '../../base/core.ts'
import type { BaseWriter } from '../base/base.ts'
import type { Host } from '../host.ts'
import { headFault } from '../identity/head-fault.ts'
import type { Pull } from './pull.ts'

/** A peer that keeps differing is no reason to repeat an alarm more often than this. */
const ALARM_PAUSE_MS = 60_000

/** Whether a base with this head may be taken; tells who is concerned where not, and of a repair. */
export function mayTake(
  host: Host,
  { group, peer, replaces, isRepair }: Pull,
  head: readonly BaseWriter[],
  now: Millis,
): boolean {
  const self = host.writerOf(group)
  // Of our own events nobody can have more than we.
  const isOurs = ({ replica, have }: BaseWriter): boolean =>
    replica === self && replica !== replaces && have > group.state.haveOf(replica)
  const fault = head.some(isOurs)
    ? { forked: self, reason: undefined }
    : headFault(group, head, host.runs, replaces)
  if (fault !== undefined) {
    if (fault.reason !== undefined) host.dropped(fault.reason)
    if (fault.forked !== undefined) host.suspect(peer, group, now, fault.forked)
    return false
  }
  const told = peer.group(group.name)
  if (isRepair && replaces === undefined && now - told.alarmedAt >= ALARM_PAUSE_MS) {
    told.alarmedAt = now
    host.alarm(`state-differs: group ${group.name}: equal vectors, other fingerprint`)
  }
  return true
}
