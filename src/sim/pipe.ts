import type { Millis } from '../base/core.ts'
import type { Random } from '../base/random.ts'
import type { OutboundFrame } from '../engine/ports.ts'
import type { NetworkConditions, NetworkStats } from './network-conditions.ts'
import type { World } from './world.ts'

/** The platform's bound on what waits for one peer. */
export const SEND_QUEUE_BYTES_MAX: number = 1024 * 1024
/** First retransmission timeout of Linux TCP; it doubles up to the maximum. */
const RETRANSMIT_MS_MIN = 200
const RETRANSMIT_MS_MAX = 120_000
/** Linux gives a connection up after about 15 minutes of silence (tcp_retries2 = 15). */
const GIVE_UP_MS = 924_000
/** Keeps the order of two frames that would arrive at one instant. */
const ORDER_GAP_MS = 0.001

export interface PipeOptions {
  readonly world: World
  readonly random: Random
  readonly stats: NetworkStats
  readonly conditions: () => NetworkConditions
  /** Share of frames lost on this path now. */
  readonly loss: () => number
  readonly isCut: () => boolean
  /** The frame is at the other host; call `taken` when its process has it. */
  readonly deliver: (frame: OutboundFrame, taken: () => void) => void
  readonly gaveUp: () => void
}

/**
 * One direction of a link: ordered per protocol (each has a stream of its own), and a lost frame holds back
 * everything behind it, as one TCP connection does.
 */
export class Pipe {
  readonly #options: PipeOptions
  /** Earliest arrival of the next frame, by protocol. */
  readonly #lastArrival: Map<string, Millis> = new Map()
  #blockedUntil: Millis
  #queuedBytes = 0
  #held: OutboundFrame[] = []
  #heldSince: Millis = 0
  #isRetrying = false
  #isClosed = false

  /** @param openAt nothing arrives before: the other end does not know of the link yet */
  constructor(options: PipeOptions, openAt: Millis) {
    this.#options = options
    this.#blockedUntil = openAt
  }

  /** @returns false when the queue is full or the pipe is closed */
  send(frame: OutboundFrame): boolean {
    const { stats } = this.#options
    if (this.#isClosed || this.#queuedBytes + frame.bytes.length > SEND_QUEUE_BYTES_MAX) {
      stats.framesRefused += 1
      return false
    }
    this.#queuedBytes += frame.bytes.length
    stats.framesSent += 1
    // Copied: the sender may go on writing into its buffer.
    this.#transmit({ ...frame, bytes: frame.bytes.slice() })
    return true
  }

  /** Nothing more goes in; what is on its way still arrives, as from a process that just died. */
  close(): void {
    this.#isClosed = true
    this.#held = []
  }

  #transmit(frame: OutboundFrame): void {
    const { world, random, stats } = this.#options
    const conditions = this.#options.conditions()
    const loss = this.#options.loss()
    let delayMs = conditions.latencyMs + conditions.jitterMs * random.next()
    if (loss > 0 && random.next() < loss) {
      if (conditions.lossMode === 'vanish') {
        stats.framesLost += 1
        this.#queuedBytes -= frame.bytes.length
        return
      }
      delayMs += this.#retransmitMs(loss)
      this.#blockedUntil = Math.max(this.#blockedUntil, world.now + delayMs)
    }
    if (conditions.duplicate > 0 && random.next() < conditions.duplicate) {
      stats.framesDuplicated += 1
      this.#queuedBytes += frame.bytes.length
      const againAt = world.now + delayMs + conditions.reorderMs * random.next()
      this.#schedule(frame, Math.max(againAt, this.#blockedUntil + ORDER_GAP_MS))
    }
    if (conditions.reorder > 0 && random.next() < conditions.reorder) {
      stats.framesReordered += 1
      const lateAt = world.now + delayMs + conditions.reorderMs * random.next()
      this.#schedule(frame, Math.max(lateAt, this.#blockedUntil + ORDER_GAP_MS))
      return
    }
    this.#schedule(frame, this.#inOrder(frame, world.now + delayMs))
  }

  #inOrder(frame: OutboundFrame, arrival: Millis): Millis {
    const behind = (this.#lastArrival.get(frame.protocol) ?? 0) + ORDER_GAP_MS
    const at = Math.max(arrival, behind, this.#blockedUntil + ORDER_GAP_MS)
    this.#lastArrival.set(frame.protocol, at)
    return at
  }

  #retransmitMs(loss: number): Millis {
    const { random, stats } = this.#options
    let totalMs = 0
    let timeoutMs = RETRANSMIT_MS_MIN
    do {
      totalMs += timeoutMs
      timeoutMs = Math.min(RETRANSMIT_MS_MAX, timeoutMs * 2)
      stats.framesRetransmitted += 1
    } while (random.next() < loss && totalMs < GIVE_UP_MS)
    return totalMs
  }

  #schedule(frame: OutboundFrame, at: Millis): void {
    const { world } = this.#options
    world.schedule(at - world.now, () => this.#arrive(frame))
  }

  #arrive(frame: OutboundFrame): void {
    if (this.#held.length > 0) {
      this.#hold(frame)
      return
    }
    if (!this.#options.isCut()) {
      this.#deliver(frame)
      return
    }
    if (this.#options.conditions().cutMode === 'hold' && !this.#isClosed) {
      this.#hold(frame)
      return
    }
    this.#options.stats.framesLost += 1
    this.#queuedBytes -= frame.bytes.length
  }

  #deliver(frame: OutboundFrame): void {
    this.#options.deliver(frame, () => {
      this.#queuedBytes -= frame.bytes.length
    })
  }

  #hold(frame: OutboundFrame): void {
    this.#held.push(frame)
    this.#options.stats.framesHeld += 1
    if (this.#isRetrying) return
    this.#isRetrying = true
    this.#heldSince = this.#options.world.now
    this.#retry(RETRANSMIT_MS_MIN)
  }

  #retry(timeoutMs: Millis): void {
    this.#options.world.schedule(timeoutMs, () => {
      if (this.#isClosed) return
      if (this.#options.isCut()) {
        if (this.#options.world.now - this.#heldSince > GIVE_UP_MS) this.#options.gaveUp()
        else this.#retry(Math.min(RETRANSMIT_MS_MAX, timeoutMs * 2))
        return
      }
      this.#isRetrying = false
      const held = this.#held
      this.#held = []
      for (const frame of held) this.#deliver(frame)
    })
  }
}
