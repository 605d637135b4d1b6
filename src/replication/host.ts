import type { Lane, Millis } from '../base/core.ts'
import type { Stamp } from '../base/hybrid-clock.ts'
import type { PeerId, ReplicaId } from '../base/ids.ts'
import type { Random } from '../base/random.ts'
import type { RunReader } from '../crdt/run-reader.ts'
import type { Adopting } from './base/adopting.ts'
import type { Group } from './group/group.ts'
import type { LoggedRun } from './group/group-log.ts'
import type { Issued } from './identity/branches.ts'
import type { ReplicationTunables } from './options.ts'
import type { SyncFrame } from './sync/frames.ts'
import type { Peer } from './sync/peer.ts'

/** How runs came: pushed (session 0) or pulled. */
export interface Arrival {
  readonly peer: Peer
  readonly session: number
  /** Hashes of peers that have them or get them from others. */
  readonly served: ReadonlySet<number>
}

/** What the parts of the replication core share. */
export interface Host {
  readonly random: Random
  readonly tunables: ReplicationTunables
  readonly peers: ReadonlyMap<PeerId, Peer>
  readonly groups: ReadonlyMap<string, Group>
  /** Whether this node only reads: it passes nothing on. */
  readonly isObserver: boolean
  /** Whether the disk has no room: nothing is asked for then. */
  isFull(): boolean
  /** Who we are in a group. */
  writerOf(group: Group): ReplicaId
  /** The group, made when it is new; undefined when there are too many (counted), or an observer names it. */
  groupFrom(name: string, peer?: Peer): Group | undefined
  send(peer: Peer, lane: Lane, frame: SyncFrame): void
  sendBytes(peer: Peer, lane: Lane, bytes: Uint8Array): void
  /** Scratch to read runs with. */
  readonly runs: RunReader
  /** Runs have become part of the state: they go to the store with the next row, before any send. */
  integrated(group: Group, runs: readonly LoggedRun[], from: Arrival): void
  /** Adopts a remote stamp; false when it is too far ahead. */
  observe(stamp: Stamp, now: Millis): boolean
  /** Merges a complete base and the events after it into a group, durably. */
  adopt(group: Group, adopting: Adopting, from: Arrival, now: Millis): void
  /** A peer has told that more of our own events are durable there. */
  acked(group: Group): void
  dropped(reason: string): void
  alarm(reason: string): void
  synced(peer: Peer, pulled: { readonly bytes: number; readonly events: number }): void
  /** Has all peers but one that are not known to be equal compare with us. */
  announce(group: Group, except: Peer | undefined): void
  /**
   * A peer knows a writer's events otherwise than we do; our own unless `replica` says whose.
   * @returns whether that is looked into
   */
  suspect(peer: Peer, group: Group, now: Millis, replica?: ReplicaId): boolean
  /** Whether it is open what a group's state is to be. */
  isInDispute(group: Group): boolean
  /**
   * Ends a writer at event `n`; what is held of it after that goes on under another id.
   * @returns false where the log does not reach back far enough: nothing has changed then
   */
  renew(group: Group, part: Issued, now: Millis): boolean
  /** Has a peer's view of a writer take the place of ours; what only we hold goes on under another id. */
  replace(group: Group, replica: ReplicaId, peer: Peer, now: Millis): void
  /** Writes again what has come of a writer that was ended here, and that we had killed by mistake. */
  bringBack(group: Group, now: Millis): void
  /** Nothing is open in a group any more. */
  settled(group: Group): void
}
