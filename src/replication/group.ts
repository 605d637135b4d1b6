import { present } from '../base/assert.ts'
import { Writer } from '../base/codec.ts'
import { HearsayError } from '../base/errors.ts'
import { equal64, type Hash64 } from '../base/hash.ts'
import type { Stamp } from '../base/hybrid-clock.ts'
import type { ReplicaId } from '../base/ids.ts'
import type { Event, Transaction } from '../crdt/event.ts'
import { REPLICAS_MAX, TRANSACTION_BYTES_MAX, TRANSACTION_EVENTS_MAX } from '../crdt/limits.ts'
import type { LiveObject } from '../crdt/live-object.ts'
import { type Effects, LiveState } from '../crdt/live-state.ts'
import { mutate } from '../crdt/mutate.ts'
import type { CheckedOperation } from '../crdt/operation.ts'
import {
  checksumOf,
  decodeTransaction,
  decodeTransactionHead,
  encodeTransaction,
  groupSeed,
} from '../crdt/transaction.ts'
import type { VectorEntry } from './frames.ts'
import { ReplicaLog } from './replica-log.ts'
import { Staging, type StagingLimits } from './staging.ts'
import { transactionBuilder } from './transaction-builder.ts'

/** A transaction that has just become part of the state here. */
export interface Integrated {
  readonly replica: ReplicaId
  /** Interned in the group. */
  readonly writer: number
  readonly n0: number
  readonly count: number
  readonly stamp: Stamp
  readonly bytes: Uint8Array
}

/** What became of transaction bytes from a peer. */
export type Receipt =
  /** With staged ones that it set free, in order. `chainBroken`: it does not continue what we hold. */
  | {
      readonly type: 'integrated'
      readonly transactions: readonly Integrated[]
      readonly touched: ReadonlySet<LiveObject>
      readonly chainBroken: boolean
    }
  | { readonly type: 'duplicate' | 'staged'; readonly replica: ReplicaId; readonly end: number }
  /** Other events under dots that we hold: ours are kept. */
  | { readonly type: 'conflict'; readonly replica: ReplicaId; readonly n0: number }
  | { readonly type: 'dropped'; readonly reason: string }

/** Outcome of a local transaction. */
export interface Written {
  readonly results: readonly { readonly changed: number }[]
  /** Undefined when nothing had to change. */
  readonly transaction: Integrated | undefined
  readonly touched: ReadonlySet<LiveObject>
}

/** One group's replicated state with the log it came from. */
export class Group {
  readonly name: string
  readonly state: LiveState = new LiveState()
  readonly #seed: Hash64
  readonly #logs: ReplicaLog[] = []
  readonly #staging: Staging
  /** Own events up to here are durable at some peer. */
  ackedOwn = 0

  constructor(name: string, limits: StagingLimits) {
    this.name = name
    this.#seed = groupSeed(name)
    this.#staging = new Staging(limits)
  }

  get isEmpty(): boolean {
    return this.state.events === 0
  }

  /** Vector hash (8 B) and fingerprint (8 B): equal digests, equal state. */
  digest(): Uint8Array {
    const { vectorHash, fingerprint } = this.state
    const writer = new Writer(16).uint32(vectorHash.high).uint32(vectorHash.low)
    return writer.uint32(fingerprint.high).uint32(fingerprint.low).finish()
  }

  /** The version vector. */
  vector(): readonly VectorEntry[] {
    const entries: VectorEntry[] = []
    for (let i = 0; i < this.state.replicaCount; i++) {
      const n = this.state.have(i)
      if (n > 0) entries.push({ replica: this.state.replicaAt(i), n })
    }
    return entries
  }

  log(writer: number): ReplicaLog {
    let log = this.#logs[writer]
    if (log === undefined) {
      log = new ReplicaLog()
      this.#logs[writer] = log
    }
    return log
  }

