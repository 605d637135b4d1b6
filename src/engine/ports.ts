import type { Lane, Millis, Protocol, StoreWrite } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import type { Random } from '../base/random.ts'
import type { Signer } from '../base/signer.ts'

/**
 * What the driver needs from a world. Two worlds implement it: the platform with libp2p and a disk
 * (adapters/), and the simulator (sim/). Everything is callbacks, so that a simulated run needs no
 * promise and is the same byte for byte for the same seed. No callback is ever called inside the
 * call that caused it: the driver is not re-entrant.
 */
export interface Ports {
  readonly clock: ClockPort
  readonly links: LinkPort
  readonly disk: DiskPort
  readonly random: Random
  readonly signer: Signer
  /** @default none: the one-hop view is all there is */
  readonly searches?: SearchPort
}

export interface ClockPort {
  /** Unix milliseconds; may jump, the driver makes it monotone. */
  now(): Millis
  /** Calls `wake` once at `at` or later. One timer only: arming replaces the one before, undefined disarms. */
  arm(at: Millis | undefined, wake: () => void): void
}

/** How a link or a dial ended; a refusal says that the host is up and the process is not. */
export type LinkEnd = 'closed' | 'reset' | 'refused' | 'timeout' | 'rejected'

/** Authenticated, encrypted, framed links; a link is up when the hello exchange has admitted both ends. */
export interface LinkPort {
  /** Called once, before any other call. */
  listen(listener: LinkListener): void
  /**
   * Dials a known peer. A no-op while a link or a dial to it exists. Outcome: linkUp or dialFailed.
   * @param addresses multiaddrs without the /p2p part, best first
   */
  dial(peer: PeerId, addresses: readonly string[]): void
  /**
   * Dials whoever answers at an address: a multiaddr with or without /p2p, `host:port`, or
   * `dns:name:port` (every A and AAAA answer). Outcome: linkUp with `via`, or joinFailed.
   */
  join(address: string): void
  /**
   * Queues one frame. While a dial is under way frames wait, bounded (1 MiB a peer).
   * @returns false when it was dropped: no link and no dial, or the queue is full
   */
  send(frame: OutboundFrame): boolean
  /** Marks links that must not be pruned (the membership overlay). */
  protect(peer: PeerId, isProtected: boolean): void
  /** Closes the link to a peer, if any. */
  close(peer: PeerId): void
}

export interface OutboundFrame {
  readonly peer: PeerId
  readonly protocol: Protocol
  readonly lane: Lane
  readonly bytes: Uint8Array
}

export interface LinkListener {
  /** @param via the join address that led here, when there was one */
  linkUp(peer: PeerId, details: LinkDetails): void
  linkDown(peer: PeerId, end: LinkEnd): void
  dialFailed(peer: PeerId, end: LinkEnd): void
  joinFailed(address: string, end: LinkEnd, reason: string): void
  frame(peer: PeerId, protocol: Protocol, bytes: Uint8Array): void
  /** Our own dialable addresses (multiaddrs without /p2p) are known or changed. */
  addresses(addresses: readonly string[]): void
  /** A peer broke the framing rules below the cores; counted by reason. */
  dropped(reason: string): void
}

export interface LinkDetails {
  readonly direction: 'inbound' | 'outbound'
  /** The remote multiaddr of the connection, without /p2p. */
  readonly remoteAddress: string
  readonly via?: string
  /** What the peer was admitted as. @default member */
  readonly role?: 'member' | 'observer'
}

/** Iterative lookups through Kademlia, which also knows peers that are no members. */
export interface SearchPort {
  /** Calls `done` once, with what was found by then when its time is over. */
  search(query: SearchQuery, done: (result: SearchResult) => void): void
}

export interface SearchQuery {
  /** A record of the key from anybody, the first sound one; or the peers closest to the key. */
  readonly want: 'record' | 'closest'
  /** A record key in UTF-8. */
  readonly key: Uint8Array
  /** Peers that have no such record: a search that could only ask them again asks nobody. */
  readonly asked: readonly PeerId[]
  readonly withinMs: Millis
}

export interface SearchResult {
  readonly record: { readonly bytes: Uint8Array; readonly from: PeerId } | undefined
  /** Closest first, with multiaddrs without the /p2p part. */
  readonly peers: readonly { readonly peer: PeerId; readonly addresses: readonly string[] }[]
}

/** Whether a disk has room for more than what must go on. */
export interface DiskRoom {
  readonly isFull: boolean
  readonly freeBytes: number
  /** Kept free, so that no commit fails for want of room. */
  readonly reserveBytes: number
}

export interface DiskPort {
  /**
   * Called once, before any other call. The listener hears of every change from full to not full and back.
   * A disk without it, or without an answer, is never full.
   * @returns how it stands now
   */
  watch?(listener: (room: DiskRoom) => void): DiskRoom | undefined
  /**
   * Calls `ready` once, soon, when whoever writes at the same time has done so: what gathers until then shares
   * a commit. Without it what has gathered is committed at once.
   */
  soon?(ready: () => void): void
  /**
   * Commits the writes as one atomic, durable batch (fsync in strict mode), then calls `done`.
   * Batches become durable in the order of the calls. After a failure nothing is ever retried.
   */
  commit(writes: readonly StoreWrite[], done: (failure: Error | undefined) => void): void
}
