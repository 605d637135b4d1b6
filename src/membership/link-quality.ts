import type { PeerId } from '../base/ids.ts'

/** Peers whose last link is remembered; beyond it the oldest is forgotten. */
const PEERS_MAX = 256

/**
 * How good the last links of peers were. A bad link is closed and dialled anew, and the new one has no past of
 * its own, though the path is the same.
 */
export class LinkQualities {
  readonly #last = new Map<PeerId, number>()

  /** A link with a peer is down. */
  keep(peerId: PeerId, quality: number): void {
    this.#last.delete(peerId)
    if (this.#last.size >= PEERS_MAX) {
      for (const oldest of this.#last.keys()) {
        this.#last.delete(oldest)
        break
      }
    }
    this.#last.set(peerId, quality)
  }

  /** What a new link with a peer begins with. */
  of(peerId: PeerId): number {
    return this.#last.get(peerId) ?? 1
  }
}
