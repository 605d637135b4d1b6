import type { Hash64 } from '../base/hash.ts'
import type { Stamp } from '../base/hybrid-clock.ts'
import type { ReplicaId } from '../base/ids.ts'

/** What an entry says, beside its dot. JSON values stay text: reading parses them. */
export type Content =
  /** One writer's running total; the entry's key is its writer. */
  | {
      readonly type: 'counter'
      readonly object: string
      readonly total: bigint
      readonly growOnly: boolean
    }
  | { readonly type: 'set'; readonly object: string; readonly element: string }
  | { readonly type: 'register'; readonly object: string; readonly json: string }
  | {
      readonly type: 'map'
      readonly object: string
      readonly path: readonly string[]
      readonly json: string
    }

/** A dot whose writer is an index into a table: the transaction's, or the group's interned replicas. */
export interface IndexedDot {
  readonly replica: number
  /** From 1. */
  readonly n: number
}

/** One mutation. Its dot follows from its place in the transaction. */
export interface Event {
  readonly content: Content | undefined
  /** Dots that die, ascending by (replica, n). */
  readonly kills: readonly IndexedDot[]
  /** An event kind of a newer version: kept and forwarded, not applied. */
  readonly unknown?: { readonly kind: number; readonly bytes: Uint8Array }
}

/** Contiguous dots n0 … n0 + events.length − 1 of one replica, applied all or nothing everywhere. */
export interface Transaction {
  readonly n0: number
  readonly stamp: Stamp
  readonly flags: number
  /** Checksum of the writer's transaction before; zero for its first. */
  readonly previous: Hash64
  /** The writer first, then the writers of killed dots in order of first mention. */
  readonly replicas: readonly ReplicaId[]
  readonly events: readonly Event[]
}
