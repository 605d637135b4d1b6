import type { Host } from '../adapters/libp2p/host.ts'
import type { LibraryMetric } from '../adapters/libp2p/library-metrics.ts'
import type { Libp2pExtras } from '../adapters/libp2p/options.ts'
import type { Store } from '../adapters/store/store.ts'
import type { PeerId } from '../base/ids.ts'
import type {
  BroadcastInfo,
  EncodedPayload,
  MemberExplanation,
  QueryHandler,
  QueryInfo,
  QueryOptions,
} from './cast-types.ts'
import type { Dht } from './dht-types.ts'
import type { AccessInfo, Invites } from './invite-types.ts'
import type {
  Change,
  GroupHandle,
  ObjectChange,
  StateHandle,
  UndoInfo,
  UndoOptions,
  Waiting,
  WatchOptions,
} from './state-types.ts'

export type MemberState = 'alive' | 'suspect' | 'degraded' | 'failed' | 'left'

/** One row of `members`, the JSON shape of the contract. */
export interface MemberInfo {
  readonly name: string
  readonly peerId: PeerId
  readonly state: MemberState
  /** It only reads, as its invite says; absent: it takes part in everything. */
  readonly role?: 'observer'
  readonly incarnation: number
  /** Multiaddrs without /p2p. */
  readonly addresses: readonly string[]
  /** Smoothed round trip; absent when no probe has been answered yet and for the node itself. */
  readonly rttMs?: number
  readonly tags: Readonly<Record<string, string>>
  readonly protocol: number
  /** Hex digest of the member's replicated state as it last told it; empty when it has not. */
  readonly digest: string
  /** ISO 8601: when it entered this state, as seen here. */
  readonly since: string
}

export interface MembersInfo {
  readonly self: string
  /** Hex hash over (peer id, epoch, incarnation, state) of the view: equal views have equal hashes. */
  readonly viewHash: string
  /** See StatusInfo. */
  readonly digests: number
  readonly members: readonly MemberInfo[]
  /** Peer ids of members with an open link to this node. */
  readonly links: readonly PeerId[]
  /** What came over each of `links`, in their order. */
  readonly heard: readonly FrameCounts[]
}

/** Frames that came over a link since it opened, by protocol: membership, replicated state, DHT. */
export interface FrameCounts {
  readonly member: number
  readonly sync: number
  readonly kv: number
}

export type GroupState = 'offline' | 'saved-locally' | 'spreading' | 'converged'

export interface GroupInfo {
  readonly name: string
  readonly digest: string
  readonly state: GroupState
  /** Own events that no other live member is known to hold yet. */
  readonly unsynced: number
  readonly objects: number
  readonly events: number
  /**
   * Names of live members whose state of the group is, or may be, another than ours. Linked ones tell of each
   * group; of others only one digest over all groups is known: they are named in all groups when it differs.
   */
  readonly behind: readonly string[]
}

export interface StatusInfo {
  readonly name: string
  readonly peerId: PeerId
  readonly network: string
  readonly version: string
  readonly uptimeMs: number
  readonly members: {
    readonly alive: number
    readonly suspect: number
    readonly failed: number
    readonly left: number
    /** How many of the live ones only read; absent: none. */
    readonly observers?: number
  }
  /**
   * Distinct digests of state among live members, as far as this node has heard: 1 when all have converged. The one
   * number of convergence: API, command line, metric and page tell it.
   */
  readonly digests: number
  readonly groups: readonly GroupInfo[]
  readonly dht: {
    readonly records: number
    readonly bytes: number
    readonly replication: number
    readonly mode: 'one-hop' | 'kademlia'
  }
  readonly store: {
    /** Absent for a node in memory. */
    readonly path?: string
    readonly bytes: number
    /** True while the disk has no room: writes are refused, reads go on. */
    readonly full: boolean
    /** Bytes of an unfinished write that were cut when the store was opened. */
    readonly tornBytes: number
    /** Rows that the disk had changed, found when the store was opened. */
    readonly damagedRows: number
  }
  /** True when nobody else is alive: writes are kept by this node alone. */
  readonly degraded: boolean
  readonly access: AccessInfo
  /** Our own listen multiaddrs with /p2p, to give to others. */
  readonly listen: readonly string[]
  /** Frames and records refused, by reason. */
  readonly drops: Readonly<Record<string, number>>
  /** Frames and their bytes since the start, all protocols and peers together. */
  readonly traffic: {
    readonly framesSent: number
    readonly framesReceived: number
    readonly bytesSent: number
    readonly bytesReceived: number
  }
  readonly broadcasts: {
    /** Questions count as broadcasts. */
    readonly sent: number
    readonly delivered: number
    /** Copies that other links had brought. */
    readonly duplicates: number
    /** Given up after waiting for them: nobody had them any more. */
    readonly missed: number
    /** Dropped from what is kept for neighbours, for want of room. */
    readonly forgotten: number
    /** Answers that came after their query had ended. */
    readonly late: number
    /** Kept for neighbours that lack them. */
    readonly stored: number
    readonly storedBytes: number
  }
}

