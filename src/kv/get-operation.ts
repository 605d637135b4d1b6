/**
 * One read, from the choice of replicas to the comparison after the answer.
 *
 * R = 1, hedged: the best replica is asked; when it is slow, the second; then the rest. A value is
 * answered as soon as it arrives. "Not found" is never believed of one replica alone: the others are
 * asked, and only a majority of the replicas (or all that can be reached), and after them the next N
 * members and a search of Kademlia, make it the answer. A reader may want more than the first value:
 * then as many replicas as its level asks for have spoken before the newest is answered. After a
 * value, one more replica is compared in the background, and whoever holds less receives the newest
 * record (read repair).
 */
import type { Millis } from '../base/core.ts'
import { HearsayError, QuorumError } from '../base/errors.ts'
import type { PeerId } from '../base/ids.ts'
import { randomInteger } from '../base/random.ts'
import type { DhtRecord } from '../records/record.ts'
import { select } from '../records/select.ts'
import type { Call, CallFailure, CallReply } from './calls.ts'
import { encodeFrame } from './frame.ts'
import {
  type KvContext,
  keepIfOurs,
  type RecordPlace,
  recordInAnswer,
  versionOf,
} from './kv-context.ts'
import { type Finding, LastResort } from './last-resort.ts'
import { pushRecord } from './push.ts'
import { hedgeMs, readOrder } from './read-order.ts'
import { Alarm } from './timers.ts'

/** Replicas that failed are asked again after so long, a few times while some answered, else to the end. */
const AGAIN_MS: Millis = 250
const AGAIN_MAX = 2
/** So long the next N members may take to find what the replicas do not hold. */
const WIDEN_MS: Millis = 500

export interface GetOptions {
  readonly place: RecordPlace
  /** Replicas that must have told what they hold before a value is answered. */
  readonly required: number
  /** Whether Kademlia is searched before there is nothing. */
  readonly isThorough: boolean
  /** A large value is expected: see KvInput. */
  readonly isLarge: boolean
  /** One of these is called, once, unless the caller gave up. Undefined: there is nothing. */
  readonly answer: (found: Finding | undefined, now: Millis) => void
  readonly refuse: (error: HearsayError) => void
  /** Called once, when nothing more will be sent or answered. */
  readonly finished: () => void
}

/** What the next ring of the step alarm means. */
type Step = 'hedge' | 'ask-again' | 'end-widening'

export class GetOperation {
  readonly #context: KvContext
  readonly #options: GetOptions
  readonly #call: Call
  /** The comparison after the answer. */
  #check: Call | undefined
  readonly #deadline: Alarm = new Alarm((now) => this.#timeUp(now))
  readonly #stepAlarm: Alarm = new Alarm((now) => this.#stepDue(now))
  #step: Step = 'hedge'
  /** The replicas in the order of asking; those before `#asked` were asked. */
  #replicas: readonly PeerId[] = []
  #asked = 0
  /** What replicas hold: a record, or undefined. */
  readonly #votes = new Map<PeerId, DhtRecord | undefined>()
  readonly #failures = new Map<PeerId, CallFailure>()
  #rounds = 0
  /** The members beyond the replicas that have not answered yet; undefined: not asked yet. */
  #wider: Set<PeerId> | undefined
  #best: DhtRecord | undefined
  #bestFrom: PeerId | undefined
  readonly #lastResort: LastResort
  #isAnswered = false

  constructor(context: KvContext, options: GetOptions) {
    this.#context = context
    this.#options = options
    this.#call = this.#open(undefined)
    this.#lastResort = new LastResort(context, options.place, options.isThorough)
  }

