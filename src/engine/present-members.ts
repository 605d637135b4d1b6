import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import type { KvMember } from '../kv/kv.ts'
import type { Member } from '../membership/membership.ts'

/** Failed members count toward the DHT's quorum this long: a minority must not quietly shrink it. */
const LOST_MEMBER_MS = 600_000

export interface PresentMembers {
  /** Alive and suspect members that can be dialled; all of them, where none can. */
  readonly members: readonly KvMember[]
  /** Whether this node is one of them. */
  readonly isHolder: boolean
  /** Those that failed lately. */
  readonly lost: number
  /** When the next of the lost is counted no more. */
  readonly changesAt: Millis | undefined
}

/** The members as the DHT sees them: whoever nobody can dial, as pages in browsers, holds nothing for others. */
export function presentMembers(
  rows: readonly Member[],
  node: {
    readonly membership: { readonly self: Member }
    readonly observers: { has(peer: PeerId): boolean }
  },
  now: Millis,
): PresentMembers {
  const live: (KvMember & { readonly isDialable: boolean })[] = []
  const forgottenAt: Millis[] = []
  for (const { peerId, publicKey, state, since, addresses } of rows) {
    if (node.observers.has(peerId)) continue
    const isDialable = addresses.length > 0
    if (state === 'alive' || state === 'suspect' || state === 'degraded') {
      live.push({ peerId, publicKey, isSuspect: state === 'suspect', isDialable })
    } else if (state === 'failed' && isDialable && now < since + LOST_MEMBER_MS) {
      forgottenAt.push(since + LOST_MEMBER_MS)
    }
  }
  const changesAt = forgottenAt.length === 0 ? undefined : Math.min(...forgottenAt)
  const dialable = live.filter(({ isDialable }) => isDialable)
  const members = dialable.length > 0 ? dialable : live
  const isHolder = members.some(({ peerId }) => peerId === node.membership.self.peerId)
  return { members, isHolder, lost: forgottenAt.length, changesAt }
}
