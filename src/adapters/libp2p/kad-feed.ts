import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { PeerId } from '../../base/ids.ts'
import type { RoutingTable } from './routing-table.ts'

export interface FedMember {
  readonly peer: PeerId
  readonly addresses: readonly string[]
}

/**
 * Keeps Kademlia's routing table and libp2p's peer store in step with the alive members. One change
 * at a time: a thousand new members must not start a thousand writes at once.
 */
export class KadFeed {
  readonly #libp2p: Libp2p
  readonly #table: RoutingTable
  readonly #addressesMax: number
  #wanted = new Map<PeerId, string>()
  readonly #fed = new Map<PeerId, string>()
  #isRunning = false
  #isStopped = false

  constructor(
    libp2p: Libp2p,
    options: { readonly table: RoutingTable; readonly addressesMax: number },
  ) {
    this.#libp2p = libp2p
    this.#table = options.table
    this.#addressesMax = options.addressesMax
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
    if (!this.#isRunning) void this.#run()
  }

  stop(): void {
    this.#isStopped = true
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    for (;;) {
      const change = this.#nextChange()
      if (change === undefined || this.#isStopped) break
      // Routing is a hint: a member that is not fed is found by the next feed or a query.
      await this.#apply(change).catch(() => {})
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
    if (multiaddrs.length > 0) await this.#libp2p.peerStore.patch(id, { multiaddrs })
    await this.#table.add(id)
  }
}