export interface ConvergedInfo {
  readonly converged: boolean
  readonly digest: string
  /** Live members compared, this one included. */
  readonly members: number
  /** See StatusInfo. */
  readonly digests: number
  readonly elapsedMs: number
}

/** What a node wrote in a group is durable on `replicas` linked members, this node not counted. */
export interface ReplicatedInfo {
  readonly replicated: true
  readonly replicas: number
  readonly group: string
  readonly elapsedMs: number
}

/** Everything a node tells. `at` is Unix ms; one line per fact, fields not prose. */
export type NodeEvent = { readonly at: number } & (
  | { readonly type: 'member-joined'; readonly name: string; readonly peerId: PeerId }
  | {
      readonly type: 'member-changed'
      readonly name: string
      readonly peerId: PeerId
      readonly state: MemberState
      readonly evidence: string
    }
  /** A quarter of the members or more failed at once: the network is cut, more likely than not. */
  | { readonly type: 'partition-suspected'; readonly failed: number; readonly members: number }
  | { readonly type: 'link-up'; readonly peerId: PeerId; readonly address: string }
  | { readonly type: 'link-down'; readonly peerId: PeerId; readonly reason: string }
  | { readonly type: 'join-failed'; readonly address: string; readonly reason: string }
  | ({ readonly type: 'object-changed' } & ObjectChange)
  | { readonly type: 'digest-changed'; readonly group: string; readonly digest: string }
  /** What some other member says of its own state changed. */
  | { readonly type: 'digests-changed' }
  | {
      readonly type: 'sync-completed'
      readonly peerId: PeerId
      readonly bytes: number
      readonly events: number
    }
  /** A member's broadcast, once, in that member's order; our own too. */
  | ({
      readonly type: 'broadcast'
      readonly id: string
      readonly name: string
      /** Name of the sender. */
      readonly from: string
      readonly peerId: PeerId
    } & EncodedPayload)
  | { readonly type: 'record-stored'; readonly key: string; readonly version: string }
  | { readonly type: 'dropped'; readonly reason: string; readonly count: number }
  | { readonly type: 'alarm'; readonly reason: string }
  | { readonly type: 'fatal'; readonly reason: string; readonly code: string }
  | { readonly type: 'stopped' }
)

export interface SubscribeOptions extends Waiting {}

/** Bytes of frames by protocol since start. */
export interface Traffic {
  readonly sent: Readonly<Record<string, number>>
  readonly received: Readonly<Record<string, number>>
}

/** Faults for tests and demos; present only on nodes created with `chaos: true`. */
export interface Chaos {
  /** Cuts every link to peers outside the named side; frames vanish as on a cut cable. */
  block(peers: readonly PeerId[]): void
  /** Share of outgoing frames that vanish, 0 … 1. */
  loss(share: number): void
  /** Extra one-way delay of outgoing frames. */
  latency(ms: number): void
  /** Stops all frames in and out, as SIGSTOP would, until `resume`. */
  pause(): void
  resume(): void
  /** Takes back block, loss, latency and pause. */
  heal(): void
}

