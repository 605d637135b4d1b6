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
  readonly #openAt: Millis
  /** Earliest arrival of the next frame, by protocol. */
  readonly #lastArrival: Map<string, Millis> = new Map()
  #queuedBytes = 0
  #held: OutboundFrame[] = []
  #heldSince: Millis = 0
  #isRetrying = false
  #isClosed = false

  /** @param openAt nothing arrives before: the other end does not know of the link yet */
  constructor(options: PipeOptions, openAt: Millis) {
    this.#options = options
    this.#openAt = openAt
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
    const delayMs = conditions.latencyMs + conditions.jitterMs * random.next()
    const isLost = loss > 0 && random.next() < loss
    if (isLost && conditions.lossMode === 'vanish') {
      this.#lose(frame)
      return
    }
    const lateMs = (): Millis => conditions.reorderMs * random.next()
    if (conditions.duplicate > 0 && random.next() < conditions.duplicate) {
      stats.framesDuplicated += 1
      this.#queuedBytes += frame.bytes.length
      this.#schedule(frame, world.now + delayMs + lateMs(), false)
    }
    const isLate = conditions.reorder > 0 && random.next() < conditions.reorder
    if (isLate) stats.framesReordered += 1
    const at = world.now + delayMs
    this.#schedule(frame, isLate ? at + lateMs() : this.#inOrder(frame, at), isLost)
  }

  #inOrder(frame: OutboundFrame, arrival: Millis): Millis {
    const behind = (this.#lastArrival.get(frame.protocol) ?? 0) + ORDER_GAP_MS
    const at = Math.max(arrival, behind, this.#openAt + ORDER_GAP_MS)
    this.#lastArrival.set(frame.protocol, at)
    return at
  }

  #schedule(frame: OutboundFrame, at: Millis, isLost: boolean): void {
    const { world } = this.#options
    const afterOpen = Math.max(at, this.#openAt + ORDER_GAP_MS)
    world.schedule(afterOpen - world.now, () => this.#arrive(frame, isLost))
  }

  #arrive(frame: OutboundFrame, isLost: boolean): void {
    const isCut = this.#options.isCut()
    if (!isCut && !isLost && this.#held.length === 0) {
      this.#deliver(frame)
      return
    }
    const isGone = isCut && this.#options.conditions().cutMode !== 'hold'
    if (this.#isClosed || isGone) this.#lose(frame)
    else this.#hold(frame)
  }

  #lose(frame: OutboundFrame): void {
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

  /** The first frame held is sent again; once it is through, those behind it are there too. */
  #retry(timeoutMs: Millis): void {
    const { world, random, stats } = this.#options
    world.schedule(timeoutMs, () => {
      if (this.#isClosed) return
      stats.framesRetransmitted += 1
      const isCut = this.#options.isCut()
      const loss = this.#options.loss()
      if (isCut || (loss > 0 && random.next() < loss)) {
        if (world.now - this.#heldSince > GIVE_UP_MS) this.#options.gaveUp()
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
