import type { EventHub } from './event-hub.ts'
import type { NodeEvent } from './node-types.ts'

/** What must reach somebody even when it happened before there was a node to subscribe to. */
const HELD: ReadonlySet<NodeEvent['type']> = new Set(['alarm', 'fatal'])
/** Opening a node raises a handful of alarms at most. */
const HELD_MAX = 256

/** The way of events to the hub: alarms and failures wait until whoever opens the node can have subscribed. */
export class EarlyEvents {
  readonly #hub: EventHub
  #held: NodeEvent[] | undefined = []

  constructor(hub: EventHub) {
    this.#hub = hub
  }

  emit(event: NodeEvent): void {
    if (this.#held === undefined || !HELD.has(event.type)) this.#hub.emit(event)
    else if (this.#held.length < HELD_MAX || event.type === 'fatal') this.#held.push(event)
  }

  /** The node is handed out: what was held is told a turn later, in its order. */
  release(): void {
    setTimeout(() => {
      const held = this.#held ?? []
      this.#held = undefined
      for (const event of held) this.#hub.emit(event)
    }, 0)
  }
}
