import type { Protocol } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'

/** Counts the frames of a node. */
export class FrameCounter {
  /** Handed to links, and come. */
  sent = 0
  received = 0
  readonly #heard = new Map<PeerId, Record<Protocol, number>>()

  linkUp(peer: PeerId): void {
    this.#heard.set(peer, { member: 0, sync: 0, kv: 0 })
  }

  linkDown(peer: PeerId): void {
    this.#heard.delete(peer)
  }

  came(peer: PeerId, protocol: Protocol): void {
    this.received += 1
    const heard = this.#heard.get(peer)
    if (heard !== undefined) heard[protocol] += 1
  }

  /** What came over the open link of a peer, by protocol; undefined without a link. */
  from(peer: PeerId): Readonly<Record<Protocol, number>> | undefined {
    return this.#heard.get(peer)
  }
}
