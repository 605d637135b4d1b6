import { present, unreachable } from '../base/assert.ts'
import { type Core, type Lane, type Millis, Outbox, type StoreRow } from '../base/core.ts'
import { HybridClock } from '../base/hybrid-clock.ts'
import type { PeerId, ReplicaId } from '../base/ids.ts'
import type { Random } from '../base/random.ts'
import { RunReader } from '../crdt/run-reader.ts'
import { Commits } from './commits.ts'
import type { Group } from './group/group.ts'
import type { Host } from './host.ts'
import { Endings, type Replaced } from './identity/endings.ts'
import { Identity } from './identity/identity.ts'
import { nodeGroup } from './node-group.ts'
import {
  type ReplicationOptions,
  type ReplicationTunables,
  replicationTunables,
} from './options.ts'
import { PagedView } from './paged-view.ts'
import type { GroupStatus, ReplicationInput, ReplicationOutput } from './replication-io.ts'
import { Loader } from './store/loader.ts'
import { startUp } from './store/startup.ts'
import { Dissemination } from './sync/dissemination.ts'
import { Fragments } from './sync/fragments.ts'
import { decodeFrame, encodeFrame } from './sync/frame-codec.ts'
import { MAIN_GROUP } from './sync/frames.ts'
import { Intake } from './sync/intake.ts'
import { isTakenOfObserver } from './sync/observer-frames.ts'
import { Peer } from './sync/peer.ts'
import { SyncSessions } from './sync/sync-sessions.ts'
import { Transactions } from './transactions.ts'

export type { GroupStatus, ReplicationInput, ReplicationOutput } from './replication-io.ts'

/**
 * Replicated state of all groups: local transactions, integration of remote ones, their log, and the sync
 * with linked peers. See LiveState for what state is, Dissemination for how events spread, SyncSessions for
 * how replicas that missed something find and repair it, Identity for who writes.
 */
export class Replication implements Core<ReplicationInput, ReplicationOutput> {
  readonly #random: Random
  readonly #tunables: ReplicationTunables
  readonly #outbox = new Outbox<ReplicationOutput>()
  readonly #groups = new Map<string, Group>()
  readonly #peers = new Map<PeerId, Peer>()
  readonly #clock = new HybridClock()
  readonly #dissemination: Dissemination
  readonly #sessions: SyncSessions
  readonly #identity: Identity
  readonly #endings: Endings
  readonly #intake: Intake
  /** Scratch that all groups read runs with. */
  readonly #runs = new RunReader()
  readonly #commits: Commits
  readonly #transactions: Transactions
  readonly #compare: (peer: Peer, now: Millis) => void
  readonly #tellsDiffs: boolean
  #now: Millis = 0
  readonly #nothing: Group
  readonly #loader: Loader
  #replica: ReplicaId | undefined