  /** Takes in a transaction of any writer, in any order, any number of times. */
  receive(bytes: Uint8Array): Receipt {
    const head = decodeTransactionHead(bytes)
    if (!head.ok) return { type: 'dropped', reason: 'transaction-malformed' }
    const { replica, n0, count, checksum } = head.value
    const writer = this.state.indexOf(replica)
    const have = writer === undefined ? 0 : this.state.have(writer)
    if (writer !== undefined && n0 <= have) {
      const held = this.log(writer).startingAt(n0)
      if (held !== undefined && equal64(checksumOf(held), checksum)) {
        return { type: 'duplicate', replica, end: n0 + count - 1 }
      }
    }
    const decoded = decodeTransaction(bytes, this.#seed)
    if (!decoded.ok) return { type: 'dropped', reason: 'transaction-malformed' }
    if (n0 <= have) return { type: 'conflict', replica, n0 }
    if (!this.#hasRoomFor(decoded.value)) return { type: 'dropped', reason: 'replicas-limit' }
    // A view into a frame would keep the whole frame in memory.
    const staged = { transaction: decoded.value, bytes: bytes.slice() }
    if (n0 > have + 1) {
      if (!this.#staging.add(replica, staged)) return { type: 'dropped', reason: 'staging-full' }
      return { type: 'staged', replica, end: n0 + count - 1 }
    }
    return this.#integrateFrom(replica, staged)
  }

  /** Restores one transaction from the log; false when it does not continue what was restored. */
  restore(bytes: Uint8Array): Integrated | undefined {
    const decoded = decodeTransaction(bytes, this.#seed)
    if (!decoded.ok) return undefined
    const replica = present(decoded.value.replicas[0], 'writer')
    if (decoded.value.n0 !== this.state.haveOf(replica) + 1) return undefined
    return this.#integrate(decoded.value, bytes, { touched: new Set() })
  }

  /**
   * Applies operations as one transaction of `self`, all or nothing.
   * @throws {HearsayError} ERR_LIMIT @throws {RangeError} nothing changed then
   */
  write(self: ReplicaId, operations: readonly CheckedOperation[], stamp: Stamp): Written {
    const { state } = this
    if (state.indexOf(self) === undefined && state.replicaCount >= REPLICAS_MAX) {
      throw new HearsayError('ERR_LIMIT', `Cannot write: the group has ${REPLICAS_MAX} writers`)
    }
    const writer = state.intern(self)
    const before = state.have(writer)
    const effects: Effects = { touched: new Set(), changes: [] }
    const builder = transactionBuilder(state, writer)
    try {
      const results = operations.map((operation) => ({
        changed: mutate(state, operation, writer, (content, kills) => {
          const event = builder.add(content, kills)
          const n = before + builder.events.length
          if (builder.events.length > TRANSACTION_EVENTS_MAX) throw tooLarge('events')
          state.apply({ replica: writer, n, stamp }, event, builder.table, effects)
        }),
      }))
      if (builder.events.length === 0) {
        return { results, transaction: undefined, touched: effects.touched }
      }
      const previous = this.log(writer).lastChecksum
      const { replicas, events } = builder
      const bytes = encodeTransaction(
        { n0: before + 1, stamp, flags: 0, previous, replicas, events },
        this.#seed,
      )
      if (bytes.length > TRANSACTION_BYTES_MAX) throw tooLarge('bytes')
      const transaction = this.#append(self, { writer, n0: before + 1, events, stamp, bytes })
      return { results, transaction, touched: effects.touched }
    } catch (error) {
      state.takeBack(writer, before, effects)
      throw error
    }
  }

  #integrateFrom(
    replica: ReplicaId,
    first: { transaction: Transaction; bytes: Uint8Array },
  ): Receipt {
    const touched = new Set<LiveObject>()
    const transactions: Integrated[] = []
    let chainBroken = false
    let next: { transaction: Transaction; bytes: Uint8Array } | undefined = first
    this.#staging.take(replica, first.transaction.n0)
    while (next !== undefined && this.#hasRoomFor(next.transaction)) {
      const { previous } = next.transaction
      const log = this.log(this.state.intern(replica))
      if (!equal64(log.lastChecksum, previous)) chainBroken = true
      const integrated = this.#integrate(next.transaction, next.bytes, { touched })
      transactions.push(integrated)
      next = this.#staging.take(replica, integrated.n0 + integrated.count)
    }
    return { type: 'integrated', transactions, touched, chainBroken }
  }

  #integrate(transaction: Transaction, bytes: Uint8Array, effects: Effects): Integrated {
    const { replicas, events, n0, stamp } = transaction
    const table = replicas.map((replica) => this.state.intern(replica))
    const writer = present(table[0], 'writer')
    let n = n0
    for (const event of events) {
      this.state.apply({ replica: writer, n, stamp }, event, table, effects)
      n += 1
    }
    const replica = present(replicas[0], 'writer')
    return this.#append(replica, { writer, n0, events, stamp, bytes })
  }

  #append(
    replica: ReplicaId,
    applied: {
      writer: number
      n0: number
      events: readonly Event[]
      stamp: Stamp
      bytes: Uint8Array
    },
  ): Integrated {
    const { writer, n0, events, stamp, bytes } = applied
    this.state.advance(writer, n0 - 1)
    this.log(writer).append(n0, events.length, bytes)
    return { replica, writer, n0, count: events.length, stamp, bytes }
  }

  #hasRoomFor(transaction: Transaction): boolean {
    let unknown = 0
    for (const replica of transaction.replicas) {
      if (this.state.indexOf(replica) === undefined) unknown += 1
    }
    return unknown === 0 || this.state.replicaCount + unknown <= REPLICAS_MAX
  }
}

function tooLarge(what: 'events' | 'bytes'): HearsayError {
  const max = what === 'events' ? TRANSACTION_EVENTS_MAX : TRANSACTION_BYTES_MAX
  return new HearsayError('ERR_LIMIT', `Cannot transact: the transaction exceeds ${max} ${what}`, {
    hint: 'Split it into several transactions',
  })
}
