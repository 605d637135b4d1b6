/**
 * Requests under way. A call is one request to any number of peers under one id; per peer it is sent,
 * sent again when no answer comes (frames may be lost, requests are idempotent), held back while the
 * peer is busy, and ends as an answer or as a failure. Whoever opened the call hears of each end once.
 */
import type { Lane, Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import type { Random } from '../base/random.ts'
import { BulkWindow, type Passage } from './bulk-window.ts'
import type { KvReply } from './frame.ts'
import type { KvOutput } from './kv-contract.ts'
import type { KvTunables } from './options.ts'
import type { PeerTable } from './peer-table.ts'
import { Alarm, type Timers } from './timers.ts'

/** Each wait for an answer after the first is so much longer. */
const RETRY_GROWTH = 1.5
/** Larger frames wait in queues: sent again too soon they would only make them longer. */
const LARGE_FRAME_BYTES = 16_384
const LARGE_RETRY_FACTOR = 4
/** A peer that says busy more often than this in one call counts as silent. */
const BUSY_MAX = 8
const BUSY_MS_MIN: Millis = 10
/** A busy peer is taken at its word up to here. */
const BUSY_MS_MAX: Millis = 5_000

/** Why a peer gave no answer: its link or dial failed, or nothing came. */
export type CallFailure = 'unreachable' | 'silent'

/** An answer that ends a request; `busy` is dealt with before. */
export type CallReply = Exclude<KvReply, { readonly type: 'busy' }>

export interface CallListener {
  answered(peer: PeerId, reply: CallReply, now: Millis): void
  failed(peer: PeerId, failure: CallFailure, now: Millis): void
}

export interface CallOptions {
  /** The request's bytes under its id. */
  readonly frame: (id: number) => Uint8Array
  readonly lane: Lane
  readonly listener: CallListener
  /** Whether its answers tell how fast a peer reads. */
  readonly isRead?: boolean
}

export interface CallsOptions {
  readonly tunables: KvTunables
  readonly random: Random
  readonly timers: Timers
  readonly peers: PeerTable
  readonly emit: (output: KvOutput) => void
}

/** What calls share. */
interface Shared extends CallsOptions {
  readonly window: BulkWindow
}

/** All open calls, by id. */
export class Calls {
  readonly options: Shared
  readonly #open = new Map<number, Call>()
  /** Starts at random, so that an answer to a request before a restart meets no request of now. */
  #lastId: number

  constructor(options: CallsOptions) {
    this.options = { ...options, window: new BulkWindow(options.timers) }
    this.#lastId = options.random.uint32() * 2 ** 16
  }

  open(options: CallOptions): Call {
    this.#lastId += 1
    const id = this.#lastId
    const call = new Call(this.options, { ...options, id, closed: () => this.#open.delete(id) })
    this.#open.set(id, call)
    return call
  }

  /** An answer arrived. Late and unasked ones find nothing and are ignored. */
  answered(peer: PeerId, reply: KvReply, now: Millis): void {
    this.#open.get(reply.id)?.answered(peer, reply, now)
  }

  /** Fails what waits for a peer. */
  unreachable(peer: PeerId, now: Millis): void {
    this.options.peers.noteFailure(peer, this.options.tunables.avoidMs, now)
    for (const call of [...this.#open.values()]) call.unreachable(peer, now)
  }
}

interface Attempt extends Passage {
  tries: number
  busy: number
  sentAt: Millis
  /** When it is sent again, or given up; infinite while it waits for its turn. */
  dueAt: Millis
}

/** One request under way, see the head of this file. */
export class Call {
  readonly #shared: Shared
  readonly #options: CallOptions & { readonly id: number; readonly closed: () => void }
  readonly #frame: Uint8Array
  readonly #attempts = new Map<PeerId, Attempt>()
  readonly #alarm: Alarm = new Alarm((now) => this.#due(now))

  constructor(
    shared: Shared,
    options: CallOptions & { readonly id: number; readonly closed: () => void },
  ) {
    this.#shared = shared
    this.#options = options
    this.#frame = options.frame(options.id)
  }

  /** Peers asked that have neither answered nor failed. */
  get waiting(): number {
    return this.#attempts.size
  }

  isWaitingFor(peer: PeerId): boolean {
    return this.#attempts.has(peer)
  }

  /** Sends the request to a peer, at once or when it is no longer busy. */
  ask(peer: PeerId, now: Millis): void {
    if (this.#attempts.has(peer)) return
    const attempt: Attempt = {
      ...{ peer, bytes: this.#frame.length, tries: 0, busy: 0 },
      ...{ sentAt: now, dueAt: Number.POSITIVE_INFINITY },
      start: (at) => this.#start(attempt, at),
    }
    this.#attempts.set(peer, attempt)
    if (this.#isLarge) this.#shared.window.enter(attempt, now)
    else this.#start(attempt, now)
  }

  /** Ends it without a word. */
  close(): void {
    for (const attempt of this.#attempts.values()) {
      if (this.#isLarge) this.#shared.window.leave(attempt, undefined)
    }
    this.#attempts.clear()
    this.#alarm.clear()
    this.#options.closed()
  }

  answered(peer: PeerId, reply: KvReply, now: Millis): void {
    const attempt = this.#attempts.get(peer)
    if (attempt === undefined) return
    if (reply.type === 'busy') {
      this.#postpone(attempt, reply.retryAfterMs, now)
      return
    }
    this.#end(attempt, now)
    this.#shared.peers.noteAnswer(peer)
    if (this.#options.isRead === true && attempt.tries === 1) {
      this.#shared.peers.noteLatency(peer, Math.max(0, now - attempt.sentAt))
    }
    this.#arm()
    this.#options.listener.answered(peer, reply, now)
  }

  unreachable(peer: PeerId, now: Millis): void {
    const attempt = this.#attempts.get(peer)
    if (attempt === undefined) return
    this.#end(attempt, now)
    this.#arm()
    this.#options.listener.failed(peer, 'unreachable', now)
  }

  get #isLarge(): boolean {
    return this.#frame.length > LARGE_FRAME_BYTES
  }

  #start(attempt: Attempt, now: Millis): void {
    const busyUntil = Math.min(this.#shared.peers.busyUntil(attempt.peer), now + BUSY_MS_MAX)
    if (busyUntil > now) attempt.dueAt = busyUntil
    else this.#send(attempt, now)
    this.#arm()
  }

  #end(attempt: Attempt, now: Millis): void {
    this.#attempts.delete(attempt.peer)
    if (this.#isLarge) this.#shared.window.leave(attempt, now)
  }

  #postpone(attempt: Attempt, retryAfterMs: Millis, now: Millis): void {
    // Behind those it postponed before: together again they would only be too many again.
    const from = Math.max(now, this.#shared.peers.busyUntil(attempt.peer))
    const until = Math.min(now + BUSY_MS_MAX, from + Math.max(BUSY_MS_MIN, retryAfterMs))
    this.#shared.peers.noteBusy(attempt.peer, until)
    attempt.busy += 1
    attempt.tries = Math.max(0, attempt.tries - 1)
    if (attempt.busy > BUSY_MAX) attempt.tries = this.#shared.tunables.tries
    attempt.dueAt = until
    this.#arm()
  }

  #send(attempt: Attempt, now: Millis): void {
    const retryMs = this.#shared.tunables.retryMs * (this.#isLarge ? LARGE_RETRY_FACTOR : 1)
    attempt.tries += 1
    attempt.sentAt = now
    attempt.dueAt = now + (attempt.tries === 1 ? retryMs : retryMs * RETRY_GROWTH)
    const { lane } = this.#options
    const { peer } = attempt
    this.#shared.emit({ type: 'send', peer, lane, bytes: this.#frame, gated: false })
  }

  #due(now: Millis): void {
    const silent: Attempt[] = []
    for (const attempt of this.#attempts.values()) {
      if (attempt.dueAt > now) continue
      if (attempt.tries < this.#shared.tunables.tries) this.#send(attempt, now)
      else silent.push(attempt)
    }
    for (const attempt of silent) {
      if (!this.#attempts.has(attempt.peer)) continue
      this.#end(attempt, now)
      this.#options.listener.failed(attempt.peer, 'silent', now)
    }
    this.#arm()
  }

  #arm(): void {
    let next = Number.POSITIVE_INFINITY
    for (const { dueAt } of this.#attempts.values()) next = Math.min(next, dueAt)
    if (next === Number.POSITIVE_INFINITY) this.#alarm.clear()
    else this.#shared.timers.set(this.#alarm, next)
  }
}
