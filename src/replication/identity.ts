import { present } from '../base/assert.ts'
import { hex } from '../base/bytes.ts'
import type { Millis } from '../base/core.ts'
import { parseReplicaId, type ReplicaId } from '../base/ids.ts'
import { type Random, randomBytes } from '../base/random.ts'
import { type SyncFrame, TRACE_DOTS_MAX } from './frames.ts'
import type { Group } from './group.ts'
import { chainAt } from './history.ts'
import type { Host } from './host.ts'
import type { Peer } from './peer.ts'

type Frame<Type extends SyncFrame['type']> = Extract<SyncFrame, { type: Type }>

/** A search for the last own event that a peer knows as we do. */
interface Dispute {
  readonly peer: Peer
  readonly replica: ReplicaId
  /** Equal there. */
  low: number
  /** No event after it is equal. */
  high: number
  /** Whether any was seen to differ. */
  differs: boolean
  /** The last event asked for. */
  asked: number
  deadlineAt: Millis
  /** Questions without an answer. */
  unanswered: number
}

/** A peer that claims our events and does not prove it is not waited for longer. */
const ANSWER_MS = 2_000
const QUESTIONS_MAX = 4
/** What a look into a run costs, as bytes served: a run is up to 48 KiB. */
const TRACE_COST_BYTES = 48 << 10
/** A forger who claims our events must not keep us busy. */
const CLAIMS_PAUSE_MS = 10_000

/**
 * Who we are to others. A replica id stands for one unbroken sequence of writes, which a store that was
 * rolled back or cloned breaks without knowing. Peers show it: they hold more of our events than we do, or
 * others under the same dots. Then our events no longer leave, the last one that both know is searched for,
 * and what was written here after it goes on under a new id: see reissue.ts.
 */
export class Identity {
  readonly #host: Host
  readonly #random: Random
  readonly #disputes = new Map<Group, Dispute>()
  readonly #quietUntil = new Map<Group, Millis>()

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

  /** A peer knows our own events otherwise than we do. */
  suspect(peer: Peer, group: Group, now: Millis): void {
    if (group.isDisputed) return
    if (now < (this.#quietUntil.get(group) ?? Number.NEGATIVE_INFINITY)) {
      this.#host.dropped('identity-claim')
      return
    }
    const replica = this.#host.writerOf(group)
    const high = group.state.haveOf(replica)
    const bounds = { low: 0, high, differs: false, asked: high }
    const dispute = { peer, replica, ...bounds, deadlineAt: now, unanswered: 0 }
    group.isDisputed = true
    this.#disputes.set(group, dispute)
    this.#ask(group, dispute, high, now)
  }

  onTrace(peer: Peer, frame: Frame<'trace'>, now: Millis): void {
    if (!peer.mayServe(now, this.#host.tunables.serveBytesPerSecond)) {
      this.#host.dropped('sync-rate')
      return
    }
    peer.spend(frame.dots.length * TRACE_COST_BYTES)
    const group = this.#host.groups.get(frame.group)
    const writer = group?.state.indexOf(frame.replica)
    const chains: Frame<'chains'>['chains'][number][] = []
    if (group !== undefined && writer !== undefined) {
      for (const n of frame.dots) {
        if (n > group.state.have(writer)) continue
        const chain = chainAt(group, writer, n, this.#host.runs)
        if (chain !== undefined) chains.push({ n, chain })
      }
    }
    const have = group?.state.haveOf(frame.replica) ?? 0
    const { group: name, replica } = frame
    this.#host.send(peer, 'control', { type: 'chains', group: name, replica, have, chains })
  }

  onChains(peer: Peer, frame: Frame<'chains'>, now: Millis): void {
    const group = this.#host.groups.get(frame.group)
    const dispute = group === undefined ? undefined : this.#disputes.get(group)
    if (group === undefined || dispute?.peer !== peer || dispute.replica !== frame.replica) {
      this.#host.dropped('sync-chains-unasked')
      return
    }
    const writer = group.state.intern(dispute.replica)
    const have = group.state.have(writer)
    dispute.unanswered = 0
    let told = 0
    for (const { n, chain } of frame.chains) {
      if (n <= dispute.low || n > dispute.high) continue
      const ours = chainAt(group, writer, n, this.#host.runs)
      if (ours === undefined) continue
      told += 1
      if (ours.high === chain.high && ours.low === chain.low) dispute.low = n
      else {
        dispute.high = n - 1
        dispute.differs = true
        break
      }
    }
    const top = Math.min(dispute.high, frame.have)
    const isStuck = told === 0 && top >= dispute.asked
    if (dispute.low < top && !isStuck) {
      this.#ask(group, dispute, top, now)
      return
    }
    this.#close(group)
    if (dispute.low >= top && !dispute.differs && frame.have <= have) {
      // It only was behind.
      if (frame.have === have) group.provenOwn = have
      this.#host.announce(group, undefined)
      return
    }
    this.#quietUntil.set(group, now + CLAIMS_PAUSE_MS)
    // Where logs do not tell, what was there at the start is taken to be known.
    const guess = Math.max(dispute.low, Math.min(top, group.loadedOwn))
    const n = dispute.low >= top ? dispute.low : guess
    if (n >= group.provenOwn) this.#host.renew(group, n, peer, now)
    else {
      // Others have what we wrote as we did: it is not for us to give way.
      const text = `another store writes as ${dispute.replica}, seen at ${peer.id}`
      this.#host.alarm(`replica-forked: group ${group.name}: ${text}`)
      this.#host.announce(group, undefined)
    }
  }

  tick(now: Millis): void {
    for (const [group, dispute] of [...this.#disputes]) {
      if (dispute.deadlineAt > now) continue
      dispute.unanswered += 1
      if (dispute.unanswered < QUESTIONS_MAX) {
        this.#ask(group, dispute, dispute.asked, now)
        continue
      }
      this.#host.dropped('identity-claim')
      this.#quietUntil.set(group, now + CLAIMS_PAUSE_MS)
      this.#close(group)
      this.#host.announce(group, undefined)
    }
  }

  peerDown(peer: Peer): void {
    for (const [group, dispute] of [...this.#disputes]) {
      if (dispute.peer !== peer) continue
      this.#close(group)
      this.#host.announce(group, undefined)
    }
  }

  #close(group: Group): void {
    group.isDisputed = false
    this.#disputes.delete(group)
  }

  #ask(group: Group, dispute: Dispute, top: number, now: Millis): void {
    const { peer, replica, low } = dispute
    dispute.deadlineAt = now + ANSWER_MS
    dispute.asked = top
    const dots: number[] = []
    for (let i = 1; i <= TRACE_DOTS_MAX; i++) {
      const n = low + Math.ceil(((top - low) * i) / TRACE_DOTS_MAX)
      if (n > (dots.at(-1) ?? low)) dots.push(n)
    }
    this.#host.send(peer, 'control', { type: 'trace', group: group.name, replica, dots })
  }
}
