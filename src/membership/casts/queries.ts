import type { Millis } from '../../base/core.ts'
import type { PeerId } from '../../base/ids.ts'
import { earlier } from '../shared.ts'
import { type Answer, signAnswer, verifyAnswer } from './answer.ts'
import type { Way } from './broadcasts.ts'
import { castId, type SignedCast } from './cast.ts'
import { type CastContext, dropCast, sendCast } from './cast-context.ts'
import type { QueryAnswer } from './cast-io.ts'
import {
  ANSWER_DELAY_MS,
  QUERIES_MAX,
  QUERY_BYTES_MAX,
  RELAYED_MAX,
  ROUTES_MAX,
} from './cast-limits.ts'
import type { CastLink } from './cast-links.ts'
import type { Sender } from './sender.ts'

/** A query of this node. */
interface Query {
  readonly request: number
  readonly startedAt: Millis
  readonly deadline: Millis
  readonly answers: Map<PeerId, QueryAnswer>
  bytes: number
}

/** A question of somebody else: by which links it came, and so the ways back. */
interface Route {
  readonly asker: PeerId
  readonly askerKey: Uint8Array
  readonly epoch: number
  readonly sequence: number
  readonly relayFactor: number
  readonly deadline: Millis
  /** Links nearer to the asker than this node. */
  readonly parents: PeerId[]
  /** Links as far from it: for this node's own answer only, or answers would wander. */
  readonly siblings: PeerId[]
  /** Links between the asker and this node. */
  hops: number
  /** Signatures of answers relayed. */
  readonly relayed: Set<string>
  own: { readonly answer: Answer; readonly at: Millis } | undefined
  hasAnswered: boolean
}

/**
 * Queries: a question floods like a broadcast; every member answers, signed, over its own link to the
 * asker when there is one, else back along the links by which the question came, up to `relayFactor`
 * of them. The asker collects until the deadline or until every live member has answered.
 */
export class Queries {
  readonly #context: CastContext
  readonly #queries: Map<string, Query> = new Map()
  readonly #routes: Map<string, Route> = new Map()
  /** Answers that came after their query had ended. */
  late = 0

  constructor(context: CastContext) {
    this.#context = context
  }

  get isFull(): boolean {
    return this.#queries.size >= QUERIES_MAX
  }

  /** This node has asked. */
  ask(request: number, cast: SignedCast, now: Millis): void {
    const deadline = now + (cast.asking?.withinMs ?? 0)
    const id = castId(this.#context.self().peerId, cast)
    const answers = new Map()
    this.#queries.set(id, { request, startedAt: now, deadline, answers, bytes: 0 })
  }

  cancel(request: number): void {
    for (const [id, query] of this.#queries) {
      if (query.request === request) this.#queries.delete(id)
    }
  }

  /** A question of somebody else came. */
  came(sender: Sender, cast: SignedCast, from: Way, now: Millis): void {
    if (cast.asking === undefined) return
    if (this.#routes.size >= ROUTES_MAX) {
      dropCast(this.#context, 'queries-full')
      return
    }
    const { epoch, sequence } = cast
    this.#routes.set(castId(sender.peerId, cast), {
      asker: sender.peerId,
      askerKey: sender.publicKey,
      epoch,
      sequence,
      relayFactor: cast.asking.relayFactor,
      deadline: now + cast.asking.withinMs,
      parents: [from.peer],
      siblings: [],
      hops: from.hops + 1,
      relayed: new Set(),
      own: undefined,
      hasAnswered: false,
    })
  }

  /** Another way back. */
  cameAgain(sender: Sender, cast: SignedCast, { peer, hops }: Way): void {
    if (cast.asking === undefined) return
    const route = this.#routes.get(castId(sender.peerId, cast))
    if (route === undefined || hops > route.hops) return
    const ways = hops < route.hops ? route.parents : route.siblings
    if (!ways.includes(peer)) ways.push(peer)
    route.hops = Math.min(route.hops, hops + 1)
  }

  /** What this node has to say to a question, its own or somebody else's. */
  answer(
    id: string,
    content: { readonly status: Answer['status']; readonly payload: Uint8Array },
    now: Millis,
  ): void {
    const { signer, network } = this.#context
    const query = this.#queries.get(id)
    if (query !== undefined) {
      this.#take(query, this.#context.self().peerId, content, now)
      return
    }
    const route = this.#routes.get(id)
    if (route === undefined) {
      this.#late()
      return
    }
    if (route.hasAnswered) return
    route.hasAnswered = true
    const { askerKey: asker, epoch, sequence } = route
    const answer = signAnswer(signer, network, { asker, epoch, sequence, ...content })
    // With one way back there is nothing to wait for.
    const at = route.relayFactor === 1 ? now : now + ANSWER_DELAY_MS
    route.own = { answer, at }
    this.work(now)
  }

