/**
 * One write, from its placement to the answer of its caller.
 *
 * The record goes to the N members closest to its key at once, suspects included. A replica that
 * cannot be reached is replaced by the next closest live member, whose acknowledgement counts too, and
 * asked again twice while it is alive: links come and go. The caller hears as soon as `required`
 * replicas acknowledged; the rest is still sent. Required is counted over the members that should
 * exist, those lost recently included, so that the small side of a partition does not call three of
 * its own a majority of five.
 */
import type { Millis } from '../base/core.ts'
import { type HearsayError, QuorumError } from '../base/errors.ts'
import { stampAt } from '../base/hybrid-clock.ts'
import type { PeerId } from '../base/ids.ts'
import { authorOf, type DhtRecord, versionText } from '../records/record.ts'
import { select } from '../records/select.ts'
import type { Call, CallFailure, CallReply } from './calls.ts'
import { encodeFrame, ITEM_CHECK_BYTES, ITEM_PREFIX_BYTES, isMarked } from './frame.ts'
import { type KvContext, keepIfOurs, type RecordPlace, recordInAnswer } from './kv-context.ts'
import { versionConflict } from './refusals.ts'
import { Alarm } from './timers.ts'

/** Larger records do not overtake other bulk: small ones must not wait behind them. */
const BULK_BYTES = 16_384
/** A replica that is alive and could not be reached is asked again after so long, so often. */
const AGAIN_MS: Millis = 250
const AGAIN_MAX = 2
/** Next closest members tried in all, as a multiple of N. */
const SPARES_FACTOR = 2

export interface PutOptions {
  readonly request: number
  readonly place: RecordPlace
  readonly record: DhtRecord
  /** Acknowledgements for success. */
  readonly required: number
  /** Immutable records: whoever holds it until then is not sent it. Undefined: all are, unasked. */
  readonly enoughAt: Millis | undefined
  /** Called once, when the caller has its answer, with whether some replica keeps what was written. */
  readonly answered: (isKept: boolean) => void
  /** Called once, when nothing more will be sent or answered. */
  readonly finished: () => void
}

export class PutOperation {
  readonly #context: KvContext
  readonly #options: PutOptions
  readonly #call: Call
  /** Asks who holds it already; undefined: nobody is asked. */
  readonly #question: Call | undefined
  readonly #alarm: Alarm = new Alarm((now) => this.#timeUp(now))
  readonly #required: number
  readonly #degraded: boolean
  readonly #acks: PeerId[] = []
  /** Acknowledgements of those who held it before. */
  #held = 0
  /** Members whose place a spare took, while there was one. */
  readonly #replaced = new Set<PeerId>()
  /** Replicas that will be asked again. */
  readonly #again = new Set<PeerId>()
  readonly #againAlarm: Alarm = new Alarm((now) => this.#againDue(now))
  #rounds = 0
  /** Members that may replace an unreachable replica, the closest last. */
  #spares: PeerId[] = []
  #reason = ''
  #superseded = false
  #isAnswered = false
  #deadline: Millis = 0

