import type { Lane, Protocol, StoreWrite } from '../base/core.ts'
import type { HearsayError } from '../base/errors.ts'
import type { PeerId } from '../base/ids.ts'
import type { ObjectDiff } from '../crdt/diff.ts'
import type { Operation } from '../crdt/operation.ts'
import type { KvCondition, KvTarget } from '../kv/kv-contract.ts'
import type { AnswerStatus } from '../membership/casts/answer.ts'
import type { CastOutput, QueryResult } from '../membership/casts/cast-io.ts'
import type { MemberChange } from '../membership/membership.ts'
import type { UndoResult } from '../replication/undo/undo.ts'
import type { LinkDetails, LinkEnd, SearchQuery, SearchResult } from './ports.ts'

export type WriteLevel = 'one' | 'quorum' | 'all'

/** What a caller asks of the engine; every command gets exactly one outcome unless cancelled. */
export type Command =
  | {
      readonly type: 'transact'
      readonly group: string
      readonly operations: readonly Operation[]
    }
  | {
      readonly type: 'undo'
      readonly group: string
      /** @default the last one */
      readonly transaction: number | undefined
    }
  | (KvTarget &
      KvCondition & {
        readonly type: 'put'
        readonly value: Uint8Array
        readonly isManifest?: boolean
        readonly isChunk?: boolean
        readonly ttlMs?: number
        readonly enoughMs?: number
        readonly level: WriteLevel
      })
  | (KvTarget & KvCondition & { readonly type: 'delete'; readonly level: WriteLevel })
  | (KvTarget & { readonly type: 'get'; readonly level?: WriteLevel; readonly isLarge?: boolean })
  | { readonly type: 'offer'; readonly key: Uint8Array; readonly record: Uint8Array }
  | { readonly type: 'leave' }
  /** Checked. */
  | { readonly type: 'tags'; readonly tags: Readonly<Record<string, string>> }
  | { readonly type: 'broadcast'; readonly name: string; readonly payload: Uint8Array }
  | {
      readonly type: 'query'
      readonly name: string
      readonly payload: Uint8Array
      readonly withinMs: number
      readonly relayFactor: number
    }
  /** What this node has to say to a question. */
  | {
      readonly type: 'answer'
      readonly id: string
      readonly status: AnswerStatus
      readonly payload: Uint8Array
    }

export interface PutDone {
  readonly type: 'put'
  readonly key: string
  readonly version: string
  readonly acks: number
  readonly required: number
  readonly replicas: readonly PeerId[]
  /** How many of them held it already. */
  readonly held: number
  readonly degraded: boolean
  readonly superseded: boolean
}

export interface FoundValue {
  readonly value: Uint8Array
  /** The value lists chunks of a larger one. */
  readonly isManifest: boolean
  readonly version: string
  readonly author: PeerId
  readonly from: PeerId
}

export type CommandResult =
  | { readonly type: 'transact'; readonly results: readonly { readonly changed: number }[] }
  | { readonly type: 'undo'; readonly undo: UndoResult }
  | PutDone
  | { readonly type: 'get'; readonly key: string; readonly found: FoundValue | undefined }
  | { readonly type: 'offer'; readonly outcome: 'stored' | 'stale' | 'refused' }
  | { readonly type: 'leave' }
  | { readonly type: 'tags' }
  | { readonly type: 'broadcast'; readonly id: string }
  | ({ readonly type: 'query' } & QueryResult)
  | { readonly type: 'answer' }

export type Outcome =
  | { readonly ok: true; readonly result: CommandResult }
  | { readonly ok: false; readonly error: HearsayError | TypeError | RangeError }

