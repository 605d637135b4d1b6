import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import { recordRumour } from './flood.ts'
import type { Shared } from './shared.ts'
import { type Entry, isLive } from './table.ts'

/** Neighbours that must know before the node may go; all of them when there are fewer. */
const ACKS = 2
/** The goodbye is repeated until then. */
const REPEAT_MS = 100

/** A graceful end: the signed `left` record is told to every neighbour until two have confirmed it. */
export class Departure {
  readonly #shared: Shared
  readonly #self: Entry
  readonly #deadline: Millis
  readonly #acked = new Set<PeerId>()
  readonly #needed: number
  #repeatAt: Millis
  #isOver = false

  /** @param self already marked as left */
  constructor(shared: Shared, self: Entry, now: Millis) {
    this.#shared = shared
    this.#self = self
    this.#deadline = now + shared.tunables.leaveMs
    this.#repeatAt = now + REPEAT_MS
    let neighbours = 0
    for (const peerId of shared.links.keys()) {
      const entry = shared.table.of(peerId)
      if (entry !== undefined && isLive(entry)) neighbours += 1
    }
    this.#needed = Math.min(ACKS, neighbours)
    this.#tell(now)
  }

  get isOver(): boolean {
    return this.#isOver
  }

  acked(peerId: PeerId, ack: { readonly epoch: number; readonly incarnation: number }): void {
    const { epoch, incarnation } = this.#self.claims.record
    if (ack.epoch === epoch && ack.incarnation === incarnation) this.#acked.add(peerId)
  }

  work(now: Millis): void {
    if (this.#isOver) return
    if (this.#acked.size >= this.#needed || this.#deadline <= now) {
      this.#isOver = true
      this.#shared.outbox.push({ type: 'left' })
    } else if (this.#repeatAt <= now) {
      this.#tell(now)
    }
  }

  nextDeadline(): Millis | undefined {
    return this.#isOver ? undefined : Math.min(this.#deadline, this.#repeatAt)
  }

  #tell(now: Millis): void {
    this.#repeatAt = now + REPEAT_MS
    const rumour = recordRumour(this.#self)
    for (const link of this.#shared.links.values()) this.#shared.flood.tell(link, rumour, now)
  }
}
