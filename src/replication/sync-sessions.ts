import type { Millis } from '../base/core.ts'
import { Comparisons } from './comparisons.ts'
import type { Fragments } from './fragments.ts'
import type { SyncFrame } from './frames.ts'
import type { Host } from './host.ts'
import type { Peer } from './peer.ts'
import { Pulls } from './pulls.ts'
import { serve } from './serve.ts'

type Frame<Type extends SyncFrame['type']> = Extract<SyncFrame, { type: Type }>

/**
 * Anti-entropy. One exchange:
 *
 *     A → B  summary or digest      equal: B → A equal; done
 *     B → A  pull (B's vector)      A answers with events … end, and pulls itself where B's vector is ahead
 *     A → B  pull (A's vector)      B answers with events … end
 *     then whoever finds itself equal says so by a digest that wants no answer
 *
 * Nothing is remembered between two frames that a loss could make wrong: a digest restarts everything, a
 * pull says all that its answer needs, a lost end is a timeout that leads to the next digest. Equal vectors
 * with different fingerprints must never happen and raise an alarm.
 */
export class SyncSessions {
  readonly comparisons: Comparisons
  readonly pulls: Pulls
  readonly #host: Host

  constructor(host: Host, fragments: Fragments) {
    this.#host = host
    this.pulls = new Pulls(host, fragments, {
      compare: (peer, now) => this.comparisons.compare(peer, now),
      tell: (peer, group) => this.comparisons.tell(peer, group),
      learn: (peer, group, item, now) => this.comparisons.learn(peer, group, item, now),
    })
    this.comparisons = new Comparisons(host, this.pulls)
  }

  nextDeadline(): Millis | undefined {
    const [round, pull] = [this.comparisons.nextDeadline(), this.pulls.nextDeadline()]
    if (round === undefined || pull === undefined) return round ?? pull
    return Math.min(round, pull)
  }

  peerUp(peer: Peer, now: Millis): void {
    this.comparisons.compare(peer, now)
    this.comparisons.disturb(now)
  }

  peerDown(peer: Peer, now: Millis): void {
    this.pulls.peerDown(peer, now)
    this.comparisons.peerDown()
  }

  tick(now: Millis): void {
    this.pulls.tick(now)
    this.comparisons.tick(now)
  }

  onPull(peer: Peer, frame: Frame<'pull'>, now: Millis): void {
    const group = this.#host.groupFrom(frame.group)
    if (group === undefined) return
    const { tunables } = this.#host
    if (!peer.mayServe(now, tunables.serveBytesPerSecond)) {
      this.#host.dropped('sync-rate')
      return
    }
    peer.learnVector(group, frame.vector)
    this.#host.acked(group)
    const self = this.#host.writerOf(group)
    let isBehind = false
    for (const { replica, n } of frame.vector) {
      const have = group.state.haveOf(replica)
      if (replica === self) group.ackedOwn = Math.max(group.ackedOwn, Math.min(n, have))
      if (n <= have) continue
      isBehind = true
      if (replica === self) this.#host.suspect(peer, group, now)
    }
    const credit = Math.min(frame.credit, tunables.windowBytes)
    const withheld = group.isDisputed ? { replica: self, n: group.state.haveOf(self) } : undefined
    const answer = serve(group, frame, { credit, withheld }, this.#host.runs)
    peer.spend(answer.bytes + frame.vector.length)
    for (const bytes of answer.frames) this.#host.sendBytes(peer, 'bulk', bytes)
    if (isBehind) this.pulls.pull(peer, group, now)
  }
}
