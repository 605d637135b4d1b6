/**
 * The one-hop DHT: every node knows every member, so it computes the replicas of a key itself, the
 * N members closest by XOR to SHA-256 of the key (the metric of Kademlia), and asks them directly.
 *
 * Writes go to all N and answer at a quorum (put-operation.ts); reads ask one replica, hedged, and
 * repair what they find stale (get-operation.ts); the replica side validates, selects and stores
 * (replica.ts, record-store.ts); holders bring new replicas up to date (repair.ts). This node may be
 * a replica itself: its requests to itself are frames like any other, looped back by the engine.
 *
 * Versions are hybrid logical stamps and the clock moves past every version seen, so a write after
 * a read wins. What we saw survives a restart in the records that we hold.
 *
 * Sources: Kademlia (Maymounkov and Mazières, IPTPS 2002) for placement; Dynamo (DeCandia et al.,
 * SOSP 2007, §4.5–4.7) for quorums, fallback replicas and read repair; The Tail at Scale (Dean and
 * Barroso, CACM 2013) for hedged requests.
 */
import { assert, unreachable } from '../base/assert.ts'
import { type Core, type Millis, Outbox, type StoreRow } from '../base/core.ts'
import { HybridClock } from '../base/hybrid-clock.ts'
import type { PeerId } from '../base/ids.ts'
import { checkNumber } from '../base/options.ts'
import type { Random } from '../base/random.ts'
import type { Signer } from '../base/signer.ts'
import { recordId } from '../records/record-key.ts'
import { STAMP_AHEAD_MS_MAX } from '../records/validate.ts'
import { Burial } from './burial.ts'
import { Callers } from './callers.ts'
import { Calls } from './calls.ts'
import { decodeFrame, unpack } from './frame.ts'
import { authorFault, type KvContext, placeAt } from './kv-context.ts'
import type { KvInput, KvKeyPage, KvMember, KvOutput } from './kv-contract.ts'
import { type KvTunables, kvTunables, REPLICATION_MAX } from './options.ts'
import { OWN_PREFIX, OwnKeys } from './own-keys.ts'
import { Packer } from './packer.ts'
import { PeerTable } from './peer-table.ts'
import { Placement, type PlacementMode } from './placement.ts'
import { RangeIndex } from './range-index.ts'
import { Reconciler } from './reconciler.ts'
import { RecordStore } from './record-store.ts'
import { Repair } from './repair.ts'
import { Replica } from './replica.ts'
import { placeOf, Ring } from './ring.ts'
import { Searches } from './searches.ts'
import { Alarm, Timers } from './timers.ts'

export type { KvInput, KvLevel, KvMember, KvOutput } from './kv-contract.ts'

export interface KvOptions {
  readonly signer: Signer
  readonly random: Random
  /** Replicas of a record, N, 1 … 32. */
  readonly replication: number
  /** Whether `search` outputs are answered. @default false */
  readonly hasKademlia?: boolean
  /** This node only reads: it is no replica. @default false */
  readonly isObserver?: boolean
  readonly tunables?: Partial<KvTunables>
}

export class Kv implements Core<KvInput, KvOutput> {
  readonly #outbox = new Outbox<KvOutput>()
  readonly #packer = new Packer()
  readonly #context: KvContext
  readonly #replica: Replica
  readonly #repair: Repair
  readonly #callers: Callers
  readonly #burial: Burial
  readonly #sweep: Alarm = new Alarm((now) => this.#sweepDue(now))
  readonly #clock = new HybridClock()
  readonly #isObserver: boolean
  #observers: ReadonlySet<PeerId> = new Set()
  #ring: Ring
  #lost = 0

