import type { ReplicaId } from '../../base/ids.ts'
import type { LiveState } from '../../crdt/live-state.ts'
import { AMOUNT_MAX, type CheckedOperation } from '../../crdt/operation.ts'
import type { RunReader } from '../../crdt/run-reader.ts'
import { type Content, type UnpackedEvent, unpackRun } from '../../crdt/unpack-run.ts'
import type { Group } from '../group/group.ts'
import { reissues } from '../group/log-repair.ts'

/**
 * Kills of ours that were meant for events of a history that has given way: they name a writer and a number,
 * and kill what the other history has there. Nobody but us knows what was meant, so we write that again.
 */
export class MistakenKills {
  readonly #dots = new Map<Group, Map<ReplicaId, Set<number>>>()

  note(group: Group, replica: ReplicaId, dots: readonly number[]): void {
    const { state } = group
    const open = dots.filter((n) => n > state.haveOf(replica))
    if (open.length === 0) return
    const writers = this.#dots.get(group) ?? new Map<ReplicaId, Set<number>>()
    this.#dots.set(group, writers)
    writers.set(replica, new Set([...(writers.get(replica) ?? []), ...open]))
  }

  /** After a start: those whose events have not come yet. */
  load(group: Group): void {
    for (const { former, ours } of reissues(group.log)) this.note(group, former, ours)
  }

  /** Operations that bring back what has come meanwhile. */
  take(group: Group, runs: RunReader): readonly CheckedOperation[] {
    const operations: CheckedOperation[] = []
    for (const [replica, dots] of this.#dots.get(group) ?? []) {
      const { state } = group
      const have = state.haveOf(replica)
      if (Math.min(...dots) > have) continue
      const events = eventsOf(group, replica, Math.min(...dots), runs)
      const killed = killsAmong(events)
      for (const { n, content } of events) {
        if (n > have || !dots.has(n) || content === undefined || killed.has(n)) continue
        operations.push(...operationsFor(state, content))
      }
      for (const n of dots) if (n <= have) dots.delete(n)
      if (dots.size === 0) this.#dots.get(group)?.delete(replica)
    }
    return operations
  }
}

/** A writer's events of the log, from a dot on. */
function eventsOf(
  { state, log }: Group,
  replica: ReplicaId,
  from: number,
  runs: RunReader,
): readonly UnpackedEvent[] {
  const writer = state.intern(replica)
  const events: UnpackedEvent[] = []
  for (let index = log.indexAbove(writer, from - 1); ; index++) {
    const run = log.runAt(writer, index)
    if (run === undefined) return events
    const unpacked = unpackRun(run.bytes, runs)
    if (unpacked.ok) events.push(...unpacked.value)
  }
}

function killsAmong(events: readonly UnpackedEvent[]): ReadonlySet<number> {
  const dots = new Set<number>()
  for (const { replica, kills } of events) {
    for (const kill of kills) if (kill.replica === replica) dots.add(kill.n)
  }
  return dots
}

/** What writes an entry again; nothing where a value would replace another one. */
function operationsFor(state: LiveState, content: Content): readonly CheckedOperation[] {
  if (content.type === 'unknown') return []
  const { object } = content
  switch (content.type) {
    case 'counter': {
      const { total: amount, growOnly } = content
      return isAmount(amount) ? [{ type: 'counter-add', object, amount, growOnly }] : []
    }
    case 'set':
      return [{ type: 'set-add', object, values: [content.element] }]
    case 'register': {
      const isTaken = state.object('register', object) !== undefined
      return isTaken ? [] : [{ type: 'register-set', object, json: content.json }]
    }
    case 'map-value': {
      const { path, json } = content
      const isTaken = (state.object('map', object)?.tree?.at(path).length ?? 0) > 0
      return isTaken ? [] : [{ type: 'map-set', object, path, json }]
    }
    case 'map-counter': {
      const { path, amount } = content
      return isAmount(amount) ? [{ type: 'map-counter-add', object, path, amount }] : []
    }
    default:
      return [{ type: 'map-set-add', object, path: content.path, values: [content.element] }]
  }
}

function isAmount(amount: bigint): boolean {
  return amount <= AMOUNT_MAX && amount >= -AMOUNT_MAX
}
