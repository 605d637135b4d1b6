import { present } from '../../../base/assert.ts'
import { fromHex, fromUtf8 } from '../../../base/bytes.ts'
import { DecodeError } from '../../../base/codec.ts'
import type { StoreRow, StoreWrite } from '../../../base/core.ts'
import { parseReplicaId, type ReplicaId } from '../../../base/ids.ts'
import type { Lanes } from '../../../crdt/event-draft.ts'
import { KIND_NONE } from '../../../crdt/kinds.ts'
import { replicaLanes } from '../../../crdt/lanes.ts'
import { KILLS_MAX } from '../../../crdt/limits.ts'
import { KILLS_PER_EVENT_MAX } from '../../../crdt/mutate.ts'
import { damaged, logRow, parseRow } from '../rows.ts'
import { killsOf, RunBuilder } from './run-builder.ts'
import { decodeOldTransaction, type OldEvent, type OldTransaction } from './transaction.ts'

/*
 * Format 1 kept one row a transaction:
 *
 *   state!log!GROUP!REPLICA!N0       see transaction.ts
 *
 * Format 2 keeps rows of runs. The events stay what they are: dots, stamps, contents, kills and the borders
 * of transactions. Chains are new and depend on nothing else, so that members that migrate the same events
 * each for itself, packed into other runs and as far as each had come, agree on their chains.
 *
 * Format 1 had no limit on how many entries one transaction kills. What a run does not take is left out, by a
 * rule that depends on the transaction alone, and killed anew by this store's own replica, at the end: kills
 * of a dot may repeat, so members may all do that.
 */

const OLD_LOG_KEY = /^state!log!([0-9a-f]+)!([0-9a-f]{32})!([0-9a-f]{14})$/
const REPLICA_KEY = 'state!replica'
const NOTHING: Uint8Array = new Uint8Array(0)
/** The first row of a group's log; the loader counts from it. */
const FIRST_SEQUENCE = 1

interface WriterProgress {
  readonly have: number
  readonly chain: Lanes
  readonly stamp: number
}

interface GroupProgress {
  readonly name: string
  sequence: number
  readonly writers: Map<ReplicaId, WriterProgress>
  /** Kills that no run took. */
  readonly leftOver: Map<ReplicaId, number[]>
}

/**
 * Rewrites the state of a store of format 1, a row at a time, in memory for one run and one row. Rows of
 * other owners and other shapes are left alone.
 */
export class StateMigration {
  readonly #run = new RunBuilder()
  #group: GroupProgress | undefined
  /** Who wrote what gathers in the run. */
  #writer: ReplicaId | undefined
  #replica: ReplicaId | undefined
  readonly #unfinished: GroupProgress[] = []