  /** @throws {TypeError} @throws {RangeError} on options that cannot work */
  constructor(options: KvOptions) {
    const { signer, random, replication } = options
    checkNumber('replication', replication, { min: 1, max: REPLICATION_MAX, isInteger: true })
    const tunables = kvTunables(options.tunables)
    const emit = (output: KvOutput): void => {
      if (output.type === 'send') this.#packer.push(output)
      else this.#outbox.push(output)
    }
    const timers = new Timers()
    const peers = new PeerTable()
    const selfId = placeOf(signer.publicKey)
    this.#isObserver = options.isObserver ?? false
    this.#ring = new Ring(this.#isObserver ? [] : [ownMember(signer)])
    const isObserver = (peer: PeerId): boolean => this.#observers.has(peer)
    const index = new RangeIndex({
      self: signer.peerId,
      replicas: (id) => this.#ring.closest(id, replication),
    })
    const store = new RecordStore({
      signer,
      tunables,
      selfId,
      emit,
      isInRange: (id) => this.#isReplicaOf(id),
      authorFault: (record) => authorFault({ isObserver }, record),
      listener: index,
    })
    const isPossible = options.hasKademlia === true
    const searches = new Searches({ isPossible, tunables, timers, emit })
    const ring = (): Ring => this.#ring
    this.#context = {
      signer,
      random,
      tunables,
      replication,
      timers,
      peers,
      calls: new Calls({ tunables, random, timers, peers, emit }),
      store,
      ownKeys: new OwnKeys({
        signer,
        keysMax: tunables.ownKeysMax,
        isFull: () => store.isFull,
        emit,
      }),
      index,
      emit,
      isObserver,
      ring,
      searches,
      placement: new Placement({ replication, ring, searches, signer, tunables }),
      lost: () => this.#lost,
      clock: this.#clock,
    }
    this.#repair = new Repair(this.#context)
    this.#replica = new Replica(this.#context, new Reconciler(this.#context, this.#repair))
    this.#callers = new Callers(this.#context)
    this.#burial = new Burial(this.#context)
  }

  /** While the disk has no room, records are refused whatever way they come; reads and repair of others go on. */
  set isFull(isFull: boolean) {
    this.#context.store.isFull = isFull
  }

  get stats(): { readonly records: number; readonly bytes: number } {
    return { records: this.#context.store.records, bytes: this.#context.store.bytes }
  }

  /** Takes a row starting with `kv!` back from disk, before `start`. Unusable ones are dropped and deleted. */
  load(row: StoreRow): void {
    const { store, ownKeys } = this.#context
    if (row.key.startsWith(OWN_PREFIX)) ownKeys.load(row)
    else store.load(row)
  }

  start(now: Millis): void {
    const { store, ownKeys, timers, tunables } = this.#context
    store.start(now)
    ownKeys.start(store.entries())
    // No further ahead than others accept: a clock that was once wrong must not end our writing.
    for (const { record } of store.entries()) {
      this.#clock.observe(record.stamp, now, STAMP_AHEAD_MS_MAX)
    }
    this.#repair.start(now)
    timers.set(this.#sweep, now + tunables.sweepPeriodMs)
  }

  handle(input: KvInput, now: Millis): void {
    switch (input.type) {
      case 'tick':
        this.#context.timers.fire(now)
        return
      case 'put':
        this.#callers.put(input, now)
        return
      case 'delete':
        this.#callers.delete(input, now)
        return
      case 'get':
        this.#callers.get(input, now)
        return
      case 'cancel':
        this.#callers.cancel(input.request)
        return
      case 'frame':
        this.#frames(input.peer, input.bytes, now)
        return
      case 'unreachable':
        this.#context.calls.unreachable(input.peer, now)
        return
      case 'members':
        this.#members(input, now)
        return
      case 'observers':
        this.#observers = input.peers
        return
      case 'offer':
        this.#offer(input, now)
        return
      case 'searched':
        this.#context.searches.ended(input.search, input, now)
        return
      default:
        unreachable(input)
    }
  }

  poll(): KvOutput | undefined {
    return this.#outbox.shift() ?? this.#packer.shift()
  }

  nextDeadline(): Millis | undefined {
    return this.#context.timers.next()
  }

  /** How callers' replicas are found. */
  get mode(): PlacementMode {
    return this.#context.placement.mode
  }

  /** The encoded record under a record key (`/k/KEY` in UTF-8); undefined when absent or expired at `now`. */
  lookup(recordKey: Uint8Array, now: Millis): Uint8Array | undefined {
    return this.#context.store.live(recordId(recordKey), now)?.bytes
  }

  /**
   * The keys that this node has written and not deleted, neither expired nor, as far as it knows, overwritten by
   * others, page by page.
   * @param after the `next` of the page before; empty: from the beginning
   */
  ownKeys(after: string, limit: number, now: Millis): KvKeyPage {
    return this.#context.ownKeys.page(after, limit, now)
  }

  /** Whether a record that somebody offers under a record key may count. */
  isSound(key: Uint8Array, bytes: Uint8Array, now: Millis): boolean {
    return this.#replica.fault(bytes, key, now) === undefined
  }

  /** The members that hold a shared key in the current view, closest first. */
  replicaSet(key: string): readonly PeerId[] {
    const { id } = placeAt({ namespace: 'k', key, author: this.#context.signer.publicKey })
    return this.#ring.closest(id, this.#context.replication).map(({ peerId }) => peerId)
  }

  #isReplicaOf(id: Uint8Array): boolean {
    const { replication, signer } = this.#context
    if (this.#ring.size <= replication) return this.#ring.member(signer.peerId) !== undefined
    return this.#ring.closest(id, replication).some(({ peerId }) => peerId === signer.peerId)
  }

  #frames(peer: PeerId, bytes: Uint8Array, now: Millis): void {
    const unpacked = unpack(bytes)
    if (unpacked.ok) for (const frame of unpacked.value) this.#frame(peer, frame, now)
    else this.#context.emit({ type: 'dropped', reason: `kv frame: ${unpacked.reason}` })
  }

  #frame(peer: PeerId, bytes: Uint8Array, now: Millis): void {
    const decoded = decodeFrame(bytes)
    if (!decoded.ok) {
      this.#context.emit({ type: 'dropped', reason: `kv frame: ${decoded.reason}` })
      return
    }
    const frame = decoded.value
    switch (frame.type) {
      case 'put':
      case 'get':
      case 'compare':
      case 'items':
        this.#replica.handle(peer, frame, now)
        return
      default:
        if (this.#observers.has(peer)) {
          this.#context.emit({ type: 'dropped', reason: 'kv answer of an observer' })
        } else this.#context.calls.answered(peer, frame, now)
    }
  }

  #members(input: KvInput & { readonly type: 'members' }, now: Millis): void {
    const { members, lost } = input
    const self = ownMember(this.#context.signer)
    const others = members.filter(({ peerId }) => peerId !== self.peerId)
    const before = this.#ring
    const isHolder = !this.#isObserver && input.isHolder !== false
    this.#ring = new Ring(isHolder ? [self, ...others] : others, before)
    this.#lost = lost
    assert(lost >= 0, 'the number of lost members is not negative')
    if (!this.#ring.hasSamePeers(before)) this.#repair.viewChanged(now)
    for (const { peerId, isSuspect } of before.members()) {
      if (isSuspect && this.#ring.member(peerId)?.isSuspect === false)
        this.#repair.returned(peerId, now)
    }
  }

  #offer(input: KvInput & { readonly type: 'offer' }, now: Millis): void {
    const { request, key, record } = input
    const admission = this.#replica.admit(record, key, now)
    const done = { type: 'offer-done', request, gated: true } as const
    switch (admission.outcome) {
      case 'stored':
      case 'same':
        this.#context.emit({ ...done, outcome: 'stored' })
        return
      case 'stale':
        this.#context.emit({ ...done, outcome: 'stale' })
        return
      case 'refused':
        this.#context.emit({ ...done, outcome: 'refused', reason: admission.reason })
        return
      default:
        unreachable(admission)
    }
  }

  #sweepDue(now: Millis): void {
    const { store, ownKeys, timers, tunables } = this.#context
    ownKeys.sweep(now)
    this.#burial.offer(store.sweep(now), now)
    timers.set(this.#sweep, now + tunables.sweepPeriodMs)
  }
}

function ownMember({ peerId, publicKey }: Signer): KvMember {
  return { peerId, publicKey, isSuspect: false }
}
