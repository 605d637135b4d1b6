import type { PeerId } from '../base/ids.ts'
import type { SearchResult } from './ports.ts'

/** Peers remembered: as many as the regions of the DHT name. */
const STRANGERS_MAX = 4_096

/** Where peers that searches found can be dialled: membership may not know them. */
export class Strangers {
  readonly #addresses = new Map<PeerId, readonly string[]>()

  /** @returns the peers */
  note(found: SearchResult['peers']): readonly PeerId[] {
    for (const { peer, addresses } of found) {
      this.#addresses.delete(peer)
      this.#addresses.set(peer, addresses)
    }
    for (const oldest of this.#addresses.keys()) {
      if (this.#addresses.size <= STRANGERS_MAX) break
      this.#addresses.delete(oldest)
    }
    return found.map(({ peer }) => peer)
  }

  addresses(peer: PeerId): readonly string[] | undefined {
    return this.#addresses.get(peer)
  }
}
