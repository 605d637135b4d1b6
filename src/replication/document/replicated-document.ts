import { DecodeError } from '../../base/codec.ts'
import type { Millis } from '../../base/core.ts'
import { HearsayError } from '../../base/errors.ts'
import { HybridClock } from '../../base/hybrid-clock.ts'
import type { ReplicaId } from '../../base/ids.ts'
import type { Operation } from '../../crdt/operation.ts'
import { replicaOf } from '../../crdt/replica-bytes.ts'
import { REPLICA_BYTES } from '../../crdt/run-format.ts'
import { decodeRunHead } from '../../crdt/run-head.ts'
import { RunReader } from '../../crdt/run-reader.ts'
import { adoptHead } from '../base/adoption.ts'
import { headOf } from '../base/base-walk.ts'
import type { ObjectChange } from '../group/changes.ts'
import { Group } from '../group/group.ts'
import { GROUP_DEFAULTS } from '../group/group-defaults.ts'
import { GroupView } from '../group/group-view.ts'
import { reaches, visitMissing } from '../group/missing.ts'
import { transact } from '../group/transact.ts'
import type { Told } from '../group/waiting-changes.ts'
import { headFault } from '../identity/head-fault.ts'
import { NO_RESULTS, type Results } from '../results.ts'
import { type Difference, decodeDifference, encodeEvents, encodeLiving } from './difference.ts'
import { applyBlock, type Checked, checkBlocks } from './living.ts'
import type { Version } from './version.ts'

/** Why a document has not taken in what it was given, or not all of it. */
export type IntegrationRefusal =
  /** No difference, a damaged one, or one by a newer version of the library. */
  | 'malformed'
  /** More events than the caller allows. */
  | 'too-large'
  /** Two histories were written under one replica id; ours is kept. */
  | 'conflict'
  /** Above 4,096 writers, or more events, or removals of events, than may wait for earlier ones. */
  | 'limit'

/** An object that changed. */
export type DocumentChange = Omit<ObjectChange, 'diff'>

export interface Integration {
  /** Events that were new here. */
  readonly events: number
  /** Whether some wait for earlier ones: ask for a difference with the present version. */
  readonly isWaiting: boolean
  /** Why all or a part was not taken in; what came before that part is. */
  readonly refused: IntegrationRefusal | undefined
}

export interface IntegrateOptions {
  /**
   * Events or entries that one call may bring. A byte may stand for 64 of them, each some 100 bytes of memory
   * and a microsecond. @default 4_194_304
   */
  readonly eventsMax?: number
}

export interface DocumentOptions {
  /**
   * Who writes: 16 bytes. Take random ones for each document that is made or loaded, unless it is sure that it
   * holds all that was ever written by them, and that nobody else writes by them.
   */
  readonly replica: Uint8Array
  /** The wall clock in Unix ms: of concurrent writes to a register the later one wins. */
  readonly now: () => Millis
  /**
   * Bytes of log kept, 160 a run included. Whoever lacks what it no longer holds gets all that lives instead.
   * @default 67_108_864
   */
  readonly logBytesMax?: number
}

/** Readers of the objects, as a node has them. Each answer is the reader's own. */
export type DocumentView = Omit<GroupView, 'undoable'>

/** Nobody sees it. */
const NAME = 'document'
const EVENTS_MAX: number = 1 << 22
const { logBytesMax: LOG_BYTES_MAX, waitingKillsMax: WAITING_KILLS_MAX } = GROUP_DEFAULTS
const NOTHING_SEEN: Version = new Map()

/**
 * Replicated state without a node, in memory and synchronous: objects of one group that merge with those of
 * other documents by bytes which their users carry. It has no store, no network, no undo, and no way to repair an
 * identity that was used twice.
 */
export class ReplicatedDocument {
  readonly view: DocumentView
  readonly replica: ReplicaId
  readonly #now: () => Millis
  readonly #logBytesMax: number
  readonly #clock = new HybridClock()
  readonly #runs = new RunReader()
  readonly #group: Group