  /** An answer came, for this node or to be relayed. */
  heard(from: CastLink, answer: Answer, now: Millis): void {
    if (!from.answers.take(now)) {
      dropCast(this.#context, 'answers-rate')
      return
    }
    const asker = this.#context.memberOf(answer.asker)
    if (asker === undefined) {
      dropCast(this.#context, 'answer-unasked')
      return
    }
    const id = castId(asker.peerId, answer)
    if (asker.peerId === this.#context.self().peerId) this.#collect(from, id, answer, now)
    else this.#relay(from, id, answer)
  }

  /** Ends what is over. @param ended told each query that has ended and who has not answered */
  work(now: Millis): void {
    for (const [id, route] of this.#routes) {
      if (route.own !== undefined && route.own.at <= now) {
        this.#send(route, route.own.answer)
        route.own = undefined
      }
      if (route.deadline <= now) this.#routes.delete(id)
    }
    for (const [id, query] of this.#queries) {
      const isDue = query.deadline <= now
      if (!isDue && query.answers.size < this.#context.liveCount()) continue
      const silent = this.#silent(query)
      if (!isDue && silent.length > 0) continue
      this.#queries.delete(id)
      const { request, startedAt } = query
      const answers = [...query.answers.values()]
      const result = { id, answers, silent, elapsedMs: now - startedAt }
      this.#context.outbox.push({ type: 'query-done', request, result })
    }
  }

  nextDeadline(): Millis | undefined {
    let earliest: Millis | undefined
    for (const { deadline } of this.#queries.values()) earliest = earlier(earliest, deadline)
    for (const { deadline, own } of this.#routes.values()) {
      earliest = earlier(earliest, earlier(deadline, own?.at))
    }
    return earliest
  }

  #silent(query: Query): PeerId[] {
    return this.#context.live().filter((peerId) => !query.answers.has(peerId))
  }

  #collect(from: CastLink, id: string, answer: Answer, now: Millis): void {
    const { signer, network } = this.#context
    const query = this.#queries.get(id)
    if (query === undefined) {
      this.#late()
      return
    }
    const responder = this.#context.memberOf(answer.responder)
    if (responder === undefined) dropCast(this.#context, 'answer-of-unknown')
    else if (query.answers.has(responder.peerId)) return
    else if (verifyAnswer(signer, network, answer)) {
      const { status, payload } = answer
      this.#take(query, responder.peerId, { status, payload: payload.slice() }, now)
    } else {
      dropCast(this.#context, 'answer-signature')
      // Relays look at no signature: only who should have signed it itself is to blame.
      if (responder.peerId === from.peerId) from.forged(now)
    }
  }

  #take(
    query: Query,
    peer: PeerId,
    content: { readonly status: Answer['status']; readonly payload: Uint8Array },
    now: Millis,
  ): void {
    if (query.bytes + content.payload.length > QUERY_BYTES_MAX) {
      dropCast(this.#context, 'answers-full')
      return
    }
    query.bytes += content.payload.length
    query.answers.set(peer, { peer, ...content, elapsedMs: now - query.startedAt })
  }

  /** By its signature, so that a forged one does not keep the true one away. */
  #relay(from: CastLink, id: string, answer: Answer): void {
    const route = this.#routes.get(id)
    if (route === undefined) {
      this.#late()
      return
    }
    const mark = String.fromCharCode(...answer.signature.subarray(0, 16))
    if (route.relayed.has(mark)) return
    if (route.relayed.size >= RELAYED_MAX) {
      dropCast(this.#context, 'answers-full')
      return
    }
    route.relayed.add(mark)
    this.#send(route, answer, from.peerId)
  }

  #send(route: Route, answer: Answer, from?: PeerId): void {
    const { links } = this.#context
    const ways = new Set([route.asker, ...route.parents])
    if (from === undefined) for (const peer of route.siblings) ways.add(peer)
    const open = [...ways].filter((peer) => peer !== from && links.of(peer) !== undefined)
    if (open.length === 0) dropCast(this.#context, 'answer-without-way')
    for (const peer of open.slice(0, route.relayFactor)) {
      sendCast(this.#context, peer, { type: 'answer', answer })
    }
  }

  #late(): void {
    this.late += 1
    dropCast(this.#context, 'answer-late')
  }
}
