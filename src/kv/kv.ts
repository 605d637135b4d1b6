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
import { HearsayError } from '../base/errors.ts'
import { HybridClock } from '../base/hybrid-clock.ts'
import type { PeerId } from '../base/ids.ts'
import { checkNumber } from '../base/options.ts'
import type { Random } from '../base/random.ts'
import type { Signer } from '../base/signer.ts'
import {
  RECORD_TTL_MS,
  RECORD_TTL_MS_MAX,
  sealRecord,
  TOMBSTONE_TTL_MS,
  VALUE_BYTES_MAX,
} from '../records/record.ts'
import { keyFault, recordId } from '../records/record-key.ts'
import { STAMP_AHEAD_MS_MAX } from '../records/validate.ts'
import { Calls } from './calls.ts'
import { decodeFrame } from './frame.ts'
import { GetOperation } from './get-operation.ts'
import { type KvContext, placeOfKey } from './kv-context.ts'
import type { KvInput, KvLevel, KvMember, KvOutput } from './kv-contract.ts'
import { type KvTunables, kvTunables, REPLICATION_MAX } from './options.ts'
import { PeerTable } from './peer-table.ts'
import { PutOperation } from './put-operation.ts'
import { RecordStore } from './record-store.ts'
import { Repair } from './repair.ts'
import { Replica } from './replica.ts'
import { placeOf, Ring } from './ring.ts'
import { Alarm, Timers } from './timers.ts'

export type { KvInput, KvLevel, KvMember, KvOutput } from './kv-contract.ts'

export interface KvOptions {
  readonly signer: Signer
  readonly random: Random
  /** Replicas of a record, N, 1 … 32. */
  readonly replication: number
  readonly tunables?: Partial<KvTunables>
}

/** A write as the caller asked for it; `value` undefined deletes. */
interface Write {
  readonly request: number
  readonly key: string
  readonly value: Uint8Array | undefined
  readonly ttlMs: Millis
  readonly level: KvLevel
}

export class Kv implements Core<KvInput, KvOutput> {
  readonly #outbox = new Outbox<KvOutput>()
  readonly #context: KvContext
  readonly #replica: Replica
  readonly #repair: Repair
  readonly #operations = new Map<number, PutOperation | GetOperation>()
  readonly #sweep: Alarm = new Alarm((now) => this.#sweepDue(now))
  readonly #clock = new HybridClock()
  #ring: Ring
  #lost = 0

