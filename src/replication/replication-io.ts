import type { Lane, StoreWrite } from '../base/core.ts'
import type { HearsayError } from '../base/errors.ts'
import type { PeerId } from '../base/ids.ts'
import type { Operation } from '../crdt/operation.ts'
import type { ObjectChange } from './group/changes.ts'
import type { UndoResult } from './undo/undo.ts'

/** What happens to the replication core. */
export type ReplicationInput =
  | { readonly type: 'tick' }
  /** The store is free: what has gathered may be written. */
  | { readonly type: 'flush' }
  /** A link to a peer is up. @param isObserver it only reads: nothing of it is taken in @default false */
  | { readonly type: 'peer-up'; readonly peer: PeerId; readonly isObserver?: boolean }
  /** A link is down; or a peer is said to differ from us. */
  | { readonly type: 'peer-down' | 'sync-wanted'; readonly peer: PeerId }
  | { readonly type: 'frame'; readonly peer: PeerId; readonly bytes: Uint8Array }
  | {
      readonly type: 'transact'
      readonly request: number
      readonly group: string
      readonly operations: readonly Operation[]
    }
  /** Undoes an own transaction: the last one unless it is named. Answered as a transaction. */
  | {
      readonly type: 'undo'
      readonly request: number
      readonly group: string
      readonly transaction: number | undefined
    }

/** One group in numbers. */
export interface GroupStatus {
  readonly digest: Uint8Array
  readonly objects: number
  readonly events: number
  /** Own events that no peer has acked as durable. */
  readonly unsynced: number
}

/**
 * What the core wants done, in order. The driver holds back every send, transacted, synced and digest
 * until all persists pushed before it are durable.
 */
export type ReplicationOutput =
  /** One atomic batch. */
  | { readonly type: 'persist'; readonly writes: readonly StoreWrite[] }
  | {
      readonly type: 'send'
      readonly peer: PeerId
      readonly lane: Lane
      readonly bytes: Uint8Array
    }
  /** One result per operation: members changed. */
  | {
      readonly type: 'transacted'
      readonly request: number
      readonly results: readonly { readonly changed: number }[]
      /** Of an undo, which has no results. */
      readonly undo?: UndoResult
    }
  /** Nothing changed. */
  | {
      readonly type: 'refused'
      readonly request: number
      readonly error: HearsayError | TypeError | RangeError
    }
  | ({ readonly type: 'changed'; readonly group: string } & ObjectChange)
  /** 16 bytes: vector hash and fingerprint. */
  | { readonly type: 'digest'; readonly group: string; readonly digest: Uint8Array }
  /** A pull from this peer ended with equal vectors; payload bytes and new events received. */
  | {
      readonly type: 'synced'
      readonly peer: PeerId
      readonly bytes: number
      readonly events: number
    }
  /** More of our own events may be durable at peers. */
  | { readonly type: 'acked'; readonly group: string }
  | { readonly type: 'dropped'; readonly reason: string }
  | { readonly type: 'alarm'; readonly reason: string }
