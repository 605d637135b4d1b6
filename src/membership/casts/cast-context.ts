import type { Millis, Outbox } from '../../base/core.ts'
import type { PeerId } from '../../base/ids.ts'
import type { Signer } from '../../base/signer.ts'
import type { Rumour } from '../flood.ts'
import type { Link } from '../link.ts'
import type { MembershipOutput } from '../member.ts'
import { type CastFrame, encodeCastFrame } from './cast-frame.ts'
import type { CastLinks } from './cast-links.ts'

/** A member as casts see it. */
export interface CastMember {
  readonly peerId: PeerId
  readonly epoch: number
}

/** What casts need of the membership around them. */
export interface CastSurroundings {
  readonly signer: Signer
  readonly network: string
  readonly outbox: Outbox<MembershipOutput>
  memberOf(publicKey: Uint8Array): CastMember | undefined
  self(): CastMember
  /** Alive, suspect and degraded members that answer questions, so no observers; this node included. */
  live(): readonly PeerId[]
  liveCount(): number
  /** Rides with the next claims over a link. */
  tell(link: Link, rumour: Rumour, now: Millis): void
}

/** What all parts of the casts of one node work on. */
export interface CastContext extends CastSurroundings {
  readonly links: CastLinks
  readonly startedAt: Millis
}

/** Sends a frame in the lane of users' data. @returns its bytes */
export function sendCast(context: CastContext, peer: PeerId, frame: CastFrame): number {
  const bytes = encodeCastFrame(frame)
  context.outbox.push({ type: 'send', peer, lane: 'user', bytes })
  return bytes.length
}

export function dropCast(context: CastContext, reason: string): void {
  context.outbox.push({ type: 'dropped', reason })
}
