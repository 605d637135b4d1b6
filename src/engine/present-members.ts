import type { Millis } from '../base/core.ts'
import type { KvMember } from '../kv/kv.ts'
import type { Member } from '../membership/membership.ts'

/** Failed members count toward the DHT's quorum this long: a minority must not quietly shrink it. */
const LOST_MEMBER_MS = 600_000

export interface PresentMembers {
  /** Alive and suspect members, this node included. */
  readonly members: readonly KvMember[]
  /** Members that failed lately. */
  readonly lost: number
  /** When the next of the lost is counted no more. */
  readonly changesAt: Millis | undefined
}

/** The members as the DHT sees them. */
export function presentMembers(rows: readonly Member[], now: Millis): PresentMembers {
  const members: KvMember[] = []
  const forgottenAt: Millis[] = []
  for (const { peerId, publicKey, state, since } of rows) {
    if (state === 'alive' || state === 'suspect' || state === 'degraded') {
      members.push({ peerId, publicKey, isSuspect: state === 'suspect' })
    } else if (state === 'failed' && now < since + LOST_MEMBER_MS) {
      forgottenAt.push(since + LOST_MEMBER_MS)
    }
  }
  const changesAt = forgottenAt.length === 0 ? undefined : Math.min(...forgottenAt)
  return { members, lost: forgottenAt.length, changesAt }
}
