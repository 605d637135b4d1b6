import type { Lane, Protocol } from '../../base/core.ts'
import type { OutboundFrame } from '../../engine/ports.ts'
import { beginFrame, FRAME_HEADER_BYTES } from './frame-reader.ts'
import { PROTOCOLS, QUEUE_RESERVE } from './options.ts'

/** Largest piece handed to a stream: a probe waits behind at most one of them per stream. */
export const PIECE_BYTES_MAX: number = 16 * 1024

/** Shares of the wire while several lanes wait; probes go before all of them. */
const WEIGHTS = { control: 8, user: 4, bulk: 1 } as const
const LANES: readonly Lane[] = ['probe', 'control', 'user', 'bulk']
const SHARED_LANES = ['control', 'user', 'bulk'] as const

/** Part of a frame, header included. */
export interface Piece {
  readonly protocol: Protocol
  readonly lane: Lane
  readonly bytes: Uint8Array
}

interface Entry {
  /** The first piece. */
  readonly first: Uint8Array
  /** What follows it, a view of the frame. */
  readonly rest: Uint8Array
  readonly bytes: number
  readonly order: number
  sent: number
}

/** First in, first out, with a look at the head. */
class Fifo {
  #items: Entry[] = []
  #head = 0

  get first(): Entry | undefined {
    return this.#items[this.#head]
  }

  push(entry: Entry): void {
    this.#items.push(entry)
  }

  shift(): void {
    this.#head += 1
    if (this.#head * 2 > this.#items.length && this.#head > 32) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
  }
}

type Row = Record<Protocol, Fifo>

const newRow = (): Row => ({ member: new Fifo(), sync: new Fifo(), kv: new Fifo() })

/**
 * What waits for one peer: bounded bytes, by lane. Frames of one protocol and lane keep their order.
 *
 * Probes leave first. Control, user and bulk share the rest by weight (fair queueing by virtual
 * time: the lane with the least weighted bytes goes next), so that none starves. A frame that has
 * begun on a stream is finished before another begins on it.
 */
export class SendQueue {
  readonly #bytesMax: number
  readonly #rows: Record<Lane, Row> = {
    probe: newRow(),
    control: newRow(),
    user: newRow(),
    bulk: newRow(),
  }
  readonly #queued: Record<Lane, number> = { probe: 0, control: 0, user: 0, bulk: 0 }
  readonly #virtual = { control: 0, user: 0, bulk: 0 }
  /** Virtual time of the lane served last. */
  #clock = 0
  /** The lane whose frame is half sent, by protocol. */
  readonly #begun = new Map<Protocol, Lane>()
  #bytes = 0
  #order = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Protocols whose stream has taken part of a frame only. */
  get begun(): readonly Protocol[] {
    return [...this.#begun.keys()]
  }

  /** Whether anything waits for a protocol. */
  hasFor(protocol: Protocol): boolean {
    return LANES.some((lane) => this.#rows[lane][protocol].first !== undefined)
  }

  /** @returns false when the frame does not fit beside what is reserved for other lanes */
  push(frame: Omit<OutboundFrame, 'peer'>): boolean {
    const { lane, protocol } = frame
    let reserved = 0
    for (const other of LANES) {
      if (other === lane) continue
      reserved += Math.max(0, QUEUE_RESERVE[other] * this.#bytesMax - this.#queued[other])
    }
    const bytes = FRAME_HEADER_BYTES + frame.bytes.length
    if (this.#bytes + bytes > this.#bytesMax - reserved) return false
    // A lane that had nothing to send gains no credit for that.
    if (this.#queued[lane] === 0 && lane !== 'probe') {
      this.#virtual[lane] = Math.max(this.#virtual[lane], this.#clock)
    }
    this.#order += 1
    const first = beginFrame(frame.bytes, PIECE_BYTES_MAX)
    const rest = frame.bytes.subarray(first.length - FRAME_HEADER_BYTES)
    this.#rows[lane][protocol].push({ first, rest, bytes, order: this.#order, sent: 0 })
    this.#count(lane, bytes)
    return true
  }

  /** The next piece for a stream that can take it; `mayStart` is false while only begun frames may go on. */
  next(options: {
    readonly isReady: (protocol: Protocol) => boolean
    readonly mayBulk: boolean
    readonly mayStart: boolean
  }): Piece | undefined {
    const probe = this.#candidate('probe', options)
    if (probe !== undefined) return this.#take('probe', probe)
    let best: { lane: (typeof SHARED_LANES)[number]; protocol: Protocol } | undefined
    for (const lane of SHARED_LANES) {
      if (lane === 'bulk' && !options.mayBulk) continue
      const protocol = this.#candidate(lane, options)
      if (protocol === undefined) continue
      if (best === undefined || this.#virtual[lane] < this.#virtual[best.lane]) {
        best = { lane, protocol }
      }
    }
    if (best === undefined) return undefined
    this.#clock = this.#virtual[best.lane]
    const piece = this.#take(best.lane, best.protocol)
    this.#virtual[best.lane] += piece.bytes.length / WEIGHTS[best.lane]
    return piece
  }

  /** Forgets the frame that was half sent on a stream that broke. */
  abandon(protocol: Protocol): void {
    const lane = this.#begun.get(protocol)
    if (lane === undefined) return
    const fifo = this.#rows[lane][protocol]
    const entry = fifo.first
    if (entry !== undefined) {
      this.#count(lane, entry.sent - entry.bytes)
      fifo.shift()
    }
    this.#begun.delete(protocol)
  }

  /** The protocol whose oldest frame in a lane may be sent now. */
  #candidate(
    lane: Lane,
    options: { isReady: (protocol: Protocol) => boolean; mayStart: boolean },
  ): Protocol | undefined {
    let chosen: Protocol | undefined
    let oldest = Number.POSITIVE_INFINITY
    for (const protocol of PROTOCOLS) {
      const entry = this.#rows[lane][protocol].first
      if (entry === undefined || entry.order >= oldest) continue
      const begun = this.#begun.get(protocol)
      if (begun === undefined ? !options.mayStart : begun !== lane) continue
      if (!options.isReady(protocol)) continue
      chosen = protocol
      oldest = entry.order
    }
    return chosen
  }

  #take(lane: Lane, protocol: Protocol): Piece {
    const fifo = this.#rows[lane][protocol]
    const entry = fifo.first
    if (entry === undefined) return { protocol, lane, bytes: new Uint8Array(0) }
    const at = entry.sent - entry.first.length
    const bytes = at < 0 ? entry.first : entry.rest.subarray(at, at + PIECE_BYTES_MAX)
    entry.sent += bytes.length
    this.#count(lane, -bytes.length)
    if (entry.sent === entry.bytes) {
      fifo.shift()
      this.#begun.delete(protocol)
    } else {
      this.#begun.set(protocol, lane)
    }
    return { protocol, lane, bytes }
  }

  #count(lane: Lane, bytes: number): void {
    this.#queued[lane] += bytes
    this.#bytes += bytes
  }
}
