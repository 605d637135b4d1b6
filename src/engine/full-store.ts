/**
 * Frames and a disk without room. Nothing is taken in that would have to be kept, and nothing of that
 * kind is asked for; everything else goes on, so that others still get what they lack from us.
 *
 * sync: events and their pieces are not taken in, pulls are not sent. Anti-entropy notices the
 * difference when there is room again, as after any loss. kv: its core refuses records by itself, since
 * what it stores also comes out of answers to reads.
 */
import type { Protocol } from '../base/core.ts'
import { decodeFrame, type SyncFrame } from '../replication/frames.ts'

const BRINGS_STATE: ReadonlySet<SyncFrame['type']> = new Set(['events', 'piece'])
const ASKS_FOR_STATE: ReadonlySet<SyncFrame['type']> = new Set(['pull'])

/** Whether a frame from a peer would make us write. */
export function bringsState(protocol: Protocol, bytes: Uint8Array): boolean {
  return isSyncFrame(protocol, bytes, BRINGS_STATE)
}

/** Whether a frame of ours asks for what we would have to write. */
export function asksForState(protocol: Protocol, bytes: Uint8Array): boolean {
  return isSyncFrame(protocol, bytes, ASKS_FOR_STATE)
}

function isSyncFrame(
  protocol: Protocol,
  bytes: Uint8Array,
  types: ReadonlySet<SyncFrame['type']>,
): boolean {
  if (protocol !== 'sync') return false
  const decoded = decodeFrame(bytes)
  return decoded.ok && types.has(decoded.value.type)
}