  /** @throws {TypeError} `replica` is not 16 bytes */
  constructor({ replica, now, logBytesMax = LOG_BYTES_MAX }: DocumentOptions) {
    if (replica.length !== REPLICA_BYTES) {
      throw new TypeError('Cannot use option replica: expected 16 bytes')
    }
    this.replica = replicaOf(replica)
    this.#now = now
    this.#logBytesMax = logBytesMax
    const group: Group = new Group(NAME, GROUP_DEFAULTS, this.#runs, {
      killRoom: () => WAITING_KILLS_MAX - group.state.pendingKillCount(),
    })
    this.#group = group
    this.view = new GroupView(() => group)
  }

  /**
   * Applies operations as one transaction: all or nothing, here and wherever it goes.
   * @returns how much each has changed
   * @throws {TypeError} @throws {RangeError} @throws {HearsayError} ERR_LIMIT, ERR_INVALID; nothing changed then
   */
  transact(operations: readonly Operation[]): Results {
    const told = this.#write(operations)
    this.#group.settle()
    return told.results
  }

  /** As {@link transact}, without telling what it changed: several in a row cost less. */
  write(operations: readonly Operation[]): void {
    this.#write(operations)
  }

  /** How much of whom has been seen: others tell by it what is missing here. */
  version(): Version {
    this.#keep()
    return new Map(this.#group.vector().map(({ replica, n }) => [replica, n]))
  }

  /** 16 bytes: documents with equal ones hold the same. */
  digest(): Uint8Array {
    return this.#group.digest()
  }

  /** Objects that have changed since the last call. */
  changes(): readonly DocumentChange[] {
    this.#group.settle()
    return this.#group.changes.take()
  }

  /**
   * What somebody lacks who has seen a version: exactly those events or, where the log does not reach back to it,
   * all that lives.
   * @throws {HearsayError} ERR_UNSUPPORTED: that would leave out what only a newer version of the library knows
   */
  difference(version: Version = NOTHING_SEEN): Uint8Array {
    this.#keep()
    const group = this.#group
    if (!reaches(group, version)) return this.#living()
    const runs: Uint8Array[] = []
    visitMissing(group, version, this.#runs, (_, { bytes }) => runs.push(bytes) > 0)
    return encodeEvents(runs)
  }

  /** All that lives, without its history. @throws {HearsayError} ERR_UNSUPPORTED, as {@link difference} */
  snapshot(): Uint8Array {
    this.#keep()
    const { state } = this.#group
    // A base leaves out what only a newer version can apply.
    const isLogged = state.unapplied > 0 && reaches(this.#group, NOTHING_SEEN)
    return isLogged ? this.difference() : this.#living()
  }

  /**
   * Takes in a difference or a snapshot, from anybody, in any order, any number of times. Never throws on any
   * bytes. A transaction is seen whole or not at all.
   */
  integrate(bytes: Uint8Array, { eventsMax = EVENTS_MAX }: IntegrateOptions = {}): Integration {
    const decoded = decodeDifference(bytes)
    if (!decoded.ok) return refused('malformed')
    const difference = decoded.value
    const { state } = this.#group
    this.#group.close()
    const before = state.events
    const outcome = this.#take(difference, eventsMax)
    this.#keep()
    const events = state.events - before
    return { events, ...outcome }
  }

  #write(operations: readonly Operation[]): Told {
    const told = { results: NO_RESULTS }
    transact(this.#group, operations, this.replica, this.#clock.next(this.#now()), told)
    return told
  }

  #take(difference: Difference, eventsMax: number): Omit<Integration, 'events'> {
    const { head, runs } = difference
    let work = 0
    for (const run of runs) {
      const read = decodeRunHead(run)
      if (!read.ok) return refused('malformed')
      work += read.value.count
    }
    if (work > eventsMax) return refused('too-large')
    if (head.length > 0) {
      const reason = this.#takeLiving(difference, eventsMax - work)
      if (reason !== undefined) return refused(reason)
    }
    let isWaiting = false
    for (const run of runs) {
      const receipt = this.#group.receive(run)
      if (receipt.type === 'conflict') return { isWaiting, refused: 'conflict' }
      if (receipt.type === 'dropped') {
        const isMalformed = receipt.reason === 'run-malformed'
        return { isWaiting, refused: isMalformed ? 'malformed' : 'limit' }
      }
      if (receipt.type === 'staged') isWaiting = true
      if (receipt.type !== 'integrated') continue
      for (const { stamp } of receipt.runs) this.#clock.observe(stamp, this.#now())
    }
    return { isWaiting, refused: undefined }
  }

  /** Merges all that lives elsewhere, or nothing of it. @returns why not */
  #takeLiving({ head, blocks }: Difference, entriesMax: number): IntegrationRefusal | undefined {
    const group = this.#group
    const { state, log } = group
    let checked: Checked
    try {
      checked = checkBlocks(head, blocks, this.#runs)
    } catch (error) {
      if (error instanceof DecodeError) return 'malformed'
      throw error
    }
    if (checked.entries > entriesMax) return 'too-large'
    const fault = headFault(group, head, this.#runs)
    if (fault !== undefined) return fault.forked === undefined ? 'limit' : 'conflict'
    group.changes.origin = 'remote'
    const ids = head.map(({ replica }) => state.intern(replica))
    for (const block of blocks) applyBlock(state, ids[block.writer] ?? 0, block, this.#runs)
    for (const [i, { have, chain }] of head.entries()) {
      const id = ids[i] ?? 0
      if (have > state.have(id)) log.truncate(id, have, chain)
    }
    adoptHead(state, head)
    state.sweep()
    this.#clock.observe(checked.stamp, this.#now())
    return undefined
  }

  /** All that lives, for somebody whom the log does not reach. */
  #living(): Uint8Array {
    const { state } = this.#group
    if (state.unapplied > 0) {
      throw new HearsayError(
        'ERR_UNSUPPORTED',
        'Cannot tell all that lives: it holds events of a newer version',
      )
    }
    return encodeLiving(state, headOf(state))
  }

  /** Closes what is open, and forgets the oldest of the log beyond its budget. */
  #keep(): void {
    const group = this.#group
    const runs = group.takeUnsaved()
    const { sequence } = group
    if (runs.length > 0) group.addRow({ sequence, runs, bytes: 0, at: 0 })
    // Events that only a newer version can apply live in the log alone.
    if (group.state.unapplied > 0) return
    group.log.shrink({ bytesMax: this.#logBytesMax, since: 0, coveredBy: Infinity })
  }
}

function refused(reason: IntegrationRefusal): Integration {
  return { events: 0, isWaiting: false, refused: reason }
}
