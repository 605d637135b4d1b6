import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import type { KvContext } from './kv-context.ts'
import type { RingMember } from './ring.ts'

/** Above the 95th percentile of what is nearly constant there is still some noise. */
const HEDGE_FACTOR = 1.2

/**
 * The replicas in the order in which a read asks them: ourselves when we hold the record, then by
 * closeness, those who asked for a pause later, suspects and those who failed just now last.
 */
export function readOrder(
  context: KvContext,
  id: Uint8Array,
  replicas: readonly RingMember[],
  now: Millis,
): PeerId[] {
  const ranked = replicas.map((member) => ({ member, rank: rank(context, id, member, now) }))
  // The sort is stable: within a rank the closest stays first.
  ranked.sort((a, b) => a.rank - b.rank)
  return ranked.map(({ member }) => member.peerId)
}

function rank(context: KvContext, id: Uint8Array, member: RingMember, now: Millis): number {
  const { peers, signer, store } = context
  const { peerId } = member
  if (peerId === signer.peerId) return store.live(id, now) === undefined ? 2 : 0
  if (member.isSuspect || peers.avoidedUntil(peerId) > now) return 3
  return peers.busyUntil(peerId) > now ? 2 : 1
}

/** So long a read waits for this peer before it asks another too. */
export function hedgeMs(context: KvContext, peer: PeerId): Millis {
  const { hedgeMsMin, hedgeMsMax } = context.tunables
  const usual = context.peers.latencyP95Ms(peer)
  if (usual === undefined) return hedgeMsMax
  return Math.min(hedgeMsMax, Math.max(hedgeMsMin, usual * HEDGE_FACTOR))
}
