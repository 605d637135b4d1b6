import { present } from '../../base/assert.ts'
import { hex } from '../../base/bytes.ts'
import type { Millis } from '../../base/core.ts'
import { parseReplicaId, type ReplicaId } from '../../base/ids.ts'
import { type Random, randomBytes } from '../../base/random.ts'
import type { Group } from '../group/group.ts'
import { pointAt } from '../group/history.ts'
import type { Host } from '../host.ts'
import type { DotChain, SyncFrame } from '../sync/frames.ts'
import type { Peer } from '../sync/peer.ts'
import { Branches } from './branches.ts'
import { ForkSearch, keepsId } from './fork-search.ts'

type Frame<Type extends SyncFrame['type']> = Extract<SyncFrame, { type: Type }>

/** A peer knows a writer's events otherwise than we do. */
interface Dispute {
  readonly peer: Peer
  readonly replica: ReplicaId
  readonly search: ForkSearch
  /** When the search has to be over, whatever the peer answers. */
  readonly endsAt: Millis
  /** Whether all is told, and the peer's view is on its way. */
  isViewing: boolean
  deadlineAt: Millis
  /** Questions without an answer. */
  unanswered: number
}

/** A peer that claims our events and does not prove it is not waited for longer. */
const ANSWER_MS = 2_000
const QUESTIONS_MAX = 4
/** What a look into a run costs beside its bytes, as bytes served. */
const TRACE_COST_BYTES = 16 << 10
/** A forger who claims our events must not keep us busy. */
const CLAIMS_PAUSE_MS = 10_000
/** A search takes at most 14 questions; whoever answers none of them fast keeps our own events from others. */
const DISPUTE_MS_MAX = 10_000
/** The same for a base that is to take the place of ours. */
const VIEW_MS_MAX = 300_000
/** Searches that one peer may have us make in a group, in so long a time. */
const CLAIMS_MAX = 16
const CLAIMS_MS = 600_000
const CLAIMANTS_MAX = 4_096
/** Nobody has seen more of a new id than we have written: a claim about the next one can wait. */
const RENEWED_PAUSE_MS = 600_000
/** Time for a peer to find out by itself that it is to give way. */
const RIGHT_PAUSE_MS = 2_000
const PAUSES_MAX = 1_024

/**
 * Who wrote what. A replica id stands for one unbroken sequence of writes, which a store that was rolled back
 * or cloned breaks without knowing. Members show each other: one holds more of our events than we do, or
 * others under the same dots. Then the last one that both know alike is searched for.
 *
 * One of both histories keeps the id; see keepsId(). Whoever holds the other one ends the writer there and
 * issues what came after under an id that follows from the events themselves: all members that believed that
 * history issue the same events, and nothing needs to be agreed on, nor the writer to be there. See reissue.ts.
 * A writer itself goes on under a new id. Where the logs no longer reach back, see replacement.ts.
 */
export class Identity {
  readonly #host: Host
  readonly #random: Random
  readonly #disputes = new Map<Group, Dispute>()
  /** Until when claims about a writer by a peer are not heard. */
  readonly #pauses = new Map<string, Millis>()
  /** By peer and group: claims since some time. */
  readonly #claims = new Map<string, { since: Millis; count: number }>()
  /** When we last gave our own id up to a peer that said it had more of our events. */
  readonly #renewedAt = new Map<Group, Millis>()
  readonly #branches = new Map<Group, Branches>()
  /** Groups that have got events since it was last looked for what is held twice. */
  readonly #touched = new Set<Group>()

  constructor(host: Host, random: Random) {
    this.#host = host
    this.#random = random
  }

  nextDeadline(): Millis | undefined {
    let next: Millis | undefined
    for (const { deadlineAt } of this.#disputes.values()) {
      if (next === undefined || deadlineAt < next) next = deadlineAt
    }
    return next
  }

