/** What one node tells of another, or an event of a user. */
export interface Rumour {
  readonly kind: 'alive' | 'suspect' | 'dead' | 'event'
  /** Index of the node it is about, or number of the event. */
  readonly subject: number
  readonly incarnation: number
  readonly from: number
}

interface Queued {
  readonly rumour: Rumour
  readonly order: number
  transmits: number
}

/** Rumours that fit one packet of 1,400 bytes beside a probe. */
const PER_PACKET_MAX = 20

/** Rumours waiting to ride with packets: the least sent first, each a bounded number of times. */
export class RumourQueue {
  /** One of each subject: a newer one takes the place of an older. */
  readonly #queued: Map<string, Queued> = new Map()
  #order = 0

  add(rumour: Rumour): void {
    this.#order += 1
    const key = rumour.kind === 'event' ? `event ${rumour.subject}` : `node ${rumour.subject}`
    this.#queued.set(key, { rumour, order: this.#order, transmits: 0 })
  }

  /** Takes the rumours for one packet; each was then sent once more. */
  take(transmitsMax: number): readonly Rumour[] {
    if (this.#queued.size === 0) return []
    const waiting = [...this.#queued].sort(
      ([, a], [, b]) => a.transmits - b.transmits || b.order - a.order,
    )
    const taken: Rumour[] = []
    for (const [key, item] of waiting.slice(0, PER_PACKET_MAX)) {
      taken.push(item.rumour)
      item.transmits += 1
      if (item.transmits >= transmitsMax) this.#queued.delete(key)
    }
    return taken
  }
}