  start(now: Millis): void {
    const { replication, timers, tunables } = this.#context
    const { id } = this.#options.place
    const replicas = this.#context.placement.closest(id, replication, now)
    this.#replicas = readOrder(this.#context, id, replicas, now)
    timers.set(this.#deadline, now + tunables.getTimeoutMs)
    this.#askNext(now)
    if (this.#options.required > 1) this.#askRest(now)
  }

  /** The caller gave up. */
  cancel(): void {
    this.#finish()
  }

  answered(peer: PeerId, reply: CallReply, now: Millis): void {
    this.#wider?.delete(peer)
    if (reply.type === 'absent') {
      this.#votes.set(peer, undefined)
    } else if (reply.type === 'same') {
      this.#votes.set(peer, this.#best)
    } else {
      const bytes = reply.type === 'found' ? reply.record : EMPTY
      const { recordKey } = this.#options.place
      const record = recordInAnswer(this.#context, { bytes, recordKey }, now)
      if (record === undefined) {
        this.failed(peer, 'silent', now)
        return
      }
      this.#votes.set(peer, record)
    }
    if (this.#isAnswered) this.#compare(peer, now)
    else this.#decide(peer, now)
  }

  failed(peer: PeerId, failure: CallFailure, now: Millis): void {
    this.#failures.set(peer, failure)
    this.#wider?.delete(peer)
    if (this.#isAnswered) {
      this.#finishWhenIdle()
      return
    }
    if (this.#wider === undefined) this.#askNext(now)
    this.#conclude(now)
  }

  #open(known: DhtRecord | undefined): Call {
    const key = this.#options.place.recordKey
    const version = known === undefined ? undefined : versionOf(known)
    return this.#context.calls.open({
      frame: (id) => encodeFrame({ type: 'get', id, key, known: version }),
      lane: 'user',
      listener: this,
      isRead: !this.#options.isLarge,
    })
  }

  /** Asks the next replica, and sets when the one after it is asked as well. */
  #askNext(now: Millis): void {
    const peer = this.#replicas[this.#asked]
    if (peer === undefined) return
    this.#asked += 1
    this.#call.ask(peer, now)
    const { hedgeMsMax } = this.#context.tunables
    const afterMs = this.#options.isLarge ? hedgeMsMax : hedgeMs(this.#context, peer)
    this.#arm('hedge', now + afterMs)
  }

  #askRest(now: Millis): void {
    while (this.#asked < this.#replicas.length) this.#askNext(now)
  }

  #arm(step: Step, at: Millis): void {
    this.#step = step
    this.#context.timers.set(this.#stepAlarm, at)
  }