  /** @throws {TypeError} @throws {RangeError} on options that cannot work */
  constructor(options: KvOptions) {
    const { signer, random, replication } = options
    checkNumber('replication', replication, { min: 1, max: REPLICATION_MAX, isInteger: true })
    const tunables = kvTunables(options.tunables)
    const emit = (output: KvOutput): void => this.#outbox.push(output)
    const timers = new Timers()
    const peers = new PeerTable()
    const selfId = placeOf(signer.publicKey)
    this.#ring = new Ring([ownMember(signer)])
    const store = new RecordStore({
      signer,
      tunables,
      selfId,
      emit,
      isInRange: (id) => this.#isReplicaOf(id),
    })
    this.#context = {
      signer,
      random,
      tunables,
      replication,
      timers,
      peers,
      calls: new Calls({ tunables, random, timers, peers, emit }),
      store,
      emit,
      ring: () => this.#ring,
      clock: this.#clock,
    }
    this.#replica = new Replica(this.#context)
    this.#repair = new Repair(this.#context)
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
    this.#context.store.load(row)
  }

  start(now: Millis): void {
    const { store, timers, tunables } = this.#context
    store.start(now)
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
        this.#write({ ...input, ttlMs: input.ttlMs ?? RECORD_TTL_MS }, now)
        return
      case 'delete':
        this.#write({ ...input, value: undefined, ttlMs: TOMBSTONE_TTL_MS }, now)
        return
      case 'get':
        this.#get(input.request, input.key, now)
        return
      case 'cancel':
        this.#operations.get(input.request)?.cancel()
        return
      case 'frame':
        this.#frame(input.peer, input.bytes, now)
        return
      case 'unreachable':
        this.#context.calls.unreachable(input.peer, now)
        return
      case 'members':
        this.#members(input.members, input.lost, now)
        return
      case 'offer':
        this.#offer(input, now)
        return
      default:
        unreachable(input)
    }
  }

  poll(): KvOutput | undefined {
    return this.#outbox.shift()
  }

  nextDeadline(): Millis | undefined {
    return this.#context.timers.next()
  }

  /** The encoded record under a record key (`/k/KEY` in UTF-8); undefined when absent or expired at `now`. */
  lookup(recordKey: Uint8Array, now: Millis): Uint8Array | undefined {
    return this.#context.store.live(recordId(recordKey), now)?.bytes
  }

  /** The members that hold a key in the current view, closest first. */
  replicaSet(key: string): readonly PeerId[] {
    const { id } = placeOfKey(key)
    return this.#ring.closest(id, this.#context.replication).map(({ peerId }) => peerId)
  }

  #isReplicaOf(id: Uint8Array): boolean {
    const { replication, signer } = this.#context
    if (this.#ring.size <= replication) return true
    return this.#ring.closest(id, replication).some(({ peerId }) => peerId === signer.peerId)
  }

  #write({ request, key, value, ttlMs, level }: Write, now: Millis): void {
    const fault = this.#keyError(key) ?? valueError(value) ?? ttlError(ttlMs) ?? this.#loadError()
    if (fault !== undefined) {
      this.#context.emit({ type: 'refused', request, error: fault })
      return
    }
    const { signer } = this.#context
    const stamp = this.#clock.next(now)
    const expiresAt = Math.ceil(now + ttlMs)
    const record = sealRecord({ namespace: 'k', key, value, stamp, expiresAt }, signer)
    const operation = new PutOperation(this.#context, {
      request,
      place: placeOfKey(key),
      record,
      level,
      lost: this.#lost,
      finished: () => this.#operations.delete(request),
    })
    this.#operations.set(request, operation)
    operation.start(now)
  }

  #get(request: number, key: string, now: Millis): void {
    const fault = this.#keyError(key) ?? this.#loadError()
    if (fault !== undefined) {
      this.#context.emit({ type: 'refused', request, error: fault })
      return
    }
    const place = placeOfKey(key)
    const finished = (): boolean => this.#operations.delete(request)
    const operation = new GetOperation(this.#context, { request, place, finished })
    this.#operations.set(request, operation)
    operation.start(now)
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
      case 'digests':
        this.#replica.handle(peer, frame, now)
        return
      default:
        this.#context.calls.answered(peer, frame, now)
    }
  }

  #members(members: readonly KvMember[], lost: number, now: Millis): void {
    const self = ownMember(this.#context.signer)
    const others = members.filter(({ peerId }) => peerId !== self.peerId)
    const before = this.#ring
    this.#ring = new Ring([self, ...others], before)
    this.#lost = lost
    assert(lost >= 0, 'the number of lost members is not negative')
    if (!this.#ring.hasSamePeers(before)) this.#repair.viewChanged(now)
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
    const { store, timers, tunables } = this.#context
    store.sweep(now)
    timers.set(this.#sweep, now + tunables.sweepPeriodMs)
  }

  #keyError(key: string): HearsayError | TypeError | undefined {
    switch (keyFault(key)) {
      case 'empty':
        return new TypeError('Cannot use a DHT key: it is empty')
      case 'malformed':
        return new TypeError('Cannot use a DHT key: it holds a lone surrogate')
      case 'oversized':
        return new HearsayError('ERR_LIMIT', 'Cannot use a DHT key: it is longer than 1 KiB')
      case undefined:
        return undefined
    }
  }

  #loadError(): HearsayError | undefined {
    const { operationsMax } = this.#context.tunables
    if (this.#operations.size < operationsMax) return undefined
    const message = `Cannot start a DHT operation: ${operationsMax} are under way`
    return new HearsayError('ERR_OVERLOADED', message, { hint: 'Wait for some of them to end' })
  }
}

function ownMember({ peerId, publicKey }: Signer): KvMember {
  return { peerId, publicKey, isSuspect: false }
}

function valueError(value: Uint8Array | undefined): HearsayError | undefined {
  const bytes = value?.length ?? 0
  if (bytes <= VALUE_BYTES_MAX) return undefined
  const message = `Cannot store a DHT value: expected at most ${VALUE_BYTES_MAX} bytes: ${bytes}`
  return new HearsayError('ERR_LIMIT', message, { hint: 'Split it over several keys' })
}

function ttlError(ttlMs: Millis): RangeError | undefined {
  if (ttlMs >= 1 && ttlMs <= RECORD_TTL_MS_MAX) return undefined
  return new RangeError(`Cannot use ttlMs: expected 1 … ${RECORD_TTL_MS_MAX}: ${ttlMs}`)
}