  /**
   * Takes in the next row, in key order. @returns what to write because of it
   * @throws {HearsayError} ERR_STORE when a row of the state is damaged or one before it is missing
   */
  add(row: StoreRow): readonly StoreWrite[] {
    if (row.key === REPLICA_KEY) {
      const parsed = parseRow(row)
      if (parsed.type === 'replica') this.#replica = parsed.replica
      return []
    }
    const parts = OLD_LOG_KEY.exec(row.key)
    if (parts === null) return []
    const name = fromUtf8(present(fromHex(parts[1] ?? ''), 'hexadecimal of a key'))
    const replica = present(parseReplicaId(parts[2] ?? ''), 'replica id of a key')
    const n0 = Number.parseInt(parts[3] ?? '', 16)
    const read = decodeOldTransaction(row.value, name)
    if (!read.ok) throw damaged(`row ${row.key}: ${read.reason}`)
    const transaction = read.value
    if (transaction.replicas[0] !== replica || transaction.n0 !== n0) {
      throw damaged(`row ${row.key} holds something else`)
    }
    const writes: StoreWrite[] = [{ key: row.key, value: undefined }]
    if (this.#group?.name !== name) this.#enter(name, writes)
    const group = present(this.#group, 'group of a row')
    if (n0 !== (group.writers.get(replica)?.have ?? 0) + 1) {
      throw damaged(`rows before ${row.key} are missing`)
    }
    const { kept, rest } = partedKills(transaction)
    for (const [id, dots] of rest) {
      group.leftOver.set(id, [...(group.leftOver.get(id) ?? []), ...dots])
    }
    this.#append(kept, row.value.length, writes)
    return writes
  }

  /** After the last row. @throws {HearsayError} ERR_STORE as {@link add} */
  end(): readonly StoreWrite[] {
    const writes: StoreWrite[] = []
    this.#leave(writes)
    for (const group of this.#unfinished) this.#killLeftOver(group, writes)
    return writes
  }

  #enter(name: string, writes: StoreWrite[]): void {
    this.#leave(writes)
    this.#group = { name, sequence: FIRST_SEQUENCE, writers: new Map(), leftOver: new Map() }
  }

  #leave(writes: StoreWrite[]): void {
    this.#close(writes)
    const group = this.#group
    if (group !== undefined && group.leftOver.size > 0) this.#unfinished.push(group)
    this.#group = undefined
  }

  #append(transaction: OldTransaction, bytes: number, writes: StoreWrite[]): void {
    const { n0, events, stamp } = transaction
    const { writers } = present(this.#group, 'group of a transaction')
    const writer = present(transaction.replicas[0], 'writer of a transaction')
    const isOpen = this.#run.count > 0
    if (isOpen && (this.#writer !== writer || !this.#run.hasRoom(transaction, bytes))) {
      this.#close(writes)
    }
    if (this.#run.count === 0) {
      const chain = writers.get(writer)?.chain ?? replicaLanes(writer)
      this.#run.begin(writer, n0, chain, stamp)
      this.#writer = writer
    }
    this.#run.add(transaction)
    const have = n0 + events.length - 1
    writers.set(writer, { have, chain: this.#run.chain, stamp })
  }

  /** Ends the run that gathers: a row of its own. */
  #close(writes: StoreWrite[]): void {
    const group = this.#group
    if (group === undefined || this.#writer === undefined || this.#run.count === 0) return
    try {
      writes.push(logRow(group.name, group.sequence, [this.#run.finish()]))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      throw damaged(`events of ${this.#writer} in group ${group.name}: ${error.message}`)
    }
    group.sequence += 1
  }

  #killLeftOver(group: GroupProgress, writes: StoreWrite[]): void {
    const self = this.#replica
    if (self === undefined) throw damaged('row state!replica is missing')
    this.#group = group
    for (const [replica, dots] of group.leftOver) {
      for (let from = 0; from < dots.length; from += KILLS_PER_EVENT_MAX) {
        const killDots = dots.slice(from, from + KILLS_PER_EVENT_MAX)
        const own = group.writers.get(self)
        const transaction: OldTransaction = {
          n0: (own?.have ?? 0) + 1,
          // Nothing reads a kill's stamp, and no foreign clock may move ours.
          stamp: (own?.stamp ?? 0) + 1,
          replicas: replica === self ? [self] : [self, replica],
          events: [killing(replica === self ? 0 : 1, killDots)],
        }
        this.#append(transaction, killDots.length, writes)
      }
    }
    this.#close(writes)
    this.#group = undefined
  }
}

function killing(replica: number, killDots: readonly number[]): OldEvent {
  const killReplicas = killDots.map(() => replica)
  return {
    kind: KIND_NONE,
    object: '',
    key: NOTHING,
    payload: NOTHING,
    killReplicas,
    killDots,
  }
}

interface PartedKills {
  /** The transaction with as many kills as a run takes. */
  readonly kept: OldTransaction
  /** The dots that it killed besides. */
  readonly rest: ReadonlyMap<ReplicaId, readonly number[]>
}

/** Every event keeps its first kill, for one without any effect could not stay, and then all until a run is full. */
function partedKills(transaction: OldTransaction): PartedKills {
  const { events, replicas } = transaction
  const rest = new Map<ReplicaId, number[]>()
  if (killsOf(events) <= KILLS_MAX) return { kept: transaction, rest }
  let room = KILLS_MAX - events.filter(({ killDots }) => killDots.length > 0).length
  const kept = events.map((event) => {
    const { killReplicas, killDots } = event
    const keeps = Math.min(killDots.length, 1 + room)
    room -= Math.max(0, keeps - 1)
    if (keeps === killDots.length) return event
    for (let k = keeps; k < killDots.length; k++) {
      const id = present(replicas[killReplicas[k] ?? 0], 'replica of a kill')
      const dots = rest.get(id)
      if (dots === undefined) rest.set(id, [killDots[k] ?? 0])
      else dots.push(killDots[k] ?? 0)
    }
    return {
      ...event,
      killReplicas: killReplicas.slice(0, keeps),
      killDots: killDots.slice(0, keeps),
    }
  })
  return { kept: { ...transaction, events: kept }, rest }
}
