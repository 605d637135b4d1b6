import type { FrameCounts, MembersInfo } from '../index.ts'
import type { LabInfo, LabNodeInfo } from '../lab/lab-types.ts'
import { plural } from './text.ts'

/** How a node is: as its demo knows it, else as the page's node sees it. */
export type PeerState = 'alive' | 'suspect' | 'degraded' | 'failed' | 'left' | 'paused' | 'killed'

export interface Peer {
  readonly name: string
  readonly peerId: string
  readonly state: PeerState
  /** What the page's own node believes; it can be wrong, and late. */
  readonly seen: PeerState | undefined
  /** It only reads, as its invite says: nobody takes a write of it. */
  readonly isObserver: boolean
  /** Digest of its state; empty when nothing is known of it. */
  readonly digest: string
  /** Index of its side while a demo's network is cut. */
  readonly side: number | undefined
  /** Members it sees alive, itself included; known in a demo. */
  readonly alive: number | undefined
  readonly rttMs: number | undefined
  readonly since: string | undefined
  readonly links: readonly string[]
  /** Frames that came over each of its links. */
  readonly heard: readonly FrameCounts[]
  /** A demo runs it, and can do things to it. */
  readonly isOurs: boolean
}

/** All nodes at one moment. */
export interface Snapshot {
  /** Unix ms. */
  readonly at: number
  /** Name of the node that serves the page. */
  readonly self: string
  readonly isLab: boolean
  /** Distinct digests: of all nodes that run in a demo, else of the live members that the page's node sees. */
  readonly digests: number
  readonly peers: readonly Peer[]
  /** Names, side by side; empty while the network is whole. */
  readonly sides: readonly (readonly string[])[]
  readonly loss: number
  readonly latencyMs: number
}

/** What the API says, as one picture. In a demo its own word about a node counts more than another node's. */
export function snapshotOf(members: MembersInfo, lab: LabInfo | undefined, at: number): Snapshot {
  const ours = new Map(lab?.nodes.map((node) => [node.peerId as string, node]))
  const seen = new Map(members.members.map((member) => [member.peerId as string, member]))
  const ids = [...ours.keys(), ...[...seen.keys()].filter((id) => !ours.has(id))]
  const peers = ids.map((peerId): Peer => {
    const node = ours.get(peerId)
    const member = seen.get(peerId)
    const isSelf = node === undefined && member?.name === members.self
    return {
      name: node?.name ?? member?.name ?? peerId,
      peerId,
      state: node === undefined ? (member?.state ?? 'failed') : stateOf(node),
      seen: member?.state,
      isObserver: member?.role === 'observer',
      digest: node?.digest ?? (lab === undefined ? (member?.digest ?? '') : ''),
      side: node?.side,
      alive: node?.alive,
      rttMs: member?.rttMs,
      since: member?.since,
      links: node?.links ?? (isSelf ? members.links : []),
      heard: node?.heard ?? (isSelf ? members.heard : []),
      isOurs: node !== undefined,
    }
  })
  const { sides = [], loss = 0, latencyMs = 0 } = lab ?? {}
  const { digests } = lab ?? members
  const { self } = members
  return { at, self, isLab: lab !== undefined, digests, peers, sides, loss, latencyMs }
}

function stateOf(node: LabNodeInfo): PeerState {
  return node.state === 'running' ? 'alive' : node.state
}

/** Whether a node takes part: it may be slow or unheard, but it is not gone. */
export function isPresent(peer: Peer): boolean {
  return peer.state !== 'failed' && peer.state !== 'left' && peer.state !== 'killed'
}

/** One state and who holds it, the most common first. */
export interface StateShare {
  readonly digest: string
  readonly peers: readonly Peer[]
}

/** Who agrees with whom. Nodes of which nothing is known are left out. */
export function stateShares(peers: readonly Peer[]): readonly StateShare[] {
  const known = peers.filter((peer) => peer.digest !== '' && isPresent(peer))
  const byDigest = Map.groupBy(known, (peer) => peer.digest)
  return [...byDigest]
    .map(([digest, holders]) => ({ digest, peers: holders }))
    .sort((a, b) => b.peers.length - a.peers.length || (a.digest < b.digest ? -1 : 1))
}

/** `4 replicas`, `4 replicas and 1 observer`: what only reads counts for nothing when a write is kept. */
export function holders(peers: readonly Peer[]): string {
  const observers = peers.filter((peer) => peer.isObserver).length
  const replicas = plural(peers.length - observers, 'replica')
  return observers === 0 ? replicas : `${replicas} and ${plural(observers, 'observer')}`
}

/** Pairs of peer ids with a link between them, each once. */
export function linksOf(peers: readonly Peer[]): readonly (readonly [string, string])[] {
  const known = new Set(peers.map((peer) => peer.peerId))
  const pairs = new Map<string, readonly [string, string]>()
  for (const { peerId, links } of peers) {
    for (const other of links) {
      if (!known.has(other) || other === peerId) continue
      const pair = peerId < other ? ([peerId, other] as const) : ([other, peerId] as const)
      pairs.set(pair.join(' '), pair)
    }
  }
  return [...pairs.values()]
}
