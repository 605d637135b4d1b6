import type { Connection } from '@libp2p/interface'

export interface ForeignPeersOptions {
  /** Whether the routing table hears of a peer from membership. */
  readonly isMember: (peer: string) => boolean
  /** Asks a peer what it speaks: whoever speaks our Kademlia enters the routing table. */
  readonly identify: (connection: Connection) => Promise<unknown>
}

/**
 * Peers that speak Kademlia and are no members: nobody feeds them into the routing table, so they are asked
 * who they are when they ask something themselves, once a connection.
 */
export class ForeignPeers {
  readonly #options: ForeignPeersOptions
  readonly #met = new WeakSet<Connection>()

  constructor(options: ForeignPeersOptions) {
    this.#options = options
  }

  /** A peer asks over an admitted connection. */
  asked(connection: Connection): void {
    if (this.#met.has(connection)) return
    this.#met.add(connection)
    if (this.#options.isMember(connection.remotePeer.toString())) return
    // One that does not answer is not routed to, and is served all the same.
    this.#options.identify(connection).catch(() => {})
  }
}