  /** A new id. */
  mint(): ReplicaId {
    return present(parseReplicaId(hex(randomBytes(this.#random, 16))), 'replica id')
  }

  /** Whether it is open what a group's state is to be. */
  isInDispute(group: Group): boolean {
    return this.#disputes.has(group)
  }

  /** A peer knows a writer's events otherwise than we do. @returns whether that is looked into */
  suspect(peer: Peer, group: Group, replica: ReplicaId, now: Millis): boolean {
    if (peer.isObserver) return false
    if (this.#disputes.has(group)) return true
    const isOurs = replica === this.#host.writerOf(group)
    const writer = isOurs ? group.state.intern(replica) : group.state.indexOf(replica)
    if (writer === undefined || (!isOurs && group.state.have(writer) === 0)) return false
    const pausedUntil = this.#pauses.get(pauseKey(peer, group, replica)) ?? -Infinity
    const renewedAt = isOurs ? (this.#renewedAt.get(group) ?? -Infinity) : -Infinity
    const isPaused = now < pausedUntil || now < renewedAt + RENEWED_PAUSE_MS
    if (isPaused || !this.#mayClaim(peer, group, now)) {
      this.#host.dropped('identity-claim')
      return false
    }
    group.close()
    const search = new ForkSearch(group, writer)
    const endsAt = now + DISPUTE_MS_MAX
    const dispute = {
      ...{ peer, replica, search, endsAt },
      ...{ isViewing: false, deadlineAt: now, unanswered: 0 },
    }
    group.isDisputed = isOurs
    this.#disputes.set(group, dispute)
    this.#ask(group, dispute, now)
    return true
  }

  onTrace(peer: Peer, frame: Frame<'trace'>, now: Millis): void {
    if (!peer.mayServe(now, this.#host.tunables.serveBytesPerSecond)) {
      this.#host.dropped('sync-rate')
      return
    }
    const group = this.#host.groups.get(frame.group)
    const writer = group?.state.indexOf(frame.replica)
    const chains: DotChain[] = []
    if (group !== undefined && writer !== undefined) {
      for (const n of frame.dots) {
        peer.spend(TRACE_COST_BYTES)
        if (n > group.state.have(writer)) continue
        peer.spend(group.log.runAt(writer, group.log.indexAbove(writer, n - 1))?.bytes.length ?? 0)
        const point = pointAt(group, writer, n, this.#host.runs)
        if (point !== undefined) chains.push({ n, ...point })
      }
    }
    const have = group?.state.haveOf(frame.replica) ?? 0
    const { group: name, replica } = frame
    const asked = frame.dots.at(-1) ?? 0
    this.#host.send(peer, 'control', { type: 'chains', group: name, replica, asked, have, chains })
  }

  onChains(peer: Peer, frame: Frame<'chains'>, now: Millis): void {
    const group = this.#host.groups.get(frame.group)
    const dispute = group === undefined ? undefined : this.#disputes.get(group)
    const isAsked = dispute?.peer === peer && dispute.replica === frame.replica
    if (group === undefined || !isAsked || dispute.isViewing) {
      this.#host.dropped('sync-chains-unasked')
      return
    }
    const { search } = dispute
    if (!search.learn(frame, this.#host.runs)) return
    dispute.unanswered = 0
    if (!search.isOver) {
      this.#ask(group, dispute, now)
      return
    }
    this.#close(group)
    this.#decide(group, dispute, now)
  }

  tick(now: Millis): void {
    for (const [group, dispute] of [...this.#disputes]) {
      if (dispute.deadlineAt > now) continue
      dispute.unanswered += 1
      const mayAsk = !dispute.isViewing && now < dispute.endsAt
      if (mayAsk && dispute.unanswered < QUESTIONS_MAX) {
        this.#ask(group, dispute, now)
        continue
      }
      this.#host.dropped('identity-claim')
      this.#pause(group, dispute, now + CLAIMS_PAUSE_MS)
      this.settled(group)
    }
  }

  peerDown(peer: Peer): void {
    for (const [group, dispute] of [...this.#disputes]) {
      if (dispute.peer === peer) this.settled(group)
    }
  }

  /** A group has got events. */
  touched(group: Group): void {
    this.#touched.add(group)
  }

  /** At the end of an input: ends writers here that somebody has ended elsewhere. */
  sweep(now: Millis): void {
    // Each input comes by here.
    if (this.#touched.size === 0) return
    for (const group of [...this.#touched]) {
      if (this.#disputes.has(group)) continue
      this.#touched.delete(group)
      const branches = this.#branches.get(group) ?? new Branches()
      this.#branches.set(group, branches)
      for (;;) {
        const issued = branches.find(group, this.#host.runs)
        if (issued === undefined || !this.#host.renew(group, issued, now)) break
      }
      if (branches.hasMore) this.#touched.add(group)
      this.#host.bringBack(group, now)
    }
  }

  /** A writer has ended in a group. */
  ended(group: Group): void {
    this.#branches.get(group)?.ended()
    this.#touched.add(group)
  }

  /** A dispute is over. */
  settled(group: Group): void {
    if (!this.#disputes.has(group)) return
    this.#close(group)
    this.#touched.add(group)
    this.#host.announce(group, undefined)
  }

  #decide(group: Group, dispute: Dispute, now: Millis): void {
    const { peer, replica, search } = dispute
    const { state } = group
    const have = state.haveOf(replica)
    const isOurs = replica === this.#host.writerOf(group)
    if (search.parting === undefined && search.isExact) {
      // One of both only is behind; if it is we, of what we wrote ourselves, we have lost it.
      const n = search.low
      if (isOurs && search.theirs > n) {
        this.#host.renew(group, { replica, n }, now)
        this.#renewedAt.set(group, now)
        return
      }
      if (isOurs) group.provenOwn = Math.max(group.provenOwn, n)
      this.#pause(group, dispute, now + (isOurs ? 0 : RIGHT_PAUSE_MS))
      this.#host.announce(group, undefined)
      return
    }
    if (keepsId(search, have)) {
      this.#pause(group, dispute, now + RIGHT_PAUSE_MS)
      const n = search.parting?.n ?? have
      this.#host.send(peer, 'control', { type: 'fork', group: group.name, replica, n })
      this.#host.announce(group, undefined)
      return
    }
    // Where logs do not tell, what was there at the start is taken to be known.
    const known = isOurs ? Math.min(search.top, group.loadedOwn) : 0
    const n = search.isExact ? search.low : Math.max(search.low, known)
    const isDone = (search.isExact || isOurs) && this.#host.renew(group, { replica, n }, now)
    if (isDone && search.isExact) return
    if (state.haveOf(replica) === 0) return
    group.isDisputed = replica === this.#host.writerOf(group)
    dispute.isViewing = true
    dispute.deadlineAt = now + VIEW_MS_MAX
    this.#disputes.set(group, dispute)
    this.#host.replace(group, replica, peer, now)
  }

  /** Whether a peer has not had us search too often. */
  #mayClaim(peer: Peer, group: Group, now: Millis): boolean {
    const key = `${peer.id} ${group.name}`
    const known = this.#claims.get(key)
    const isOver = known === undefined || now - known.since >= CLAIMS_MS
    const claims = isOver ? { since: now, count: 0 } : known
    if (claims.count >= CLAIMS_MAX) return false
    claims.count += 1
    if (isOver) this.#claims.delete(key)
    this.#claims.set(key, claims)
    const oldest = this.#claims.keys().next()
    if (this.#claims.size > CLAIMANTS_MAX && oldest.done !== true) this.#claims.delete(oldest.value)
    return true
  }

  #pause(group: Group, { peer, replica }: Dispute, until: Millis): void {
    if (this.#pauses.size >= PAUSES_MAX) this.#pauses.clear()
    this.#pauses.set(pauseKey(peer, group, replica), until)
  }

  #close(group: Group): void {
    group.isDisputed = false
    this.#disputes.delete(group)
  }

  #ask(group: Group, dispute: Dispute, now: Millis): void {
    const { peer, replica, search } = dispute
    dispute.deadlineAt = Math.min(now + ANSWER_MS, dispute.endsAt)
    const dots = search.dots()
    this.#host.send(peer, 'control', { type: 'trace', group: group.name, replica, dots })
  }
}

function pauseKey(peer: Peer, group: Group, replica: ReplicaId): string {
  return `${peer.id} ${replica} ${group.name}`
}
