import type { PeerId, PeerStore } from '@libp2p/interface'
import type { Millis } from '../../base/core.ts'
import { delay, unref } from '../common/timers.ts'

const SWEEP_MS: Millis = 600_000
/** Between two deletions: a crowd that has left is no reason to hold anybody up. */
const REST_MS: Millis = 5

/**
 * Takes peers out of libp2p's peer store that nobody needs there any more. libp2p keeps what it once heard of a
 * peer for as long as it is told to, 30 days here, so that a network comes back after a night; but each process
 * without a data directory is a peer of its own, and each entry keeps up to 64 KiB of a shared buffer alive (14 KB
 * on average, measured). Members' addresses are in the book, which dials are made from.
 *
 * A peer goes when two sweeps in a row found it unwanted, so that what applications do with peers of their own has
 * ten minutes at least.
 */
export class PeerStoreSweep {
  readonly #store: PeerStore
  readonly #isWanted: (peer: PeerId) => Promise<boolean>
  /** Peers written since they were last wanted, and whether a sweep has found them so. */
  readonly #written = new Map<string, { readonly peer: PeerId; isDoomed: boolean }>()
  #timer: NodeJS.Timeout | undefined
  #isSweeping = false
  #isStopped = false

  /** @param isWanted whether a peer is connected, a member, or routed to */
  constructor(store: PeerStore, isWanted: (peer: PeerId) => Promise<boolean>) {
    this.#store = store
    this.#isWanted = isWanted
    const merge = store.merge.bind(store)
    // What libp2p writes about dials, see quietPeerStore: an application's own save and patch are left alone.
    store.merge = (id, data, options) => {
      this.wrote(id)
      return merge(id, data, options)
    }
  }

  start(): void {
    this.#timer = unref(setInterval(() => void this.sweep(), SWEEP_MS))
  }

  stop(): void {
    this.#isStopped = true
    clearInterval(this.#timer)
  }

  /** Something was stored about a peer. */
  wrote(peer: PeerId): void {
    const text = peer.toString()
    if (!this.#written.has(text)) this.#written.set(text, { peer, isDoomed: false })
  }

  /** Resolves when all have been looked at; never rejects. */
  async sweep(): Promise<void> {
    if (this.#isSweeping) return
    this.#isSweeping = true
    for (const [text, entry] of [...this.#written]) {
      if (this.#isStopped) break
      try {
        const isWanted = await this.#isWanted(entry.peer)
        if (isWanted || !entry.isDoomed) {
          entry.isDoomed = !isWanted
          continue
        }
        this.#written.delete(text)
        await this.#store.delete(entry.peer)
        await delay(REST_MS)
      } catch {
        // A store that fails keeps what it has: the next sweep tries again.
        this.#written.set(text, entry)
      }
    }
    this.#isSweeping = false
  }
}
