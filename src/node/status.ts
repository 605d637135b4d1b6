import { hex } from '../base/bytes.ts'
import type { PeerId } from '../base/ids.ts'
import type { Engine } from '../engine/engine.ts'
import type { AccessInfo } from './invite-types.ts'
import type { GroupInfo, GroupState, MemberInfo, StatusInfo, Traffic } from './node-types.ts'

type Member = Engine['membership']['self']

const LIVE: ReadonlySet<string> = new Set(['alive', 'suspect', 'degraded'])

/** Whether a member is counted as present: suspects are until proven otherwise. */
export function isLive(member: { readonly state: string }): boolean {
  return LIVE.has(member.state)
}

/** The contract's member row. A node's own digest is the one it would tell. */
export function memberInfo(engine: Engine, member: Member): MemberInfo {
  const isSelf = member.peerId === engine.membership.self.peerId
  const digest = isSelf ? engine.stateDigest() : member.digest
  return {
    name: member.name,
    peerId: member.peerId,
    state: member.state,
    ...(engine.observers.has(member.peerId) ? { role: 'observer' } : {}),
    incarnation: member.incarnation,
    addresses: member.addresses,
    ...(member.rttMs === undefined ? {} : { rttMs: Math.round(member.rttMs * 1000) / 1000 }),
    tags: member.tags,
    protocol: member.protocol.max,
    digest: digest === undefined ? '' : hex(digest),
    since: new Date(member.since).toISOString(),
  }
}

/** Distinct digests of state that live members tell, observers aside: see StatusInfo. */
export function distinctDigests(engine: Engine): number {
  const digests = new Set<string>()
  for (const member of engine.membership.members()) {
    const isSelf = member.peerId === engine.membership.self.peerId
    if (!isLive(member) || (!isSelf && engine.observers.has(member.peerId))) continue
    const digest = isSelf ? engine.stateDigest() : member.digest
    if (digest !== undefined) digests.add(hex(digest))
  }
  return digests.size
}

/** Replicated groups as people see them; `main` is listed even while it is empty. */
export function groupInfos(engine: Engine, nameOf: (peer: PeerId) => string): readonly GroupInfo[] {
  const others = engine.membership
    .members()
    .filter((member) => member.peerId !== engine.membership.self.peerId && isLive(member)).length
  // The digest that members tell is one of all groups together; linked peers tell of each.
  const differing = engine.behind()
  const names = new Set(['main', ...engine.replication.groups()])
  return [...names].map((name) => {
    const { digest, events, objects, unsynced } = engine.replication.status(name)
    const behind = differing
      .filter((peer) => !engine.replication.isAlike(peer, name))
      .map((peer) => nameOf(peer))
    const state = groupState({ others, unsynced, behind: behind.length })
    return { name, digest: hex(digest), state, unsynced, objects, events, behind }
  })
}

function groupState(facts: { others: number; unsynced: number; behind: number }): GroupState {
  if (facts.others === 0) return facts.unsynced > 0 ? 'saved-locally' : 'offline'
  return facts.behind > 0 ? 'spreading' : 'converged'
}

/** How this node takes part; an observer with what it cannot tell others any more. */
export function accessInfo(access: AccessInfo, engine: Engine): AccessInfo {
  if (access.role !== 'observer') return access
  const { replication } = engine
  const unsent = replication
    .groups()
    .reduce((sum, group) => sum + replication.status(group).unsynced, 0)
  return unsent === 0 ? access : { ...access, unsent }
}

export function memberCounts(engine: Engine): StatusInfo['members'] {
  const counts = { alive: 0, suspect: 0, failed: 0, left: 0 }
  let observers = 0
  for (const { state, peerId } of engine.membership.members()) {
    counts[state === 'degraded' ? 'alive' : state] += 1
    if (isLive({ state }) && engine.observers.has(peerId)) observers += 1
  }
  return observers === 0 ? counts : { ...counts, observers }
}

/** The name of a member; its peer id while nothing else is known of it. */
export function memberName(engine: Engine, peer: PeerId): string {
  return engine.membership.member(peer)?.name ?? peer
}

/** Bytes of all protocols together. */
export function bytesOf(traffic: Traffic): { bytesSent: number; bytesReceived: number } {
  const sum = (bytes: Readonly<Record<string, number>>): number =>
    Object.values(bytes).reduce((total, one) => total + one, 0)
  return { bytesSent: sum(traffic.sent), bytesReceived: sum(traffic.received) }
}