  #stepDue(now: Millis): void {
    if (this.#isAnswered) return
    switch (this.#step) {
      case 'hedge':
        this.#avoidTheSlow(now)
        if (this.#asked > 1) this.#askRest(now)
        else this.#askNext(now)
        return
      case 'ask-again': {
        const failed = [...this.#failures.keys()]
        this.#failures.clear()
        for (const peer of failed) this.#call.ask(peer, now)
        return
      }
      case 'end-widening':
        this.#answerMissing(now)
    }
  }

  /** Whoever made us hedge is asked last for a while, unless it answers. */
  #avoidTheSlow(now: Millis): void {
    for (const peer of this.#replicas.slice(0, this.#asked)) {
      const isOurs = peer === this.#context.signer.peerId
      if (!isOurs && this.#call.isWaitingFor(peer))
        this.#context.peers.noteFailure(peer, this.#context.tunables.avoidMs, now)
    }
  }

  #decide(peer: PeerId, now: Millis): void {
    const record = this.#votes.get(peer)
    if (record !== undefined && this.#isNewest(record)) {
      this.#best = record
      this.#bestFrom = peer
    }
    if (this.#best?.value !== undefined && this.#votes.size >= this.#options.required) {
      this.#answerFound(now)
      return
    }
    if (this.#wider === undefined) this.#askRest(now)
    this.#conclude(now)
  }

  #isNewest(record: DhtRecord): boolean {
    return this.#best === undefined || select(record, this.#best).order > 0
  }

  /** Whether what arrived without a value is enough to say that there is none. */
  #conclude(now: Millis): void {
    if (this.#wider !== undefined) {
      if (this.#wider.size === 0) this.#answerMissing(now)
      return
    }
    const { required } = this.#options
    if (this.#votes.size > this.#replicas.length / 2 && this.#votes.size >= required) {
      this.#widen(now)
      return
    }
    if (this.#call.waiting > 0 || this.#asked < this.#replicas.length) return
    const isRestUnreachable = [...this.#failures.values()].every((why) => why === 'unreachable')
    if (this.#votes.size >= required && isRestUnreachable && this.#rounds >= AGAIN_MAX) {
      this.#widen(now)
      return
    }
    this.#rounds += 1
    this.#arm('ask-again', now + AGAIN_MS)
  }

  /** Members change and writes fall back on the next closest: look there before saying no. */
  #widen(now: Millis): void {
    const { replication } = this.#context
    const { id } = this.#options.place
    const near = this.#context.placement.closest(id, 2 * replication, now)
    const beyond = near.filter((member) => {
      return !member.isSuspect && !this.#replicas.includes(member.peerId)
    })
    // A tombstone says more than an absence: nobody needs to be asked about it.
    this.#wider = new Set(this.#best === undefined ? beyond.map(({ peerId }) => peerId) : [])
    // A majority may lie, or have lost it: replicas that were asked and have not answered may still.
    for (const peer of this.#replicas) if (this.#call.isWaitingFor(peer)) this.#wider.add(peer)
    if (this.#wider.size === 0) {
      this.#answerMissing(now)
      return
    }
    this.#arm('end-widening', now + WIDEN_MS)
    for (const peer of [...this.#wider]) this.#call.ask(peer, now)
  }

  /** What is left may be a tombstone. */
  #answerMissing(now: Millis): void {
    if (this.#best === undefined && this.#isSearching(now)) return
    this.#isAnswered = true
    this.#options.answer(this.#finding(), now)
    this.#finish()
  }

  #isSearching(now: Millis): boolean {
    return this.#lastResort.isAwaited([...this.#votes.keys()], now, (finding, at) => {
      this.#best = finding?.record
      this.#bestFrom = finding?.from
      if (this.#best?.value === undefined) this.#answerMissing(at)
      else this.#answerFound(at)
    })
  }

  #finding(): Finding | undefined {
    const [record, from] = [this.#best, this.#bestFrom]
    return record === undefined || from === undefined ? undefined : { record, from }
  }

  #answerFound(now: Millis): void {
    this.#isAnswered = true
    this.#lastResort.stop()
    this.#stepAlarm.clear()
    this.#options.answer(this.#finding(), now)
    for (const voter of [...this.#votes.keys()]) this.#repair(voter, now)
    this.#compareOneMore(now)
    this.#finishWhenIdle()
  }

  /** Asks one more replica, unless a hedge asked one already. */
  #compareOneMore(now: Millis): void {
    const { random, tunables } = this.#context
    if (this.#call.waiting > 0 || random.next() >= tunables.readCheckShare) return
    const unasked = this.#replicas.slice(this.#asked).filter((peer) => this.#isHealthy(peer, now))
    const peer = unasked[randomInteger(random, unasked.length)]
    if (peer === undefined) return
    this.#check = this.#open(this.#best)
    this.#check.ask(peer, now)
  }

  #isHealthy(peer: PeerId, now: Millis): boolean {
    const { peers } = this.#context
    const isSuspect = this.#context.ring().member(peer)?.isSuspect ?? true
    const isAvoided = peers.avoidedUntil(peer) > now
    return !isSuspect && !isAvoided && peers.busyUntil(peer) <= now
  }

  /** An answer after the answer: whoever holds less gets the newest. */
  #compare(peer: PeerId, now: Millis): void {
    const record = this.#votes.get(peer)
    if (record !== undefined && this.#isNewest(record)) {
      this.#best = record
      keepIfOurs(this.#context, record, now)
      for (const voter of [...this.#votes.keys()]) this.#repair(voter, now)
    } else {
      this.#repair(peer, now)
    }
    this.#finishWhenIdle()
  }

  #repair(peer: PeerId, now: Millis): void {
    const record = this.#best
    if (record === undefined || !this.#replicas.includes(peer)) return
    const held = this.#votes.get(peer)
    if (held !== undefined && select(held, record).order >= 0) return
    this.#votes.set(peer, record)
    pushRecord(this.#context, { record, peer }, now)
  }

  #timeUp(now: Millis): void {
    if (this.#wider !== undefined && !this.#isAnswered) {
      this.#lastResort.stop()
      this.#answerMissing(now)
      return
    }
    if (!this.#isAnswered) this.#options.refuse(this.#timeoutError())
    this.#finish()
  }

  #timeoutError(): HearsayError {
    const [acks, required] = [this.#votes.size, this.#options.required]
    const key = JSON.stringify(this.#options.place.address.key)
    if (this.#best?.value !== undefined) {
      const message = `Cannot read ${key}: ${acks} of ${required} required replicas answered`
      return new QuorumError(message, { acks, required })
    }
    const message = `Cannot read ${key}: ${acks} of ${this.#replicas.length} replicas answered, without a value`
    const hint = 'Check "hearsay members"; read again when more members are alive'
    return new HearsayError('ERR_TIMEOUT', message, { hint })
  }

  #finishWhenIdle(): void {
    const isChecking = this.#check !== undefined && this.#check.waiting > 0
    if (this.#call.waiting === 0 && !isChecking) this.#finish()
  }

  #finish(): void {
    this.#isAnswered = true
    this.#lastResort.stop()
    this.#deadline.clear()
    this.#stepAlarm.clear()
    this.#call.close()
    this.#check?.close()
    this.#options.finished()
  }
}

/** Stands for the record of an answer that should hold one. */
const EMPTY: Uint8Array = new Uint8Array(0)
