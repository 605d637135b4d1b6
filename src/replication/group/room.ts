import { HearsayError } from '../../base/errors.ts'
import type { ReplicaId } from '../../base/ids.ts'
import { KillCounter } from '../../crdt/kill-counter.ts'
import {
  KILLS_MAX,
  REPLICAS_MAX,
  RUN_EVENTS_MAX,
  TRANSACTION_BYTES_MAX,
} from '../../crdt/limits.ts'
import type { LiveState } from '../../crdt/live-state.ts'
import { KILLS_PER_EVENT_MAX } from '../../crdt/mutate.ts'
import type { CheckedOperation } from '../../crdt/operation.ts'
import type { RunReader } from '../../crdt/run-reader.ts'
import { SHARED_BYTES_MAX } from '../../crdt/run-writer.ts'
import type { BaseWriter } from '../base/base.ts'

/** What a transaction takes at most. */
export interface Needs {
  readonly events: number
  readonly kills: number
}

/** In a state of fewer entries all of them may die: not worth a closer look. */
const FEW_ENTRIES = 4096

/** Whether transactions fit a run, before anything changes: what was applied cannot be taken back. */
export class Room {
  readonly #state: LiveState
  readonly #counter: KillCounter

  constructor(state: LiveState) {
    this.#state = state
    this.#counter = new KillCounter(state)
  }

  /** @throws {HearsayError} ERR_LIMIT @throws {RangeError} a counter that only grows would shrink */
  check(operations: readonly CheckedOperation[]): Needs {
    const { entries } = this.#state
    let events = 0
    let kills = entries <= FEW_ENTRIES ? entries : 0
    let bytes = 0
    let growOnly: Set<string> | undefined
    for (const operation of operations) {
      const own = entries <= FEW_ENTRIES ? 0 : this.#counter.of(operation)
      kills += own
      events += eventsOf(operation, own)
      if (operations.length > 1 || events > 1) bytes += bytesOf(operation)
      if (operation.type !== 'counter-add') continue
      const { object, amount } = operation
      const isGrowOnly =
        operation.growOnly ||
        growOnly?.has(object) === true ||
        (amount < 0n && this.#state.object('counter', object)?.isGrowOnly === true)
      if (isGrowOnly && amount < 0n) {
        throw new RangeError(
          `Cannot add to counter "${object}": it only grows, asked for ${amount}`,
        )
      }
      if (isGrowOnly && operations.length > 1) {
        growOnly ??= new Set()
        growOnly.add(object)
      }
    }
    // What an operation adds, one after it may remove.
    if (operations.length > 1) kills += events
    if (events > RUN_EVENTS_MAX) throw tooLarge('events')
    if (bytes + kills * 12 > TRANSACTION_BYTES_MAX) throw tooLarge('bytes')
    if (kills > KILLS_MAX) {
      throw new HearsayError(
        'ERR_LIMIT',
        `Cannot transact: it would remove above ${KILLS_MAX} entries at once: ${kills}`,
        { hint: 'Remove in parts, for a map by its branches' },
      )
    }
    return { events, kills }
  }
}

function eventsOf(operation: CheckedOperation, kills: number): number {
  switch (operation.type) {
    case 'set-add':
    case 'map-set-add':
      return operation.values.length
    case 'set-remove':
    case 'map-set-remove':
    case 'map-remove':
    case 'retract':
      return 1 + Math.floor(kills / KILLS_PER_EVENT_MAX)
    default:
      return 1
  }
}

/** An upper bound of what an operation takes in a run, kills apart. */
function bytesOf(operation: CheckedOperation): number {
  let units = operation.object.length
  let path = 0
  if ('path' in operation) for (const component of operation.path) path += component.length + 2
  units += path
  if ('json' in operation) units += operation.json.length
  if (!('values' in operation)) return units * 3 + 64
  // Neighbours share their keys' beginnings up to a limit.
  const repeated = Math.max(0, path * 3 - SHARED_BYTES_MAX)
  for (const value of operation.values) units += value.length + 8
  return units * 3 + 64 + repeated * operation.values.length
}

function tooLarge(what: 'events' | 'bytes'): HearsayError {
  const max = what === 'events' ? RUN_EVENTS_MAX : TRANSACTION_BYTES_MAX
  return new HearsayError('ERR_LIMIT', `Cannot transact: the transaction exceeds ${max} ${what}`, {
    hint: 'Split it into several transactions',
  })
}

/** Whether a state has room for writers that it may not know yet. */
export function hasRoomFor(state: LiveState, replicas: Iterable<ReplicaId>): boolean {
  let unknown = 0
  for (const replica of replicas) if (state.indexOf(replica) === undefined) unknown += 1
  return unknown === 0 || state.replicaCount + unknown <= REPLICAS_MAX
}

/** How many more kills may wait for events that have not come. */
export type KillRoom = () => number

/** For what is limited elsewhere. */
export const ANY_ROOM: KillRoom = () => Infinity

/**
 * Whether the kills of a run that was read fit: a few bytes name 65,536 dots that nobody may ever have.
 * Whoever has seen less than the writer gets what is missing first.
 * @param table interned numbers of the run's replicas
 */
export function hasRoomForKills(
  state: LiveState,
  { events, killStarts, killReplicas, killDots, dots }: RunReader,
  table: readonly number[],
  killRoom: KillRoom,
): boolean {
  const kills = killStarts[events] ?? 0
  if (kills === 0) return true
  let room = killRoom()
  if (kills <= room) return true
  const last = dots[events - 1] ?? 0
  for (let k = 0; k < kills && room >= 0; k++) {
    const [replica, dot] = [killReplicas[k] ?? 0, killDots[k] ?? 0]
    if ((replica > 0 || dot > last) && isNewKill(state, table[replica] ?? 0, dot)) room -= 1
  }
  return room >= 0
}

/** As {@link hasRoomForKills}, for those that wait in a base. */
export function hasRoomForBase(
  state: LiveState,
  head: readonly BaseWriter[],
  killRoom: KillRoom,
): boolean {
  let room = killRoom()
  for (const { replica, pendingKills } of head) {
    const writer = state.indexOf(replica)
    for (const n of pendingKills) {
      if (writer === undefined || isNewKill(state, writer, n)) room -= 1
    }
    if (room < 0) return false
  }
  return true
}

function isNewKill(state: LiveState, writer: number, n: number): boolean {
  return n > state.have(writer) && !state.pendingKillsOf(writer).has(n)
}
