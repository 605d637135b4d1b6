import type { PeerId } from '../base/ids.ts'
import type { Driver } from '../engine/driver.ts'
import type { EngineEvent } from '../engine/engine-types.ts'
import type { MemberExplanation, MemberMoment } from './cast-types.ts'
import { isLive } from './status.ts'

/** Moments kept of one member. */
const MOMENTS_MAX = 64
/** Members of whom moments are kept: as many as a table holds. */
const MEMBERS_MAX = 10_240
/** And of all together: some 10 MB. */
const MOMENTS_TOTAL_MAX = 65_536

interface Kept {
  readonly moments: MemberMoment[]
  forgotten: number
}

type Member = Driver['engine']['membership']['self']

/** What each member went through, as seen here: bounded, the longest quiet members are forgotten first. */
export class MemberHistory {
  readonly #kept: Map<PeerId, Kept> = new Map()
  #total = 0

  note(change: (EngineEvent & { readonly type: 'member' })['change'], at: number): void {
    const { member, evidence } = change
    const { peerId, state, epoch, incarnation } = member
    const kept = this.#kept.get(peerId) ?? { moments: [], forgotten: 0 }
    // Last in the map: the order is that of the last change.
    this.#kept.delete(peerId)
    this.#kept.set(peerId, kept)
    kept.moments.push({ at: new Date(at).toISOString(), state, epoch, incarnation, evidence })
    this.#total += 1
    if (kept.moments.length > MOMENTS_MAX) {
      kept.moments.shift()
      kept.forgotten += 1
      this.#total -= 1
    }
    while (this.#kept.size > MEMBERS_MAX || this.#total > MOMENTS_TOTAL_MAX) this.#forgetOldest()
  }

  /** @param who a name or a peer id; of several members with a name a living one is explained */
  explain(engine: Driver['engine'], who: string): MemberExplanation | undefined {
    const members = engine.membership.members()
    const matches = members.filter(({ name, peerId }) => peerId === who || name === who)
    const chosen = matches.find(({ peerId }) => peerId === who) ?? matches.find(isLive)
    const member = chosen ?? matches[0]
    if (member === undefined) return undefined
    const namesakes = members.filter(({ name }) => name === member.name)
    return this.#explanation(engine, member, namesakes)
  }

  #explanation(
    engine: Driver['engine'],
    member: Member,
    namesakes: readonly Member[],
  ): MemberExplanation {
    const { name, peerId, state, epoch, incarnation, rttMs, addresses } = member
    const kept = this.#kept.get(peerId)
    return {
      ...{ name, peerId, state, epoch, incarnation },
      ...(engine.observers.has(peerId) ? { role: 'observer' } : {}),
      since: new Date(member.since).toISOString(),
      linked: engine.linked.has(peerId),
      ...(rttMs === undefined ? {} : { rttMs: Math.round(rttMs * 1000) / 1000 }),
      addresses,
      history: [...(kept?.moments ?? [])],
      forgotten: kept?.forgotten ?? 0,
      namesakes: namesakes.flatMap((other) => (other.peerId === peerId ? [] : [other.peerId])),
    }
  }

  #forgetOldest(): void {
    for (const [peerId, { moments }] of this.#kept) {
      this.#kept.delete(peerId)
      this.#total -= moments.length
      return
    }
  }
}
