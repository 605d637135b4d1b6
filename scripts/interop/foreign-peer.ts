/** What the matrix asks of a peer that is none of ours, whatever it is written in. */
export interface ForeignPeer extends AsyncDisposable {
  /** Multiaddr with its peer id. */
  readonly address: string
  readonly peer: string
  /** Keeps a record for whoever asks. Before the first join, so that nobody else is given it. */
  keep(key: Uint8Array, record: Uint8Array): Promise<void>
  /** Connects, says hello and takes the node into the routing table. */
  join(address: string): Promise<void>
  /** Puts a record as Kademlia does. Rejects what it refuses itself. */
  put(key: Uint8Array, record: Uint8Array): Promise<void>
  /** The records found; where the implementation selects, one. */
  get(key: Uint8Array): Promise<readonly Uint8Array[]>
  /** Multiaddrs of a peer that others know. */
  find(peer: string): Promise<readonly string[]>
  /** How many providers of a CID are told, where the implementation can be asked in bytes. */
  providers?(cid: Uint8Array): Promise<number>
}

/** One way to have such a peer. */
export interface ForeignKind {
  readonly name: string
  readonly start: (network: string) => Promise<ForeignPeer>
  /** Versions of what it is made of. */
  readonly versions: string
}

/** Why a kind is not here: its rows are skipped, and count neither as passed nor as failed. */
export interface MissingKind {
  readonly name: string
  readonly missing: string
}