export type EngineInput =
  | { readonly type: 'tick' }
  /** The store is free: events that gather may be written. */
  | { readonly type: 'flush' }
  | { readonly type: 'link-up'; readonly peer: PeerId; readonly details: LinkDetails }
  | { readonly type: 'link-down'; readonly peer: PeerId; readonly end: LinkEnd }
  | { readonly type: 'dial-failed'; readonly peer: PeerId; readonly end: LinkEnd }
  | { readonly type: 'join-failed'; readonly address: string; readonly reason: string }
  | {
      readonly type: 'frame'
      readonly peer: PeerId
      readonly protocol: Protocol
      readonly bytes: Uint8Array
    }
  | { readonly type: 'addresses'; readonly addresses: readonly string[] }
  | { readonly type: 'join'; readonly addresses: readonly string[] }
  | { readonly type: 'command'; readonly request: number; readonly command: Command }
  | { readonly type: 'cancel'; readonly request: number }
  | { readonly type: 'dropped'; readonly reason: string }
  /** Members that were invited to read only, all of them. */
  | { readonly type: 'observers'; readonly peers: ReadonlySet<PeerId> }
  /** A search of Kademlia is over; what it found may be no member. */
  | ({ readonly type: 'searched'; readonly search: number } & SearchResult)
  /** A digest of ours that a crash can no longer take back: others may hear of it. */
  | { readonly type: 'durable-digest'; readonly group: string; readonly digest: Uint8Array }

/** Whose earlier `persist` outputs must be durable before an output may leave. */
export type Gate = 'replication' | 'kv'

export type EngineOutput =
  | {
      readonly type: 'persist'
      readonly source: Gate | 'membership'
      readonly writes: readonly StoreWrite[]
    }
  | {
      readonly type: 'send'
      readonly gate: Gate | undefined
      readonly peer: PeerId
      readonly protocol: Protocol
      readonly lane: Lane
      readonly bytes: Uint8Array
    }
  /** Comes back as an input once the gate is open. */
  | { readonly type: 'feedback'; readonly gate: Gate; readonly input: EngineInput }
  | {
      readonly type: 'outcome'
      readonly gate: Gate | undefined
      readonly request: number
      readonly outcome: Outcome
    }
  | { readonly type: 'dial'; readonly peer: PeerId; readonly addresses: readonly string[] }
  | { readonly type: 'protect'; readonly peer: PeerId; readonly isProtected: boolean }
  | { readonly type: 'close'; readonly peer: PeerId }
  | { readonly type: 'join'; readonly address: string }
  | ({ readonly type: 'search'; readonly search: number } & SearchQuery)
  | { readonly type: 'event'; readonly gate: Gate | undefined; readonly event: EngineEvent }

/** Facts for whoever observes the node. */
export type EngineEvent =
  | { readonly type: 'member'; readonly change: MemberChange }
  /** So many of so many members failed at once. */
  | { readonly type: 'partition-suspected'; readonly failed: number; readonly members: number }
  | { readonly type: 'link-up'; readonly peer: PeerId; readonly details: LinkDetails }
  | { readonly type: 'link-down'; readonly peer: PeerId; readonly end: LinkEnd }
  | { readonly type: 'join-failed'; readonly address: string; readonly reason: string }
  | {
      readonly type: 'changed'
      readonly group: string
      readonly object: string
      readonly objectType: 'counter' | 'set' | 'register' | 'map'
      readonly origin: 'local' | 'remote'
      /** Undefined: read it again. */
      readonly diff: ObjectDiff | undefined
    }
  | { readonly type: 'digest'; readonly group: string; readonly digest: Uint8Array }
  /** The known digest of some other member changed. */
  | { readonly type: 'digests' }
  | {
      readonly type: 'synced'
      readonly peer: PeerId
      readonly bytes: number
      readonly events: number
    }
  /** More of what this node wrote may be durable at peers: see Replication.replicatedBy. */
  | { readonly type: 'acked'; readonly group: string }
  /** A broadcast of a member, this one included: once each, in the order of its sender. */
  | Extract<CastOutput, { readonly type: 'broadcast' }>
  /** A member, perhaps this one, wants this node's answer. */
  | Extract<CastOutput, { readonly type: 'question' }>
  | { readonly type: 'stored'; readonly key: string; readonly version: string }
  | { readonly type: 'dropped'; readonly reason: string }
  | { readonly type: 'alarm'; readonly reason: string }
  | { readonly type: 'fatal'; readonly error: Error }
