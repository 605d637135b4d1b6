import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import { jitter, type Random } from '../base/random.ts'
import { isSlow, type Pulse } from './shared.ts'

/** Dials under way of a node whose event loop keeps up: more than the overlay ever wants at once. */
const DIALS_MAX = 16
/** At the start: each dial that succeeds makes room for one more. */
const DIALS_FIRST = 4
/** A dial that takes longer counts no more: peers that do not answer must not hold up the others … */
const COUNTED_MS = 1_000
/** … unless this node is slow: then it may be its own fault. */
const COUNTED_SLOW_MS = 6_000
/** Late by more is late by chance: nobody waits for it longer. */
const PAUSE_MAX_MS = 1_000
/** As late as counts (LATE_MS): a rarer look would not see it. */
const CHECK_MS = 100
/** The window is halved at most this often: the dials under way cannot tell of a smaller one sooner. */
const HALVED_EVERY_MS = 500
const JITTER_SHARE = 0.5

/**
 * How many dials may be under way. Handshakes are the most expensive thing a node does, and one
 * that times out because others were in its way is tried again: without a limit, a machine with too many nodes
 * does nothing else for ever. One more with each success and half as many on congestion, as TCP in its slow
 * start (Jacobson, 1988), where the signal of congestion is the lateness of this node's own timers;
 * who is late besides begins nothing for about as long again, once a dial.
 */
export class DialWindow {
  readonly #random: Random
  readonly #pulse: Pulse
  /** When the dials that count began, oldest first. */
  readonly #underWay = new Map<PeerId, Millis>()
  #size = DIALS_FIRST
  #notBefore: Millis = Number.NEGATIVE_INFINITY
  #mayPause = true
  #halvedAt: Millis = Number.NEGATIVE_INFINITY

  constructor(random: Random, pulse: Pulse) {
    this.#random = random
    this.#pulse = pulse
  }

  began(peerId: PeerId, now: Millis): void {
    this.#underWay.delete(peerId)
    this.#underWay.set(peerId, now)
    this.#mayPause = true
  }

  succeeded(peerId: PeerId): void {
    if (this.#underWay.delete(peerId)) this.#size = Math.min(DIALS_MAX, this.#size + 1)
  }

  failed(peerId: PeerId): void {
    this.#underWay.delete(peerId)
  }

  /** A timer of this node was later than LATE_MS. */
  late(lateMs: Millis, now: Millis): void {
    if (this.#mayPause) {
      // One pause a dial: whoever is late for ever still dials now and then.
      this.#mayPause = false
      this.#notBefore = now + jitter(this.#random, Math.min(lateMs, PAUSE_MAX_MS), JITTER_SHARE)
    }
    if (now - this.#halvedAt < HALVED_EVERY_MS) return
    this.#halvedAt = now
    this.#size = Math.max(1, this.#size / 2)
  }

  /** Whether this node keeps up well enough to dial where it need not. */
  isIdle(now: Millis): boolean {
    return !isSlow(this.#pulse, now) && this.isOpen(now)
  }

  /** While dials are under way, the clock is looked at this often, so that lateness is seen. */
  checkAt(now: Millis): Millis | undefined {
    return this.#underWay.size > 0 ? now + CHECK_MS : undefined
  }

  isOpen(now: Millis): boolean {
    return this.openAt(now) <= now
  }

  /** When the next dial may begin, unless one that is under way ends before. */
  openAt(now: Millis): Millis {
    const countedMs = isSlow(this.#pulse, now) ? COUNTED_SLOW_MS : COUNTED_MS
    let freeAt = now
    for (const [peerId, beganAt] of this.#underWay) {
      freeAt = beganAt + countedMs
      if (freeAt > now) break
      this.#underWay.delete(peerId)
    }
    const isFull = this.#underWay.size >= Math.floor(this.#size)
    return Math.max(isFull ? freeAt : now, this.#notBefore)
  }
}