  constructor(context: KvContext, options: PutOptions) {
    this.#context = context
    this.#options = options
    const members = context.ring().size
    this.#required = options.required
    this.#degraded = members < context.replication
    this.#call = context.calls.open({
      frame: (id) => encodeFrame({ type: 'put', id, record: options.record.bytes }),
      lane: options.record.bytes.length > BULK_BYTES ? 'bulk' : 'user',
      listener: this,
    })
    const { enoughAt } = options
    this.#question = enoughAt === undefined ? undefined : this.#openQuestion(enoughAt)
  }

  #openQuestion(enoughAt: Millis): Call {
    const prefix = this.#options.place.id.subarray(0, ITEM_PREFIX_BYTES)
    const item = { prefix, rank: stampAt(enoughAt), check: new Uint8Array(ITEM_CHECK_BYTES) }
    return this.#context.calls.open({
      frame: (id) => encodeFrame({ type: 'items', id, whole: undefined, items: [item] }),
      lane: 'user',
      listener: this,
    })
  }

  #ask(peer: PeerId, now: Millis): void {
    const call = this.#question ?? this.#call
    call.ask(peer, now)
  }

  get #waiting(): number {
    return this.#call.waiting + (this.#question?.waiting ?? 0) + this.#again.size
  }

  start(now: Millis): void {
    const { replication, tunables, timers } = this.#context
    const { id } = this.#options.place
    const near = this.#context.placement.closest(id, replication * (1 + SPARES_FACTOR), now)
    const spares = near.slice(replication).filter(({ isSuspect }) => !isSuspect)
    this.#spares = spares.map(({ peerId }) => peerId).reverse()
    this.#deadline = now + tunables.putTimeoutMs
    timers.set(this.#alarm, this.#deadline)
    for (const { peerId } of near.slice(0, replication)) this.#ask(peerId, now)
  }

  /** The caller gave up. */
  cancel(): void {
    this.#isAnswered = true
    this.#finish()
  }

  answered(peer: PeerId, reply: CallReply, now: Millis): void {
    switch (reply.type) {
      case 'stored':
        this.#acks.push(peer)
        break
      case 'superseded':
        this.#yield(peer, reply.record, now)
        break
      case 'refused':
        this.#reason = reply.reason
        break
      case 'wanted':
        if (isMarked(reply.held, 0)) {
          this.#held += 1
          this.#acks.push(peer)
        } else this.#call.ask(peer, now)
        break
      default:
        this.#reason = 'answer of another kind'
    }
    this.#settle(now)
  }

  failed(peer: PeerId, failure: CallFailure, now: Millis): void {
    this.#reason = `${peer.slice(-8)} is ${failure}`
    const spare = this.#replaced.has(peer) ? undefined : this.#spares.pop()
    this.#replaced.add(peer)
    if (spare !== undefined) this.#ask(spare, now)
    const isAlive = this.#context.ring().member(peer)?.isSuspect === false
    if (isAlive && failure === 'unreachable' && this.#rounds < AGAIN_MAX) {
      this.#again.add(peer)
      this.#context.timers.set(this.#againAlarm, now + AGAIN_MS)
    }
    this.#settle(now)
  }

  #againDue(now: Millis): void {
    this.#rounds += 1
    const peers = [...this.#again]
    this.#again.clear()
    for (const peer of peers) this.#ask(peer, now)
  }

  /** A replica holds something newer, which stays: hear of it, so that the next write here wins. */
  #yield(peer: PeerId, bytes: Uint8Array | undefined, now: Millis): void {
    const { record, place } = this.#options
    const { recordKey } = place
    const newer =
      bytes === undefined ? undefined : recordInAnswer(this.#context, { bytes, recordKey }, now)
    const isOlder = newer !== undefined && select(newer, record).order <= 0
    // An answer that proves nothing is no acknowledgement.
    if (isOlder || (bytes !== undefined && newer === undefined)) return
    if (newer !== undefined) keepIfOurs(this.#context, newer, now)
    if (record.namespace === 'o') {
      this.#refuse(versionConflict(place.address.key, 'a replica holds a newer version'))
      return
    }
    this.#acks.push(peer)
    if (record.namespace === 'k') this.#superseded = true
  }

  #settle(now: Millis): void {
    const waiting = this.#waiting
    if (!this.#isAnswered && this.#acks.length >= this.#required) this.#succeed()
    if (waiting === 0) {
      this.#timeUp(now)
    } else if (!this.#isAnswered && this.#acks.length + waiting < this.#required) {
      const graceAt = now + this.#context.tunables.failGraceMs
      const at = Math.min(this.#alarm.at ?? this.#deadline, graceAt)
      this.#context.timers.set(this.#alarm, at)
    }
  }

  #succeed(): void {
    const { request, place, record } = this.#options
    this.#isAnswered = true
    this.#context.timers.set(this.#alarm, this.#deadline)
    this.#context.emit({
      type: 'put-done',
      request,
      key: place.address.key,
      version: versionText(record.stamp, authorOf(record)),
      acks: this.#acks.length,
      required: this.#required,
      replicas: [...this.#acks],
      held: this.#held,
      degraded: this.#degraded,
      superseded: this.#superseded,
    })
    this.#options.answered(!this.#superseded)
  }

  /** Nothing to wait for any more, or no time: whoever still waits hears why. */
  #timeUp(_now: Millis): void {
    if (!this.#isAnswered) {
      const acks = this.#acks.length
      const required = this.#required
      const why = this.#reason === '' ? 'no answer in time' : this.#reason
      const message = `Cannot store ${JSON.stringify(this.#options.place.address.key)}: ${acks} of ${required} required replicas acknowledged, ${why}`
      this.#refuse(new QuorumError(message, { acks, required }))
    }
    this.#finish()
  }

  #refuse(error: HearsayError): void {
    if (this.#isAnswered) return
    this.#isAnswered = true
    this.#context.emit({ type: 'refused', request: this.#options.request, error })
    this.#options.answered(this.#acks.length > 0 && !this.#superseded)
  }

  #finish(): void {
    this.#alarm.clear()
    this.#againAlarm.clear()
    this.#call.close()
    this.#question?.close()
    this.#options.finished()
  }
}
