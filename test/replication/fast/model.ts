import type { ReplicaId } from '../../../src/base/ids.ts'
import type { LiveState } from '../../../src/crdt/live-state.ts'
import { unpackRun } from '../../../src/crdt/unpack-run.ts'
import type { Group } from '../../../src/replication/group/group.ts'
import type { LoggedRun } from '../../../src/replication/group/group-log.ts'
import { type OracleEvent, oracleEvents } from '../oracle.ts'

/** What must never happen. */
export class Fault extends Error {}

interface ModelEvent {
  readonly starts: boolean
  readonly hasEntry: boolean
  /** Killed dots, as {@link dotOf} numbers them. */
  readonly kills: readonly number[]
  readonly oracle: OracleEvent
}

/** Amounts that were added to counters by what became one row. */
export interface Intent {
  /** The writer's last event then. */
  readonly end: number
  readonly amounts: ReadonlyMap<string, number>
}

interface ModelWriter {
  readonly id: ReplicaId
  /** Event n at n − 1; those beyond `durable` are known to the writer alone. */
  readonly events: ModelEvent[]
  readonly intents: Intent[]
  durable: number
  /** Its disk was lost or put back: what nobody else has is gone. */
  isGone: boolean
}

/** Dots of a writer in a schedule; far more than any writes. */
const DOTS = 1024
const WRITERS = 64

/**
 * Every event that was written, seen from outside: what a replica holds must at all times be the function
 * live(E) of those that its version vector covers, and no more.
 */
export class Model {
  readonly writers: ModelWriter[] = []
  readonly #indexes = new Map<ReplicaId, number>()
  readonly #dead = new Int32Array(DOTS * WRITERS)
  #round = 0

  /** Forgets everything, for the next schedule. */
  reset(): void {
    this.writers.length = 0
    this.#indexes.clear()
  }

  add(id: ReplicaId): number {
    if (this.#indexes.has(id)) throw new Fault(`replica id ${id} is used a second time`)
    const index = this.writers.length
    if (index >= WRITERS) throw new Error('too many writers in one schedule')
    this.writers.push({ id, events: [], intents: [], durable: 0, isGone: false })
    this.#indexes.set(id, index)
    return index
  }

  writer(index: number): ModelWriter {
    const writer = this.writers[index]
    if (writer === undefined) throw new Error(`no writer ${index}`)
    return writer
  }

  /** The number of a replica's writer. */
  indexOf(id: ReplicaId): number {
    const index = this.#indexes.get(id)
    if (index === undefined) throw new Fault(`nobody has ever written as ${id}`)
    return index
  }

  /** Notes a run that its writer has handed to the store. @param observed the writer's state */
  note(run: LoggedRun, observed: LiveState): void {
    const writer = this.writer(this.indexOf(run.replica))
    const unpacked = unpackRun(run.bytes)
    if (!unpacked.ok) throw new Fault(`an unreadable run was written: ${unpacked.reason}`)
    const oracle = oracleEvents(unpacked.value)
    for (const [i, { n, starts, content, kills }] of unpacked.value.entries()) {
      if (n !== writer.events.length + 1) {
        throw new Fault(`dot ${writer.id}:${n} is written after ${writer.events.length} events`)
      }
      const dots: number[] = []
      for (const kill of kills) {
        const isOwn = kill.replica === run.replica
        if (isOwn ? kill.n >= n : kill.n > observed.haveOf(kill.replica)) {
          throw new Fault(`dot ${writer.id}:${n} kills what it has not seen`)
        }
        dots.push(this.indexOf(kill.replica) * DOTS + kill.n)
      }
      const event = oracle[i]
      if (event === undefined) throw new Error('as many oracle events as events')
      const hasEntry = content !== undefined
      writer.events.push({ starts, hasEntry, kills: dots, oracle: event })
    }
  }

  /** The writer has forgotten what was not durable. */
  forget(index: number): void {
    const writer = this.writer(index)
    writer.events.length = writer.durable
    while ((writer.intents.at(-1)?.end ?? 0) > writer.durable) writer.intents.pop()
  }

  /**
   * Compares a state with the events its vector covers.
   * @param self index of the writer whose events need not be durable
   * @param floors what the state had before, by its numbers of writers; raised
   */
  check({ state }: Group, self: number, floors: number[]): void {
    this.#round += 1
    const round = this.#round
    const count = state.replicaCount
    const seen: number[] = []
    let waiting = 0
    for (let i = 0; i < count; i++) {
      const index = this.indexOf(state.replicaAt(i))
      seen.push(index)
      const { events, durable, id } = this.writer(index)
      const have = state.have(i)
      if (have < (floors[i] ?? 0)) throw new Fault(`${id} went back to ${have}`)
      floors[i] = have
      if (have > events.length) throw new Fault(`${id} has ${events.length} events, here ${have}`)
      if (index !== self && have > durable) throw new Fault(`${id}:${have} was told too early`)
      if (events[have]?.starts === false) throw new Fault(`half a transaction of ${id} at ${have}`)
      for (let n = 1; n <= have; n++) {
        for (const dot of events[n - 1]?.kills ?? []) {
          if (this.#dead[dot] === round) continue
          this.#dead[dot] = round
          if (dot % DOTS > state.haveOf(this.writer((dot / DOTS) | 0).id)) waiting += 1
        }
      }
    }
    let entries = 0
    for (let i = 0; i < count; i++) {
      const first = (seen[i] ?? 0) * DOTS
      const { events, id } = this.writer(seen[i] ?? 0)
      const have = state.have(i)
      for (let n = 1; n <= have; n++) {
        const isLive = events[n - 1]?.hasEntry === true && this.#dead[first + n] !== round
        if (isLive !== state.isLive(i, n)) {
          throw new Fault(`dot ${id}:${n} is ${isLive ? 'missing' : 'back from the dead'}`)
        }
        if (isLive) entries += 1
      }
      for (const n of state.pendingKillsOf(i)) {
        if (this.#dead[first + n] !== round)
          throw new Fault(`a kill of ${id}:${n} waits for nothing`)
        if (n <= have) throw new Fault(`a kill of ${id}:${n} waits and its event is here`)
      }
    }
    if (entries !== state.entries) throw new Fault(`${state.entries} entries instead of ${entries}`)
    if (waiting !== state.pendingKillCount()) {
      throw new Fault(`${state.pendingKillCount()} kills wait instead of ${waiting}`)
    }
  }

  /** All events that are not lost, given how many of each writer anybody holds. */
  *surviving(held: readonly number[]): Generator<OracleEvent> {
    for (const [index, { events, durable, isGone, id }] of this.writers.entries()) {
      const have = held[index] ?? 0
      if (!isGone && have !== durable) throw new Fault(`${id} has ${durable} events, held ${have}`)
      for (let n = 0; n < have; n++) {
        const event = events[n]
        if (event !== undefined) yield event.oracle
      }
    }
  }

  /** What counters must show: the sum of what was added; undefined where a part of a row is lost. */
  sums(held: readonly number[]): ReadonlyMap<string, number> | undefined {
    const sums = new Map<string, number>()
    for (const [index, { intents }] of this.writers.entries()) {
      const have = held[index] ?? 0
      let before = 0
      for (const { end, amounts } of intents) {
        if (before < have && have < end) return undefined
        before = end
        if (end > have) break
        for (const [object, amount] of amounts) {
          sums.set(object, (sums.get(object) ?? 0) + amount)
        }
      }
    }
    return sums
  }
}
