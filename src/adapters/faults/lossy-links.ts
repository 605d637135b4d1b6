import type { Millis } from '../../base/core.ts'
import type { Random } from '../../base/random.ts'
import type { LinkListener, LinkPort, OutboundFrame } from '../../engine/ports.ts'
import type { FaultTimers } from './fault-timers.ts'

/** Frames that wait in the delay line, all peers together; beyond it send() answers false. */
export const DELAYED_BYTES_MAX: number = 4 * 1_048_576
/** A minute one way is beyond every network a node is expected to work in. */
export const LATENCY_MS_MAX = 60_000

interface Delayed {
  readonly frame: OutboundFrame
  dueAt: Millis
}

/** Links that lose a share of the outgoing frames and delay the others, in their order. */
export class LossyLinks implements LinkPort {
  readonly #inner: LinkPort
  readonly #random: Random
  readonly #timers: FaultTimers
  #lossShare = 0
  #latencyMs = 0
  #line: Delayed[] = []
  #lineBytes = 0
  #cancel: (() => void) | undefined

  constructor(inner: LinkPort, random: Random, timers: FaultTimers) {
    this.#inner = inner
    this.#random = random
    this.#timers = timers
  }

  /** @param share of frames that vanish @throws {RangeError} outside 0 … 1 */
  loss(share: number): void {
    if (!(share >= 0 && share <= 1)) {
      throw new RangeError(`Cannot set loss: expected a share in 0 … 1: ${share}`)
    }
    this.#lossShare = share
  }

  /** @param ms one way; a shorter one hurries the frames under way too @throws {RangeError} */
  latency(ms: number): void {
    if (!(ms >= 0 && ms <= LATENCY_MS_MAX)) {
      throw new RangeError(`Cannot set latency: expected ms in 0 … ${LATENCY_MS_MAX}: ${ms}`)
    }
    this.#latencyMs = ms
    const latest = this.#timers.now() + ms
    for (const delayed of this.#line) delayed.dueAt = Math.min(delayed.dueAt, latest)
    this.#arm()
  }

  listen(listener: LinkListener): void {
    this.#inner.listen(listener)
  }

  dial(...parameters: Parameters<LinkPort['dial']>): void {
    this.#inner.dial(...parameters)
  }

  join(address: string): void {
    this.#inner.join(address)
  }

  send(frame: OutboundFrame): boolean {
    if (this.#lossShare > 0 && this.#random.next() < this.#lossShare) return true
    if (this.#latencyMs === 0 && this.#line.length === 0) return this.#inner.send(frame)
    if (this.#lineBytes + frame.bytes.length > DELAYED_BYTES_MAX) return false
    // Never before the frame ahead, because a shorter latency hurries those: streams keep their order.
    this.#line.push({ frame, dueAt: this.#timers.now() + this.#latencyMs })
    this.#lineBytes += frame.bytes.length
    if (this.#cancel === undefined) this.#arm()
    return true
  }

  protect(...parameters: Parameters<LinkPort['protect']>): void {
    this.#inner.protect(...parameters)
  }

  close(...parameters: Parameters<LinkPort['close']>): void {
    this.#inner.close(...parameters)
  }

  #arm(): void {
    this.#cancel?.()
    this.#cancel = undefined
    const first = this.#line[0]
    if (first === undefined) return
    const waitMs = Math.max(0, first.dueAt - this.#timers.now())
    this.#cancel = this.#timers.after(waitMs, () => this.#release())
  }

  #release(): void {
    const now = this.#timers.now()
    const waiting = this.#line.findIndex((delayed) => delayed.dueAt > now)
    const due = this.#line.splice(0, waiting < 0 ? this.#line.length : waiting)
    for (const { frame } of due) {
      this.#lineBytes -= frame.bytes.length
      // A link that ended meanwhile took its frames with it.
      this.#inner.send(frame)
    }
    this.#arm()
  }
}
