import type { ReplicaId } from '../base/ids.ts'
import type { Entry } from '../crdt/entry.ts'
import type { Content, Event, IndexedDot } from '../crdt/event.ts'
import type { LiveState } from '../crdt/live-state.ts'

/** Collects the events of one local transaction and the table that its kills refer to. */
export interface TransactionBuilder {
  readonly events: readonly Event[]
  readonly replicas: readonly ReplicaId[]
  /** Interned replica of each index into `replicas`. */
  readonly table: readonly number[]
  add(content: Content | undefined, kills: readonly Entry[]): Event
}

/** @param writer interned replica that writes */
export function transactionBuilder(state: LiveState, writer: number): TransactionBuilder {
  const events: Event[] = []
  const table = [writer]
  const replicas = [state.replicaAt(writer)]
  const indexes = new Map([[writer, 0]])
  const dotOf = (entry: Entry): IndexedDot => {
    let replica = indexes.get(entry.replica)
    if (replica === undefined) {
      replica = table.length
      indexes.set(entry.replica, replica)
      table.push(entry.replica)
      replicas.push(state.replicaAt(entry.replica))
    }
    return { replica, n: entry.n }
  }
  return {
    events,
    replicas,
    table,
    add(content, kills) {
      const dots = kills.map(dotOf).sort((a, b) => a.replica - b.replica || a.n - b.n)
      const event = { content, kills: dots }
      events.push(event)
      return event
    },
  }
}
