import { unreachable } from '../base/assert.ts'
import { hex } from '../base/bytes.ts'
import { HearsayError } from '../base/errors.ts'
import type { PeerId } from '../base/ids.ts'
import type { EngineEvent } from '../engine/engine-types.ts'
import { encodePayload } from './casts.ts'
import type { ChangeFeed } from './change-feed.ts'
import type { NodeEvent } from './node-types.ts'

/** The public form of an engine's event. A change is numbered and kept for watches. */
export function nodeEvent(
  event: Exclude<EngineEvent, { readonly type: 'acked' | 'question' }>,
  at: number,
  from: { readonly changes: ChangeFeed; readonly nameOf: (peer: PeerId) => string },
): NodeEvent {
  switch (event.type) {
    case 'member': {
      const { kind, member, evidence } = event.change
      const { name, peerId, state } = member
      if (kind === 'joined') return { at, type: 'member-joined', name, peerId }
      return { at, type: 'member-changed', name, peerId, state, evidence }
    }
    case 'partition-suspected':
      return { at, type: 'partition-suspected', failed: event.failed, members: event.members }
    case 'link-up':
      return { at, type: 'link-up', peerId: event.peer, address: event.details.remoteAddress }
    case 'link-down':
      return { at, type: 'link-down', peerId: event.peer, reason: event.end }
    case 'join-failed':
      return { at, type: 'join-failed', address: event.address, reason: event.reason }
    case 'changed':
      return { type: 'object-changed', ...from.changes.push(event, at) }
    case 'broadcast': {
      const { id, name, peer: peerId, payload } = event
      return {
        ...{ at, type: 'broadcast', id, name, from: from.nameOf(peerId), peerId },
        ...encodePayload(payload),
      }
    }
    case 'digest':
      return { at, type: 'digest-changed', group: event.group, digest: hex(event.digest) }
    case 'digests':
      return { at, type: 'digests-changed' }
    case 'synced': {
      const { peer, bytes, events } = event
      return { at, type: 'sync-completed', peerId: peer, bytes, events }
    }
    case 'stored':
      return { at, type: 'record-stored', key: event.key, version: event.version }
    case 'dropped':
      return { at, type: 'dropped', reason: event.reason, count: 1 }
    case 'alarm':
      return { at, type: 'alarm', reason: event.reason }
    case 'fatal': {
      const code = event.error instanceof HearsayError ? event.error.code : 'ERR_STORE'
      return { at, type: 'fatal', reason: event.error.message, code }
    }
    default:
      return unreachable(event)
  }
}