  constructor(options: ReplicationOptions) {
    this.#random = options.random
    this.#tellsDiffs = options.tellsDiffs ?? false
    this.#tunables = replicationTunables(options)
    const host = this.#host(options.isObserver ?? false)
    const fragments = new Fragments(this.#tunables.fragmentBytesMax)
    const dissemination = new Dissemination(host)
    const sessions = new SyncSessions(host, fragments)
    this.#dissemination = dissemination
    this.#sessions = sessions
    this.#compare = (peer, now) => sessions.comparisons.compare(peer, now)
    const [outbox, clock, tunables] = [this.#outbox, this.#clock, this.#tunables]
    this.#commits = new Commits({ outbox, dissemination, clock, tunables })
    const [commits, wrote] = [this.#commits, (now: Millis) => sessions.comparisons.disturb(now)]
    this.#transactions = new Transactions({ host, commits, clock, wrote })
    this.#identity = new Identity(host, options.random)
    const parts = { host, commits: this.#commits, identity: this.#identity, sessions }
    this.#endings = new Endings({ ...parts, outbox, clock })
    this.#intake = new Intake({ host, fragments, dissemination, sessions })
    this.#nothing = this.#newGroup('nothing')
    this.#loader = new Loader((name) => this.#loaded(name), this.#runs, options.place)
    this.#groups.set(MAIN_GROUP, this.#newGroup(MAIN_GROUP))
  }

  /** Who writes in the group `main`. */
  get replica(): ReplicaId {
    return this.#groups.get(MAIN_GROUP)?.self ?? present(this.#replica, 'replica id before start()')
  }

  /**
   * Takes in one stored row; all of them in key order, before start().
   * @throws {HearsayError} ERR_STORE when it is damaged, foreign or out of sequence
   */
  load(row: StoreRow): void {
    this.#loader.load(row)
  }

  /** A row whose bytes the disk changed, instead of load(): what it held comes back from others. */
  damaged(key: string): void {
    this.#loader.damaged(key)
  }

  /** After the last row does a part of what start() would do of it. @returns whether there is more */
  loadSome(): boolean {
    return this.#loader.endSome()
  }

  /** Ends loading: a store without identity gets one. */
  start(now: Millis): void {
    const mint = (): ReplicaId => this.#identity.mint()
    const parts = { groups: this.#groups.values(), clock: this.#clock, mint, now }
    const { replica, outputs } = startUp(this.#loader, parts)
    this.#replica = replica
    for (const output of outputs) this.#outbox.push(output)
    for (const group of this.#groups.values()) {
      this.#identity.touched(group)
      this.#endings.load(group)
    }
  }

  handle(input: ReplicationInput, now: Millis): void {
    this.#now = now
    switch (input.type) {
      case 'tick':
        this.#identity.tick(now)
        this.#sessions.tick(now)
        break
      case 'flush':
        this.#commits.flush(now)
        break
      case 'peer-up':
        this.#peerDown(input.peer, now)
        this.#peerUp(input.peer, input.isObserver === true, now)
        break
      case 'peer-down':
        this.#peerDown(input.peer, now)
        break
      case 'sync-wanted': {
        const peer = this.#peers.get(input.peer)
        if (peer !== undefined) this.#sessions.comparisons.compare(peer, now, true)
        break
      }
      case 'frame':
        this.#onFrame(input.peer, input.bytes, now)
        break
      case 'transact':
      case 'undo': {
        const error = this.#transactions.handle(input, now)
        if (error === undefined) break
        this.#outbox.push({ type: 'refused', request: input.request, error })
        break
      }
      default:
        unreachable(input)
    }
    this.#identity.sweep(now)
    this.#dissemination.flush(now, this.#compare)
  }

  /** Whether events wait for a `flush`: they are written when the store is free, several at once. */
  get hasUnsaved(): boolean {
    return this.#commits.hasWork
  }

  /** Whether the disk has no room: nothing is written but what has happened. */
  set isFull(isFull: boolean) {
    this.#commits.isFull = isFull
  }

  poll(): ReplicationOutput | undefined {
    return this.#outbox.shift()
  }

  nextDeadline(): Millis | undefined {
    let next: Millis | undefined
    for (const part of [this.#sessions, this.#dissemination, this.#identity]) {
      const at = part.nextDeadline()
      if (at !== undefined && (next === undefined || at < next)) next = at
    }
    return next
  }

  /** Names of the groups that hold anything, and `main`. */
  groups(): readonly string[] {
    const groups = [...this.#groups.values()]
    return groups
      .filter(({ name, isEmpty }) => name === MAIN_GROUP || !isEmpty)
      .map(({ name }) => name)
  }

  /** Readers of a group; an unknown one reads as empty. */
  view(group: string): PagedView {
    return new PagedView(() => this.#groups.get(group) ?? this.#nothing)
  }

  status(group: string): GroupStatus {
    const known = this.#groups.get(group)
    if (known === undefined) {
      return { digest: new Uint8Array(16), objects: 0, events: 0, unsynced: 0 }
    }
    known.close()
    const { state, ackedOwn } = known
    const unsynced = Math.max(0, state.haveOf(this.#writerOf(known)) - ackedOwn)
    return { digest: known.digest(), objects: state.objectCount, events: state.events, unsynced }
  }

  /** Whether a peer is linked and told last that a group is there as it is here. */
  isAlike(peer: PeerId, group: string): boolean {
    const { digest, events } = this.status(group)
    return this.#peers.get(peer)?.isAlike(group, digest, events === 0) === true
  }

  /** Events that we wrote in a group. */
  ownEvents(group: string): number {
    const known = this.#groups.get(group)
    known?.close()
    return known === undefined ? 0 : known.state.haveOf(this.#writerOf(known))
  }

  /** Linked peers, no observers, on which our first `n` events of a group are durable; told by `acked`. */
  replicatedBy(group: string, n: number): number {
    const known = this.#groups.get(group)
    if (known === undefined) return 0
    const writer = known.state.intern(this.#writerOf(known))
    return [...this.#peers.values()].filter((peer) => peer.vouches(group, writer, n)).length
  }

  /** Events held of each replica in a group. */
  vector(group: string): ReadonlyMap<ReplicaId, number> {
    const known = this.#groups.get(group)
    known?.close()
    const entries = known?.vector() ?? []
    return new Map(entries.map(({ replica, n }) => [replica, n]))
  }

  #host(isObserver: boolean): Host {
    return {
      random: this.#random,
      tunables: this.#tunables,
      peers: this.#peers,
      groups: this.#groups,
      isObserver,
      isFull: () => this.#commits.isFull,
      writerOf: (group) => this.#writerOf(group),
      groupFrom: (name, peer) => this.#groupFrom(name, peer),
      send: (peer, lane, frame) => this.#send(peer, lane, encodeFrame(frame)),
      sendBytes: (peer, lane, bytes) => this.#send(peer, lane, bytes),
      dropped: (reason) => this.#outbox.push({ type: 'dropped', reason }),
      alarm: (reason) => this.#outbox.push({ type: 'alarm', reason }),
      synced: (peer, pulled) => this.#outbox.push({ type: 'synced', peer: peer.id, ...pulled }),
      announce: (group, except) => this.#dissemination.announce(group, except),
      runs: this.#runs,
      integrated: (group, runs, from) => {
        this.#identity.touched(group)
        this.#commits.integrated(group, runs, from)
      },
      adopt: (group, adopting, from, now) => {
        const follow = (): void => this.#intake.onTail(from, group, adopting.tail, now)
        const replace = (): Replaced => this.#endings.replace(group, adopting, now)
        this.#commits.adopt(group, adopting, { replace, follow }, now)
        this.#identity.touched(group)
      },
      acked: (group) => this.#outbox.push({ type: 'acked', group: group.name }),
      observe: (stamp, now) => this.#clock.observe(stamp, now),
      suspect: (peer, group, now, replica) =>
        this.#identity.suspect(peer, group, replica ?? this.#writerOf(group), now),
      isInDispute: (group) => this.#identity.isInDispute(group),
      renew: (group, part, now) => this.#endings.renew(group, part, now),
      replace: (group, replica, peer, now) =>
        this.#sessions.pulls.replace(peer, group, replica, now),
      bringBack: (group, now) => this.#endings.bringBack(group, now),
      settled: (group) => this.#identity.settled(group),
    }
  }

  /** Every frame may tell of events: what is not in the store yet goes there first. */
  #send(peer: Peer, lane: Lane, bytes: Uint8Array): void {
    this.#commits.save(this.#now)
    this.#outbox.push({ type: 'send', peer: peer.id, lane, bytes })
  }

  #drop(reason: string): void {
    this.#outbox.push({ type: 'dropped', reason })
  }

  #groupFrom(name: string, peer?: Peer): Group | undefined {
    let group = this.#groups.get(name)
    if (group !== undefined || peer?.isObserver === true) return group
    if (this.#groups.size >= this.#tunables.groupsMax) {
      this.#drop('groups-limit')
      return undefined
    }
    group = this.#newGroup(name)
    this.#groups.set(name, group)
    return group
  }

  #loaded(name: string): Group {
    const known = this.#groups.get(name)
    if (known !== undefined) return known
    const group = this.#newGroup(name)
    this.#groups.set(name, group)
    return group
  }

  #killRoom(): number {
    let room = this.#tunables.waitingKillsMax
    for (const { state } of this.#groups.values()) room -= state.pendingKillCount()
    return room
  }

  #newGroup(name: string): Group {
    const group = nodeGroup(name, this.#tunables, this.#runs, () => this.#killRoom())
    group.changes.hasReaders = this.#tellsDiffs
    return group
  }

  #peerUp(id: PeerId, isObserver: boolean, now: Millis): void {
    const peer = new Peer(id, this.#tunables.pullTimeoutMs, isObserver)
    this.#peers.set(id, peer)
    this.#sessions.peerUp(peer, now)
  }

  #peerDown(id: PeerId, now: Millis): void {
    const peer = this.#peers.get(id)
    if (peer === undefined) return
    this.#peers.delete(id)
    this.#dissemination.forget(peer)
    this.#identity.peerDown(peer)
    this.#sessions.peerDown(peer, now)
  }

  #onFrame(id: PeerId, bytes: Uint8Array, now: Millis): void {
    const peer = this.#peers.get(id)
    if (peer === undefined) {
      this.#drop('sync-unlinked')
      return
    }
    const decoded = decodeFrame(bytes)
    if (!decoded.ok) {
      this.#drop('sync-frame-malformed')
      return
    }
    const frame = decoded.value
    if (peer.isObserver && !isTakenOfObserver(frame)) {
      this.#drop('sync-of-observer')
      return
    }
    switch (frame.type) {
      case 'summary':
        this.#sessions.comparisons.onSummary(peer, frame, now)
        break
      case 'digest':
        this.#sessions.comparisons.onDigest(peer, frame, now)
        break
      case 'equal':
        this.#sessions.comparisons.onEqual(peer, frame, now)
        break
      case 'pull':
        this.#sessions.onPull(peer, frame, now)
        break
      case 'events':
        this.#intake.onEvents(peer, frame, now)
        break
      case 'piece':
        this.#intake.onPiece(peer, frame, now)
        break
      case 'end':
        this.#sessions.pulls.onEnd(peer, frame, now)
        break
      case 'ack': {
        const group = this.#groups.get(frame.group)
        if (group !== undefined) this.#dissemination.acked(peer, group, frame.vector, now)
        break
      }
      case 'base':
      case 'base-piece':
        this.#sessions.pulls.onBase(peer, frame, now)
        break
      case 'fork': {
        const group = this.#groups.get(frame.group)
        if (group !== undefined) this.#identity.suspect(peer, group, frame.replica, now)
        break
      }
      case 'trace':
        this.#identity.onTrace(peer, frame, now)
        break
      case 'chains':
        this.#identity.onChains(peer, frame, now)
        break
      default:
        unreachable(frame)
    }
  }

  #writerOf(group: Group): ReplicaId {
    return group.self ?? present(this.#replica, 'replica id')
  }
}
