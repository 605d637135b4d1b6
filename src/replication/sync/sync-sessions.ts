import type { Millis } from '../../base/core.ts'
import type { Group } from '../group/group.ts'
import type { Host } from '../host.ts'
import { Comparisons } from './comparisons.ts'
import type { Fragments } from './fragments.ts'
import type { Past, SyncFrame, VectorEntry } from './frames.ts'
import type { Peer } from './peer.ts'
import { Pulls } from './pulls.ts'
import { Servings } from './servings.ts'

type Frame<Type extends SyncFrame['type']> = Extract<SyncFrame, { type: Type }>

/**
 * Anti-entropy. One exchange:
 *
 *     A → B  summary or digest      equal: B → A equal; done
 *     B → A  pull (B's vector)      A answers with events … end, and pulls itself where B's vector is ahead
 *     A → B  pull (A's vector)      B answers with events … end
 *     then whoever finds itself equal says so
 *
 * Where vectors are short and peers may differ, digests bring them, and one of them a group asks along: then
 * whoever is ahead answers the digest as a pull, and two that meet are equal after one round trip.
 *
 * Nothing is remembered between two frames that a loss could make wrong: a digest restarts everything, a
 * pull says all that its answer needs, a lost end is a timeout that leads to the next digest. Equal vectors
 * with different fingerprints must never happen and raise an alarm.
 */
export class SyncSessions {
  readonly comparisons: Comparisons
  readonly pulls: Pulls
  readonly #host: Host
  readonly #servings: Servings

  constructor(host: Host, fragments: Fragments) {
    this.#host = host
    this.#servings = new Servings(host)
    this.pulls = new Pulls(host, fragments, {
      compare: (peer, now) => this.comparisons.compare(peer, now),
      tell: (peer, group) => this.comparisons.tell(peer, group),
      learn: (peer, group, item, now) => this.comparisons.learn(peer, group, item, now),
    })
    this.comparisons = new Comparisons(host, {
      pull: (peer, group, now) => this.pulls.pull(peer, group, now),
      repair: (peer, group, now) => this.pulls.repair(peer, group, now),
      meet: (peer, group, past, now) => this.#meet(peer, group, past, now),
      askWithDigest: (peer, group, now) => this.pulls.askWithDigest(peer, group, now),
      hasNothing: (peer, group, now) => this.pulls.hasNothing(peer, group, now),
    })
  }

  nextDeadline(): Millis | undefined {
    let next: Millis | undefined
    for (const part of [this.comparisons, this.pulls, this.#servings]) {
      const at = part.nextDeadline()
      if (at !== undefined && (next === undefined || at < next)) next = at
    }
    return next
  }

  peerUp(peer: Peer, now: Millis): void {
    this.comparisons.compare(peer, now, true)
    this.comparisons.disturb(now)
  }

  peerDown(peer: Peer, now: Millis): void {
    this.pulls.peerDown(peer, now)
    this.#servings.peerDown(peer)
    this.comparisons.peerDown()
  }

  tick(now: Millis): void {
    this.pulls.tick(now)
    this.#servings.tick(now)
    this.comparisons.tick(now)
  }

  onPull(peer: Peer, frame: Frame<'pull'>, now: Millis): void {
    const group = this.#host.groupFrom(frame.group, peer)
    if (group === undefined) return
    if (!this.#mayServe(peer, now)) return
    const isBehind = this.#learnVector(peer, group, frame.vector, now)
    this.#servings.begin(peer, group, frame, false, now)
    if (isBehind) this.pulls.pull(peer, group, now)
    else this.pulls.hasNothing(peer, group, now)
  }

  /** A vector that came with a digest that differs: each side is sent what it lacks. */
  #meet(peer: Peer, group: Group, { session, vector }: Past, now: Millis): void {
    const known: VectorEntry[] = []
    let hasMore = false
    for (const { hash, n } of vector) {
      const writer = group.state.indexOfHash(hash)
      // Who it may be, whole ids will tell.
      if (writer === undefined) hasMore = true
      else known.push({ replica: group.state.replicaAt(writer), n })
    }
    const isAhead = this.#lacks(group, known)
    const isBehind = this.#learnVector(peer, group, known, now) || hasMore
    const isAsked = session !== 0 && isAhead && this.#mayServe(peer, now)
    if (isAsked) {
      const pull = { type: 'pull', group: group.name, session, vector: known } as const
      const { windowBytes } = this.#host.tunables
      const rest = { credit: windowBytes, partials: [], base: undefined }
      this.#servings.begin(peer, group, { ...pull, ...rest }, true, now)
    }
    if (!isBehind && isAhead) this.pulls.hasNothing(peer, group, now)
    // Neither, and yet another hash: two replicas look alike. A pull shows them our vector, too.
    else if (!peer.isObserver && this.pulls.pull(peer, group, now)) return
    // Whoever lacks something unasked, or asks in vain, has to know.
    const isInVain = session !== 0 && !isAhead
    if (isInVain || (isAhead && !isAsked)) this.comparisons.show(peer, group, now)
  }

  /** Whether a vector lacks events that are here. */
  #lacks({ state }: Group, vector: readonly VectorEntry[]): boolean {
    const has = new Map(vector.map(({ replica, n }) => [replica, n]))
    for (let writer = 0; writer < state.replicaCount; writer++) {
      if (state.have(writer) > (has.get(state.replicaAt(writer)) ?? 0)) return true
    }
    return false
  }

  /** Notes what a peer holds. @returns whether it holds events that are not here */
  #learnVector(peer: Peer, group: Group, vector: readonly VectorEntry[], now: Millis): boolean {
    peer.learnVector(group, vector)
    if (peer.isObserver) return false
    this.#host.acked(group)
    const self = this.#host.writerOf(group)
    let isBehind = false
    for (const { replica, n } of vector) {
      const have = group.state.haveOf(replica)
      if (replica === self) group.ackedOwn = Math.max(group.ackedOwn, Math.min(n, have))
      if (n <= have) continue
      isBehind = true
      if (replica === self) this.#host.suspect(peer, group, now)
    }
    return isBehind
  }

  #mayServe(peer: Peer, now: Millis): boolean {
    if (peer.mayServe(now, this.#host.tunables.serveBytesPerSecond)) return true
    this.#host.dropped('sync-rate')
    return false
  }
}
