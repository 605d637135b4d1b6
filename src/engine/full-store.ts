/**
 * Frames and a disk without room. Nothing is taken in that would have to be kept, and nothing of that
 * kind is asked for; everything else goes on, so that others still get what they lack from us.
 *
 * sync: events, their pieces and bases are not taken in, nor is the end of an answer, for it may complete
 * a base whose parts came while there was room; pulls are not sent. An answer that was cut off so is asked
 * for again, and anti-entropy notices the difference when there is room again, as after any loss. A new
 * identity alone is still written where a frame proves the old one reused: one row of fixed size, and
 * going on without it would assign dots twice. kv: its core refuses records by itself, since what it
 * stores also comes out of answers to reads.
 */
import type { Protocol } from '../base/core.ts'
import { decodeFrame } from '../replication/sync/frame-codec.ts'
import type { SyncFrame } from '../replication/sync/frames.ts'

/** What each frame does for the store of whoever gets it, and of whoever sent it. */
const EFFECTS: Readonly<Record<SyncFrame['type'], 'brings-state' | 'asks-for-state' | 'neither'>> =
  {
    summary: 'neither',
    digest: 'neither',
    equal: 'neither',
    pull: 'asks-for-state',
    base: 'brings-state',
    'base-piece': 'brings-state',
    events: 'brings-state',
    piece: 'brings-state',
    end: 'brings-state',
    ack: 'neither',
    fork: 'neither',
    trace: 'neither',
    chains: 'brings-state',
  }

/** Whether a frame from a peer would make us write. */
export function bringsState(protocol: Protocol, bytes: Uint8Array): boolean {
  return effectOf(protocol, bytes) === 'brings-state'
}

/** Whether a frame of ours asks for what we would have to write. */
export function asksForState(protocol: Protocol, bytes: Uint8Array): boolean {
  return effectOf(protocol, bytes) === 'asks-for-state'
}

function effectOf(protocol: Protocol, bytes: Uint8Array): string {
  if (protocol !== 'sync') return 'neither'
  const decoded = decodeFrame(bytes)
  return decoded.ok ? EFFECTS[decoded.value.type] : 'neither'
}
