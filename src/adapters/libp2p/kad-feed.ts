import type { PeerId as LibPeerId, Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { Millis } from '../../base/core.ts'
import type { PeerId } from '../../base/ids.ts'
import { delay, unref } from '../common/timers.ts'
import type { RoutingTable } from './routing-table.ts'

export interface FedMember {
  readonly peer: PeerId
  readonly addresses: readonly string[]
}

/** Members come in crowds: routing begins when nobody came for so long … */
const SETTLE_MS: Millis = 250
/** … or anyway. */
const SETTLE_MAX_MS: Millis = 2_000
/** Between two changes so many times what one took: on a busy event loop that is long. */
const REST_FACTOR = 9
const REST_MIN_MS: Millis = 5

/**
 * Keeps Kademlia's routing table and libp2p's peer store in step with the alive members. One change
 * at a time, a tenth of the time at most, and none while members still come in crowds: fifty nodes of
 * one process that find each other change 2,500 entries, each half a millisecond of promises without a
 * turn of the event loop (measured), and nobody is asked for routes meanwhile.
 */
export class KadFeed {
  readonly #libp2p: Libp2p
  readonly #table: RoutingTable
  readonly #addressesMax: number
  readonly #wrote: (peer: LibPeerId) => void
  #wanted = new Map<PeerId, string>()
  readonly #fed = new Map<PeerId, string>()
  #isRunning = false
  #isStopped = false
  /** Since when changes wait; undefined when none do. */
  #unsettledSince: Millis | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(
    libp2p: Libp2p,
    options: {
      readonly table: RoutingTable
      readonly addressesMax: number
      /** Hears of every peer that is put into the peer store. */
      readonly wrote: (peer: LibPeerId) => void
    },
  ) {
    this.#libp2p = libp2p
    this.#table = options.table
    this.#addressesMax = options.addressesMax
    this.#wrote = options.wrote
  }

  has(peer: PeerId): boolean {
    return this.#wanted.has(peer)
  }

  /** The alive members, all of them; what was fed before and is missing now is removed. */
  feed(members: readonly FedMember[]): void {
    this.#wanted = new Map(
      members.map(({ peer, addresses }) => [
        peer,
        addresses.slice(0, this.#addressesMax).join(' '),
      ]),
    )
    if (this.#isRunning || this.#isStopped) return
    const now = performance.now()
    this.#unsettledSince ??= now
    const leftMs = this.#unsettledSince + SETTLE_MAX_MS - now
    clearTimeout(this.#timer)
    const waitMs = Math.max(0, Math.min(SETTLE_MS, leftMs))
    this.#timer = unref(setTimeout(() => void this.#run(), waitMs))
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    this.#unsettledSince = undefined
    for (;;) {
      const change = this.#nextChange()
      if (change === undefined || this.#isStopped) break
      const beganAt = performance.now()
      // Routing is a hint: a member that is not fed is found by the next feed or a query.
      await this.#apply(change).catch(() => {})
      const restMs = Math.max(REST_MIN_MS, REST_FACTOR * (performance.now() - beganAt))
      await delay(restMs)
    }
    this.#isRunning = false
  }

  #nextChange(): PeerId | undefined {
    for (const [peer, addresses] of this.#wanted) {
      if (this.#fed.get(peer) !== addresses) return peer
    }
    for (const peer of this.#fed.keys()) if (!this.#wanted.has(peer)) return peer
    return undefined
  }

  async #apply(peer: PeerId): Promise<void> {
    const addresses = this.#wanted.get(peer)
    const id = peerIdFromString(peer)
    if (addresses === undefined) {
      this.#fed.delete(peer)
      await this.#table.remove(id)
      return
    }
    this.#fed.set(peer, addresses)
    const multiaddrs = addresses.split(' ').flatMap((address) => {
      try {
        return [multiaddr(address)]
      } catch {
        return []
      }
    })
    if (multiaddrs.length > 0) {
      this.#wrote(id)
      await this.#libp2p.peerStore.patch(id, { multiaddrs })
    }
    await this.#table.add(id)
  }
}
