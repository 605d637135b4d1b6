import type { PeerId } from '../base/ids.ts'
import type { EngineEvent } from '../engine/engine-types.ts'
import type { Cluster, ClusterObserver, SimulatedNode } from './cluster.ts'
import type { SubjectMember } from './subject.ts'
import type { Violations } from './violations.ts'

/** Precedence at equal (epoch, incarnation): a view never goes down it. Alive and degraded are one rank. */
const RANKS: Readonly<Record<SubjectMember['state'], number>> = {
  alive: 0,
  degraded: 0,
  suspect: 1,
  failed: 2,
  left: 3,
}

interface Seen {
  readonly epoch: number
  readonly incarnation: number
  readonly state: SubjectMember['state']
}

/**
 * What must hold of member views at every instant: forward only per observer, never ahead of the subject itself,
 * and, where a run has no fault that could excuse it, nobody healthy accused.
 */
export class MembershipChecks implements ClusterObserver {
  /** Verdicts `failed` about processes that ran, and about processes that did not. */
  readonly counts: { falseDeaths: number; trueDeaths: number; suspicions: number } = {
    falseDeaths: 0,
    trueDeaths: 0,
    suspicions: 0,
  }
  readonly #cluster: Cluster
  readonly #violations: Violations
  readonly #forbidden: ReadonlySet<SubjectMember['state']>
  /** Observer → subject → what it showed last; forgotten when the observer restarts. */
  readonly #seen: Map<SimulatedNode, Map<PeerId, Seen>> = new Map()
  /** What each node last claimed about itself. */
  readonly #own: Map<PeerId, Seen> = new Map()

  /** @param forbidden states that no running node may be in for anybody, in a run without such faults */
  constructor(
    cluster: Cluster,
    violations: Violations,
    forbidden: readonly SubjectMember['state'][],
  ) {
    this.#cluster = cluster
    this.#violations = violations
    this.#forbidden = new Set(forbidden)
  }

  started(node: SimulatedNode): void {
    this.#seen.set(node, new Map())
    this.#check(node)
  }

  ended(node: SimulatedNode): void {
    this.#seen.delete(node)
  }

  event(node: SimulatedNode, event: EngineEvent): void {
    if (event.type === 'member') this.#check(node)
  }

  /** Checks every running node's view. */
  everySecond(): void {
    for (const node of this.#cluster.running) this.#check(node)
  }

  #check(observer: SimulatedNode): void {
    const { subject } = observer
    const seen = this.#seen.get(observer)
    if (subject === undefined || seen === undefined) return
    const members = subject.members()
    for (const { peer, epoch, incarnation, state } of members) {
      if (peer === observer.peer) this.#own.set(peer, { epoch, incarnation, state })
    }
    for (const member of members) {
      const last = seen.get(member.peer)
      if (last !== undefined && isSame(last, member)) continue
      const { epoch, incarnation, state } = member
      seen.set(member.peer, { epoch, incarnation, state })
      if (last !== undefined) this.#forward(observer, member, last)
      if (member.peer !== observer.peer) this.#judge(observer, member, last)
    }
  }

  #forward(observer: SimulatedNode, member: SubjectMember, last: Seen): void {
    const isNewer =
      member.epoch > last.epoch ||
      (member.epoch === last.epoch && member.incarnation > last.incarnation)
    const isSameLife = member.epoch === last.epoch && member.incarnation === last.incarnation
    if (isNewer || (isSameLife && RANKS[member.state] >= RANKS[last.state])) return
    this.#violations.add(
      'member views only move forward',
      `${observer.name} about ${this.#name(member.peer)}: ${text(last)} then ${text(member)}`,
    )
  }

  #judge(observer: SimulatedNode, member: SubjectMember, last: Seen | undefined): void {
    const subject = this.#cluster.nodeOf(member.peer)
    if (subject === undefined) {
      this.#violations.add('only members are listed', `${observer.name} lists ${member.peer}`)
      return
    }
    const own = this.#own.get(member.peer)
    const isAhead =
      own !== undefined &&
      (member.epoch > own.epoch ||
        (member.epoch === own.epoch && member.incarnation > own.incarnation))
    if (isAhead && subject.subject !== undefined) {
      // The subject's own row may have moved within this very event.
      const fresh = subject.subject.members().find(({ peer }) => peer === member.peer)
      const isStale =
        fresh !== undefined &&
        (fresh.epoch > member.epoch ||
          (fresh.epoch === member.epoch && fresh.incarnation >= member.incarnation))
      if (!isStale) {
        this.#violations.add(
          'nobody knows more of a member than itself',
          `${observer.name} about ${subject.name}: ${text(member)}, its own is ${text(own)}`,
        )
      }
    }
    this.#verdict(observer, member, subject, last)
  }

  #verdict(
    observer: SimulatedNode,
    member: SubjectMember,
    subject: SimulatedNode,
    last: Seen | undefined,
  ): void {
    const isRunning = subject.subject !== undefined
    if (member.state === 'suspect' && last?.state !== 'suspect') this.counts.suspicions += 1
    if (member.state === 'failed' && last?.state !== 'failed') {
      this.counts[isRunning ? 'falseDeaths' : 'trueDeaths'] += 1
    }
    if (isRunning && this.#forbidden.has(member.state)) {
      this.#violations.add(
        `no running node is ${member.state}`,
        `${observer.name} about ${subject.name}: ${text(member)}`,
      )
    }
  }

  #name(peer: PeerId): string {
    return this.#cluster.nodeOf(peer)?.name ?? peer
  }
}

function isSame(a: Seen, b: Seen): boolean {
  return a.epoch === b.epoch && a.incarnation === b.incarnation && a.state === b.state
}

function text(seen: Seen): string {
  return `${seen.state} (${seen.epoch}, ${seen.incarnation})`
}