/** A running node. Objects named on it directly are those of the group `main`. */
export interface HearsayNode extends AsyncDisposable, StateHandle {
  readonly name: string
  readonly peerId: PeerId
  readonly network: string
  readonly dht: Dht
  readonly members: {
    list(): readonly MemberInfo[]
    readonly self: MemberInfo
    readonly viewHash: string
    /** Distinct digests of state among live members, see StatusInfo. */
    readonly digests: number
    /** Peer ids of members with an open link to this node: its neighbours in the overlay. */
    links(): readonly PeerId[]
    /** What came over the link of one of them; zeros without a link. */
    heard(peer: PeerId): FrameCounts
    /**
     * Replaces this node's tags, until it stops or they are set again; the others hear of it at once.
     * At most 16 pairs, 512 bytes of UTF-8 together: TypeError and RangeError otherwise.
     * @throws {HearsayError} ERR_STOPPED
     */
    setTags(tags: Readonly<Record<string, string>>, options?: Waiting): Promise<void>
    /** A member's states and the evidence for them. @param who its name or peer id */
    explain(who: string): MemberExplanation | undefined
  }
  readonly chaos: Chaos | undefined
  readonly invites: Invites
  /** As that of a group: `main` unless `group` names one. */
  undo(options?: UndoOptions & { readonly group?: string }): Promise<UndoInfo>
  group(name: string): GroupHandle
  /** Names of the groups that hold anything, and `main`. */
  groups(): readonly string[]
  /**
   * Changes of all objects of all groups from the call on, until the signal aborts or the node stops. A reader
   * that falls more than 10,000 changes or 8 MiB behind is told `reset` instead of what it missed.
   */
  watch(options?: WatchOptions): AsyncIterable<Change>
  /** `EPOCH-SEQUENCE` of the latest change: what is read now is resumed from here by `watch({ from })`. */
  readonly cursor: string
  status(): StatusInfo
  traffic(): Traffic
  /**
   * The libp2p node below: the way out, for protocols and services of your own. Undefined before it is made, which
   * only a node that is `ready: 'loaded'` shows. It is started and stopped with the node.
   */
  readonly libp2p: Host['libp2p'] | undefined
  /** What libp2p and its parts count: connections, dials, errors, routing. In `GET /metrics` too. */
  libp2pMetrics(): Promise<readonly LibraryMetric[]>
  /** Hex digest of a group's state (default `main`). */
  digest(group?: string): string
  /** Resolves when all live members report this node's digest; rejects with signal.reason when aborted. */
  converged(options?: Waiting & { readonly group?: string }): Promise<ConvergedInfo>
  /**
   * Resolves when everything that this node has written in a group (default `main`) up to the call is durable on
   * `replicas` other members; rejects with signal.reason when aborted. Only members with a link to this node are
   * counted: all of up to 9, up to 8 neighbours of more. Where nothing was written, each of them counts.
   * @param replicas 1 … 255; TypeError and RangeError otherwise
   * @throws {HearsayError} ERR_STOPPED · ERR_VERSION_CONFLICT: the group got a new identity meanwhile
   */
  replicated(
    replicas: number,
    options?: Waiting & { readonly group?: string },
  ): Promise<ReplicatedInfo>
  /** Linked members that hold, durably, everything this node has written in a group (default `main`) by now. */
  replicaCount(group?: string): number
  /**
   * Resolves with our listen multiaddrs once others can connect: at once, unless the node was made with
   * `ready: 'loaded'`. If that fails the node goes on alone, and the alarm `offline` tells it.
   * @throws {HearsayError} ERR_LISTEN, ERR_ADDRESS, ERR_STOPPED; signal.reason when aborted
   */
  listening(options?: Waiting): Promise<readonly string[]>
  /** Adds seeds; tried at once and retried for ever in the background. @throws {HearsayError} ERR_ADDRESS */
  join(addresses: readonly string[]): void
  /** Tells the others goodbye and waits until two neighbours know, at most 500 ms; then call stop(). */
  leave(options?: Waiting): Promise<void>
  /**
   * A backup of everything this node stores, in pieces, as {@link restoreBackup} takes it: the state of one moment,
   * taken when the first piece is asked for, while the node goes on. It holds neither the node's private key nor
   * the identity under which it writes.
   * @throws {HearsayError} ERR_OVERLOADED: four are under way · ERR_STORE: replicated state on the disk is damaged
   */
  backup(options?: Waiting): AsyncIterable<Uint8Array>
  /**
   * Sends a message to all members, this one included: each gets it as a `broadcast` event, once, in the order of
   * this node's broadcasts. Resolves when it is handed to the overlay; it is not kept for members that join later.
   * @param name 1 … 64 bytes of UTF-8
   * @param payload text or bytes, at most 64 KiB; up to 1 KiB travels fastest. @default nothing
   * @throws {HearsayError} ERR_LIMIT · ERR_OVERLOADED: more than 100 a second · ERR_STOPPED
   */
  broadcast(name: string, payload?: string | Uint8Array, options?: Waiting): Promise<BroadcastInfo>
  /**
   * Asks all members and collects their answers until all have answered or the time is over.
   * Rejects with signal.reason when aborted.
   * @throws {HearsayError} ERR_LIMIT · ERR_OVERLOADED: 64 wait already · ERR_STOPPED
   * @throws {RangeError} a time or relay factor outside its range
   */
  query(name: string, payload?: string | Uint8Array, options?: QueryOptions): Promise<QueryInfo>
  /**
   * Answers a question of members, until the signal aborts or the returned function is called. `ping` and
   * `version` have answers that a handler replaces.
   * @throws {TypeError} when the question has a handler
   *
   * @example
   * node.onQuery('load', () => String(os.loadavg()[0]))
   */
  onQuery(name: string, handler: QueryHandler, options?: Waiting): () => void
  subscribe(listener: (event: NodeEvent) => void, options?: SubscribeOptions): () => void
  events(options?: SubscribeOptions): AsyncIterable<NodeEvent>
  /** Flushes the store and closes everything; idempotent. */
  stop(): Promise<void>
  /** As a crash: closes sockets at once, says no goodbye, writes nothing more. For the lab. */
  crash(): Promise<void>
}

