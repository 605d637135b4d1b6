import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import { encodeRelayVerdict, type RelayVerdict } from './frame.ts'
import type { Link } from './link.ts'
import { pingTimeoutMs } from './ping-schedule.ts'
import type { Prober } from './prober.ts'
import { earlier, type Shared } from './shared.ts'

/** Requests in work for all peers together. */
const REQUESTS_MAX = 256
/** A relay answers `silent` after this share of the budget, so that its answer is in time. */
const ANSWER_SHARE = 0.8
/** A target that does not run for less is not told of. */
const PATIENCE_MS_MIN = 250

interface Request {
  readonly requester: PeerId
  readonly sequence: number
  readonly target: PeerId
  readonly deadline: Millis
  readonly wasLinked: boolean
}

/**
 * Probes others on behalf of a peer (SWIM's ping-req): pings the target at once and reports the first
 * sign of life, or silence in time. Without a link it asks for one; that the target was admitted is
 * sign enough.
 */
export class Relay {
  readonly #shared: Shared
  readonly #prober: Prober
  #requests: Request[] = []

  constructor(shared: Shared, prober: Prober) {
    this.#shared = shared
    this.#prober = prober
  }

  /** @param dial asks for a link to a member; false when that cannot be */
  requested(
    requester: Link,
    request: { readonly sequence: number; readonly target: Uint8Array; readonly budgetMs: Millis },
    options: {
      readonly dial: (peerId: PeerId) => boolean
      readonly self: PeerId
      readonly now: Millis
    },
  ): void {
    const { table, links, outbox } = this.#shared
    const { sequence } = request
    const target = table.find(request.target)
    if (target?.peerId === options.self) {
      this.#reply(requester.peerId, sequence, 'alive')
      return
    }
    if (this.#requests.length >= REQUESTS_MAX) {
      outbox.push({ type: 'dropped', reason: 'relay-full' })
      return
    }
    const link = target === undefined ? undefined : links.get(target.peerId)
    const canReach = link !== undefined || (target !== undefined && options.dial(target.peerId))
    if (target === undefined || !canReach) {
      this.#reply(requester.peerId, sequence, 'unlinked')
      return
    }
    this.#requests.push({
      requester: requester.peerId,
      sequence,
      target: target.peerId,
      deadline: options.now + this.#patienceMs(request.budgetMs, link, options.now),
      wasLinked: link !== undefined,
    })
    if (link !== undefined) this.#prober.ping(link, 'extra', options.now)
  }

  /** A peer gave a sign of life, or was linked. */
  heard(peerId: PeerId): void {
    if (this.#requests.length === 0) return
    this.#requests = this.#requests.filter((request) => {
      if (request.target !== peerId) return true
      this.#reply(request.requester, request.sequence, 'alive')
      return false
    })
  }

  work(now: Millis): void {
    if (!this.#requests.some(({ deadline }) => deadline <= now)) return
    this.#requests = this.#requests.filter((request) => {
      if (request.deadline > now) return true
      this.#reply(request.requester, request.sequence, request.wasLinked ? 'silent' : 'unlinked')
      return false
    })
  }

  /** What we did not hear while we stalled is no silence. */
  stalled(): void {
    this.#requests = []
  }

  nextDeadline(): Millis | undefined {
    let earliest: Millis | undefined
    for (const { deadline } of this.#requests) earliest = earlier(earliest, deadline)
    return earliest
  }

  /** Two round trips on a link of our own are enough to tell, whatever the budget. */
  #patienceMs(budgetMs: Millis, link: Link | undefined, now: Millis): Millis {
    const share = budgetMs * ANSWER_SHARE
    if (link === undefined) return share
    return Math.min(share, Math.max(PATIENCE_MS_MIN, 2 * pingTimeoutMs(this.#shared, link, now)))
  }

  #reply(peer: PeerId, sequence: number, verdict: RelayVerdict): void {
    const bytes = encodeRelayVerdict(sequence, verdict)
    this.#shared.outbox.push({ type: 'send', peer, lane: 'probe', bytes })
  }
}
