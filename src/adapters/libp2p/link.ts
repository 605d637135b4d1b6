import { compareText, equalBytes } from '../../base/bytes.ts'
import type { Millis, Protocol } from '../../base/core.ts'
import type { PeerId } from '../../base/ids.ts'
import type { OutboundFrame } from '../../engine/ports.ts'
import { unref } from '../common/timers.ts'
import { type HostLimits, PROTOCOLS } from './options.ts'
import { PIECE_BYTES_MAX, type Piece, SendQueue } from './send-queue.ts'
import type { Wire } from './wire.ts'

/** How long a half-sent frame may hold up the move to another connection: the old one may be dead. */
const MOVE_MS: Millis = 200

/**
 * Everything about one peer: its admitted connections, what waits to be sent, whether a dial is
 * under way. Up while one admitted connection remains; written on one of them at a time.
 *
 * When both ends dialled at once there are two connections. Each end writes on the one admitted
 * last; after a grace period the end with the smaller peer id keeps its choice and retires the
 * others: the other end moves its writing away and closes them.
 */
export class Link {
  readonly peer: PeerId
  isDialling = false
  readonly #limits: HostLimits
  #queue: SendQueue
  #wires: Wire[] = []
  #writer: Wire | undefined
  /** The connection to write on as soon as no frame is half sent. */
  #next: Wire | undefined
  #isScheduled = false
  #retireTimer: NodeJS.Timeout | undefined

  constructor(peer: PeerId, limits: HostLimits) {
    this.peer = peer
    this.#limits = limits
    this.#queue = new SendQueue(limits.queueBytesMax)
  }

  get isUp(): boolean {
    return this.#wires.length > 0
  }

  get wires(): readonly Wire[] {
    return this.#wires
  }

  /** The connections of an earlier life of the peer, which has restarted since. */
  stale(session: Uint8Array): readonly Wire[] {
    return this.#wires.filter((wire) => !equalBytes(wire.session, session))
  }

  /** @param isLeader whether this end retires redundant connections */
  add(wire: Wire, isLeader: boolean): void {
    this.#wires.push(wire)
    if (this.#writer === undefined) this.#writer = wire
    else if (!wire.isCheck) this.#moveTo(wire)
    if (isLeader && this.#wires.length > 1) this.#scheduleRetire()
    this.pump()
  }

  remove(wire: Wire): void {
    this.#wires = this.#wires.filter((each) => each !== wire)
    if (this.#next === wire) this.#next = undefined
    if (this.#writer === wire) {
      for (const protocol of PROTOCOLS) this.#queue.abandon(protocol)
      this.#writer = this.#next ?? this.#wires.at(-1)
      this.#next = undefined
    }
    if (this.#wires.length === 0) this.#clear()
    else this.pump()
  }

  /** Drops every connection and all that waits; the caller ends the connections. */
  reset(): readonly Wire[] {
    const wires = this.#wires
    this.#wires = []
    this.#writer = undefined
    this.#next = undefined
    this.#clear()
    return wires
  }

  /** Forgets what waits, when a dial failed. */
  drop(): void {
    this.#clear()
  }

  /** @returns false when the frame was dropped */
  send(frame: OutboundFrame): boolean {
    if (!this.isUp && !this.isDialling) return false
    const isQueued = this.#queue.push(frame)
    this.pump()
    return isQueued
  }

  /** The remote end asked to leave a redundant connection; the only one is kept. */
  leave(wire: Wire): void {
    const others = this.#wires.filter((each) => each !== wire)
    const other = others.at(-1)
    if (other === undefined) return
    if (this.#next === wire || this.#next === undefined) this.#moveTo(other)
    this.pump()
    unref(setTimeout(() => void wire.close(), this.#limits.retireAfterMs))
  }

  streamClosed(wire: Wire, protocol: Protocol): void {
    if (wire === this.#writer) this.#queue.abandon(protocol)
    this.pump()
  }

  /** Writes soon: what one step of the driver sends leaves together. */
  pump(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      this.#write()
    })
  }

  #write(): void {
    for (;;) {
      if (this.#next !== undefined && this.#queue.begun.length === 0) {
        this.#writer = this.#next
        this.#next = undefined
      }
      const wire = this.#writer
      if (wire === undefined || !wire.isAdmitted) return
      const pieces = this.#gather(wire)
      const protocol = pieces[0]?.protocol
      if (protocol === undefined) break
      if (!wire.write(protocol, pieces)) this.#queue.abandon(protocol)
    }
    for (const protocol of PROTOCOLS) {
      if (this.#queue.hasFor(protocol)) this.#writer?.open(protocol)
    }
  }

  /** Pieces of one protocol that may leave in one write. */
  #gather(wire: Wire): Piece[] {
    const pieces: Piece[] = []
    let bytes = 0
    let only: Protocol | undefined
    while (bytes < PIECE_BYTES_MAX / 2) {
      const piece = this.#queue.next({
        isReady: (protocol) => (only ?? protocol) === protocol && wire.isReady(protocol),
        mayBulk: wire.inFlightBytes < this.#limits.bulkInFlightBytesMax,
        mayStart: this.#next === undefined,
      })
      if (piece === undefined) break
      pieces.push(piece)
      only = piece.protocol
      bytes += piece.bytes.length
    }
    return pieces
  }

  /** Writes on another connection as soon as no frame is half sent, or soon anyway. */
  #moveTo(wire: Wire): void {
    this.#next = wire
    const finish = (): void => {
      if (this.#next !== wire) return
      for (const protocol of this.#queue.begun) {
        this.#writer?.reset(protocol)
        this.#queue.abandon(protocol)
      }
      this.pump()
    }
    unref(setTimeout(finish, MOVE_MS))
  }

  #scheduleRetire(): void {
    if (this.#retireTimer !== undefined) return
    this.#retireTimer = setTimeout(() => {
      this.#retireTimer = undefined
      const kept = this.#next ?? this.#writer
      for (const wire of this.#wires) if (wire !== kept) wire.retire()
    }, this.#limits.retireAfterMs)
    unref(this.#retireTimer)
  }

  #clear(): void {
    clearTimeout(this.#retireTimer)
    this.#retireTimer = undefined
    this.#queue = new SendQueue(this.#limits.queueBytesMax)
  }
}

/** One end of each pair decides, the same on both. */
export function isLeaderOf(self: PeerId, remote: PeerId): boolean {
  return compareText(self, remote) < 0
}