export type Profile = 'local' | 'lan' | 'wan'

export interface NodeOptions {
  /** Label shown to people. @default "node-" and the last six characters of the peer id */
  readonly name?: string
  /** Directory of store and identity. @default none: memory */
  readonly dataDir?: string
  /** Where rows are kept instead of a data directory. Its owner keeps the `privateKey` too, which must be given. */
  readonly store?: Store
  /** What the libp2p node has besides: transports and services of your own, as libp2p takes them. */
  readonly libp2p?: Libp2pExtras
  /** local listens on loopback only; lan and wan on all interfaces. @default "local" */
  readonly profile?: Profile
  /** Listen multiaddrs. @default the profile's, port 0 */
  readonly listen?: readonly string[]
  /** Multiaddrs told to others instead of the listening ones. */
  readonly announce?: readonly string[]
  /** Whose pages may connect by WebSocket besides those of this machine: `https://host`, or `*`. @default none */
  readonly origins?: readonly string[]
  /** Seeds: multiaddr, host:port, dns:name:port, ws://host:port. */
  readonly join?: readonly string[]
  /** @default "hearsay" */
  readonly network?: string
  /** 32 bytes or more of shared secret: only holders are admitted. */
  readonly networkKey?: Uint8Array
  /** Instead of a network key: what `invites.create` of a node that has it made. A secret; its network is taken. */
  readonly invite?: string
  /** Listening beyond loopback without a network key, knowingly. @default false */
  readonly open?: boolean
  /** Replicas of a DHT value. @default 5 */
  readonly replication?: number
  /**
   * With more members than this the replicas of a DHT key are found by searches of Kademlia, not in the view of all
   * members. @default 4,000
   */
  readonly oneHopMembersMax?: number
  /** strict fsyncs before acknowledging; relaxed may lose the last writes on power loss. @default "strict" */
  readonly durability?: 'strict' | 'relaxed'
  /**
   * When `createNode` resolves. `listening`: others can connect. `loaded`: as soon as the state of this node can be
   * read and written; the network follows by itself, see {@link HearsayNode.listening}. @default "listening"
   */
  readonly ready?: 'listening' | 'loaded'
  /** Allows fault injection. @default false */
  readonly chaos?: boolean
  /** Ed25519 seed of 32 bytes; @default from the data directory, else random */
  readonly privateKey?: Uint8Array
  readonly tags?: Readonly<Record<string, string>>
}
