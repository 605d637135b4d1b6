import { utf8 } from '../../base/bytes.ts'
import type { Millis } from '../../base/core.ts'
import { HearsayError } from '../../base/errors.ts'
import type { PeerId } from '../../base/ids.ts'
import type { CastClaim } from '../frame.ts'
import type { Link } from '../link.ts'
import { earlier } from '../shared.ts'
import { Broadcasts, type CastCounts } from './broadcasts.ts'
import { castId } from './cast.ts'
import { type CastContext, type CastSurroundings, dropCast } from './cast-context.ts'
import { decodeCastFrame } from './cast-frame.ts'
import type { CastInput } from './cast-io.ts'
import {
  ANSWER_BYTES_MAX,
  CAST_NAME_BYTES_MAX,
  PAYLOAD_BYTES_MAX,
  RELAY_FACTOR_MAX,
  WITHIN_MS_MAX,
} from './cast-limits.ts'
import { CastLinks } from './cast-links.ts'
import { Queries } from './queries.ts'
import type { WholeCast } from './sender.ts'

/** Broadcasts and queries over the links of the membership: one part of its core. */
export class Casts {
  readonly #context: CastContext
  readonly #broadcasts: Broadcasts
  readonly #queries: Queries

  constructor(surroundings: CastSurroundings, now: Millis) {
    const context: CastContext = { ...surroundings, links: new CastLinks(), startedAt: now }
    const queries = new Queries(context)
    this.#context = context
    this.#queries = queries
    this.#broadcasts = new Broadcasts(context, {
      delivered: (whole, at) => this.#delivered(whole, at),
      came: (sender, cast, from, at) => queries.came(sender, cast, from, at),
      cameAgain: (sender, cast, from) => queries.cameAgain(sender, cast, from),
    })
  }

  /** What happened since the start, and what is kept now. */
  get counts(): Readonly<CastCounts> & {
    readonly forgotten: number
    readonly late: number
    readonly stored: number
    readonly storedBytes: number
  } {
    const { counts, store } = this.#broadcasts
    const { forgotten, size: stored, bytes: storedBytes } = store
    return { ...counts, forgotten, late: this.#queries.late, stored, storedBytes }
  }

  linkUp(link: Link, now: Millis): void {
    const fresh = this.#context.links.up(link, now)
    if (fresh !== undefined) this.#broadcasts.repair.linkUp(fresh, now)
  }

  linkDown(peer: PeerId): void {
    this.#context.links.down(peer)
    this.#broadcasts.senders.linkDown(peer)
  }

  input(input: CastInput, now: Millis): void {
    switch (input.type) {
      case 'broadcast':
      case 'query':
        this.#cast(input, now)
        return
      case 'answer': {
        const isTooLong = input.payload.length > ANSWER_BYTES_MAX
        if (isTooLong) dropCast(this.#context, 'answer-too-long')
        const content = isTooLong
          ? ({ status: 'failed', payload: new Uint8Array(0) } as const)
          : { status: input.status, payload: input.payload }
        this.#queries.answer(input.id, content, now)
        return
      }
      case 'cancel':
        this.#queries.cancel(input.request)
    }
  }

  /** A frame about casts came over a link. */
  frame(peer: PeerId, bytes: Uint8Array, now: Millis): void {
    const from = this.#context.links.of(peer)
    if (from === undefined) return
    if (from.isMuted(now)) {
      dropCast(this.#context, 'cast-link-muted')
      return
    }
    const decoded = decodeCastFrame(bytes)
    if (!decoded.ok) {
      dropCast(this.#context, 'frame-malformed')
      return
    }
    const frame = decoded.value
    switch (frame.type) {
      case 'cast':
        this.#broadcasts.heard(from, frame, now)
        return
      case 'piece': {
        const sender = this.#broadcasts.senders.known(frame.sender)
        if (sender !== undefined) this.#broadcasts.pieces.heard(from, sender, frame, now)
        return
      }
      case 'want':
        this.#broadcasts.repair.asked(from, frame.ranges, now)
        return
      case 'graft': {
        if (!from.wants.take(now)) {
          dropCast(this.#context, 'cast-wants-rate')
          return
        }
        const sender = this.#broadcasts.senders.known(frame.sender)
        if (sender !== undefined) this.#broadcasts.pieces.grafted(from, sender, frame, now)
        return
      }
      case 'prune':
        from.isEager = false
        return
      case 'answer':
        this.#queries.heard(from, frame.answer, now)
    }
  }

  /** A neighbour says what it holds. */
  hinted(peer: PeerId, claim: CastClaim, now: Millis): void {
    const from = this.#context.links.of(peer)
    const sender = from === undefined ? undefined : this.#broadcasts.senders.of(claim.subject, now)
    // Only what is signed begins another life: the record or a cast.
    if (from === undefined || sender?.epoch !== claim.epoch) return
    this.#broadcasts.repair.hinted(from, sender, claim.highest, now)
  }

  work(now: Millis): void {
    this.#broadcasts.work(now)
    this.#queries.work(now)
  }

  nextDeadline(now: Millis): Millis | undefined {
    return earlier(this.#broadcasts.nextDeadline(now), this.#queries.nextDeadline())
  }

  #cast(input: CastInput & { readonly type: 'broadcast' | 'query' }, now: Millis): void {
    const { request, name, payload, type } = input
    const asking =
      input.type === 'query'
        ? { withinMs: Math.ceil(input.withinMs), relayFactor: input.relayFactor }
        : undefined
    const refusal = this.#refusal(input)
    const cast =
      refusal === undefined ? this.#broadcasts.send({ name, payload, asking }, now) : undefined
    const { outbox } = this.#context
    if (cast === undefined) {
      const error = refusal ?? overloaded(type, 'this node has sent too much lately')
      outbox.push({ type: 'cast-refused', request, error })
    } else if (asking === undefined) {
      const id = castId(this.#context.self().peerId, cast)
      outbox.push({ type: 'broadcast-sent', request, id })
    } else this.#queries.ask(request, cast, now)
  }

  #refusal(
    input: CastInput & { readonly type: 'broadcast' | 'query' },
  ): HearsayError | RangeError | undefined {
    const { type, name, payload } = input
    const length = name.isWellFormed() ? utf8(name).length : 0
    if (length === 0 || length > CAST_NAME_BYTES_MAX) {
      return limit(
        `Cannot ${type}: the name has ${length} bytes, expected 1 … ${CAST_NAME_BYTES_MAX}`,
      )
    }
    if (payload.length > PAYLOAD_BYTES_MAX) {
      return limit(`Cannot ${type}: more than ${PAYLOAD_BYTES_MAX} bytes: ${payload.length}`)
    }
    if (input.type === 'broadcast') return undefined
    const { withinMs, relayFactor } = input
    if (!(withinMs > 0 && withinMs <= WITHIN_MS_MAX)) {
      return new RangeError(`Cannot query: expected 1 … ${WITHIN_MS_MAX} ms: ${withinMs}`)
    }
    if (!Number.isInteger(relayFactor) || relayFactor < 1 || relayFactor > RELAY_FACTOR_MAX) {
      return new RangeError(
        `Cannot query: expected relayFactor 1 … ${RELAY_FACTOR_MAX}: ${relayFactor}`,
      )
    }
    return this.#queries.isFull ? overloaded(type, 'too many queries wait for answers') : undefined
  }

  #delivered({ sender, cast, payload, at, ageMs }: WholeCast, now: Millis): void {
    const { outbox } = this.#context
    const { peerId: peer } = sender
    const { name, asking } = cast
    const id = castId(peer, cast)
    if (asking === undefined) {
      outbox.push({ type: 'broadcast', id, peer, name, payload })
      return
    }
    const withinMs = asking.withinMs - ageMs - (now - at)
    if (withinMs > 0) outbox.push({ type: 'question', id, peer, name, payload, withinMs })
  }
}

function limit(message: string): HearsayError {
  return new HearsayError('ERR_LIMIT', message, {
    hint: 'Put what is larger into the DHT and send its key',
  })
}

function overloaded(type: string, why: string): HearsayError {
  return new HearsayError('ERR_OVERLOADED', `Cannot ${type}: ${why}`, {
    hint: 'Send fewer a second: wait a moment and try again',
  })
}
