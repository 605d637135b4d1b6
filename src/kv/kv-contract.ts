import type { Lane, Millis, StoreWrite } from '../base/core.ts'
import type { HearsayError, QuorumError } from '../base/errors.ts'
import type { PeerId } from '../base/ids.ts'

/** How many replicas must acknowledge a write before its caller hears of success. */
export type KvLevel = 'one' | 'quorum' | 'all'

/** A member that may hold records: alive or suspect, ourselves included. */
export interface KvMember {
  readonly peerId: PeerId
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  readonly isSuspect: boolean
}

/** What a caller names. */
export interface KvTarget {
  /** In `immutable` the SHA-256 of the value in lower-case hex; a put may say `-` and is told it. */
  readonly key: string
  /**
   * `shared`: every member writes, the later version wins. `owned`: one author's own names. `immutable`:
   * named by the hash of the value. @default shared
   */
  readonly kind?: 'shared' | 'owned' | 'immutable'
  /** Whose name is read, its public key of 32 bytes. @default our own */
  readonly owner?: Uint8Array
}

/** Owned names only: the version that must be the current one, or `none`. */
export interface KvCondition {
  readonly ifVersion?: string
}

/** What the engine tells the kv core. `request` numbers are the engine's and come back in answers. */
export type KvInput =
  | { readonly type: 'tick' }
  | (KvTarget &
      KvCondition & {
        readonly type: 'put'
        readonly request: number
        readonly value: Uint8Array
        /** The value lists chunks of a larger one. @default false */
        readonly isManifest?: boolean
        /** It is a chunk of a larger value, and not listed. @default false */
        readonly isChunk?: boolean
        readonly ttlMs?: number
        /**
         * Immutable values: replicas are asked first, and those that hold it for so long still are not sent it
         * again. @default they are sent it unasked
         */
        readonly enoughMs?: Millis
        readonly level: KvLevel
      })
  | (KvTarget &
      KvCondition & { readonly type: 'delete'; readonly request: number; readonly level: KvLevel })
  | (KvTarget & {
      readonly type: 'get'
      readonly request: number
      /** How many replicas must have told what they hold; one: the first value counts. @default one */
      readonly level?: KvLevel
      /** A large value is expected, which takes its time: another replica is asked late. @default false */
      readonly isLarge?: boolean
    })
  /** The caller gave up: no answer is wanted. */
  | { readonly type: 'cancel'; readonly request: number }
  /** A `kv` frame; `peer` may be ourselves. */
  | { readonly type: 'frame'; readonly peer: PeerId; readonly bytes: Uint8Array }
  /** A dial failed or a link went down. */
  | { readonly type: 'unreachable'; readonly peer: PeerId }
  /** The member view; `lost` members failed recently and did not leave. */
  | {
      readonly type: 'members'
      readonly members: readonly KvMember[]
      readonly lost: number
      /** Whether this node is one of them: not where nobody could ask it for anything. @default true */
      readonly isHolder?: boolean
    }
  /** Peers that only read, all of them: neither what they send nor what they have signed is taken. */
  | { readonly type: 'observers'; readonly peers: ReadonlySet<PeerId> }
  /** A record that arrived through kad-dht under `key` (a record key). */
  | {
      readonly type: 'offer'
      readonly request: number
      readonly key: Uint8Array
      readonly record: Uint8Array
    }
  /** A search is over. */
  | ({ readonly type: 'searched'; readonly search: number } & KvSearchResult)

/** What a search of Kademlia found. */
export interface KvSearchResult {
  /** The first sound record under the key, and who answered with it. */
  readonly record: { readonly bytes: Uint8Array; readonly from: PeerId } | undefined
  /** Peers closest to the key that answered, closest first. */
  readonly peers: readonly PeerId[]
}

/** What the kv core asks of the engine. `gated` outputs wait until all earlier persists are durable. */
export type KvOutput =
  | { readonly type: 'persist'; readonly writes: readonly StoreWrite[] }
  | {
      readonly type: 'send'
      readonly peer: PeerId
      readonly lane: Lane
      readonly bytes: Uint8Array
      readonly gated: boolean
    }
  /** Wanted of Kademlia: a record of this key from anybody, or the peers closest to it. */
  | {
      readonly type: 'search'
      readonly search: number
      readonly want: 'record' | 'closest'
      /** UTF-8 of the record key. */
      readonly key: Uint8Array
      /** Peers that have no such record. */
      readonly asked: readonly PeerId[]
      readonly withinMs: number
    }
  | {
      readonly type: 'put-done'
      readonly request: number
      readonly key: string
      readonly version: string
      /** Acknowledgements at the moment of the answer; `replicas` gave them, in order of arrival. */
      readonly acks: number
      readonly required: number
      readonly replicas: readonly PeerId[]
      /** How many of them held it already: see `enoughMs`. */
      readonly held: number
      /** Fewer members live than the replication factor. */
      readonly degraded: boolean
      /** A replica already held a newer version, which stays. */
      readonly superseded: boolean
    }
  | {
      readonly type: 'get-done'
      readonly request: number
      readonly key: string
      readonly found: KvFound | undefined
    }
  | {
      readonly type: 'offer-done'
      readonly request: number
      readonly outcome: 'stored' | 'stale' | 'refused'
      readonly reason?: string
      readonly gated: true
    }
  | {
      readonly type: 'refused'
      readonly request: number
      readonly error: QuorumError | HearsayError | TypeError | RangeError
    }
  /** A record became the newest here. */
  | { readonly type: 'stored'; readonly key: string; readonly version: string }
  | { readonly type: 'dropped'; readonly reason: string }

/** A key that this node has written. */
export interface KvKey {
  readonly key: string
  readonly kind: NonNullable<KvTarget['kind']>
  readonly version: string
  readonly expiresAt: Millis
  /** Of the value, its chunks included. */
  readonly bytes: number
}

export interface KvKeyPage {
  /** Ordered by kind and key. */
  readonly keys: readonly KvKey[]
  /** False: more keys were written than are remembered. */
  readonly isComplete: boolean
  /** Where the next page begins; undefined: there is none. */
  readonly next: string | undefined
}

export interface KvFound {
  /** A copy, the caller's to keep. */
  readonly value: Uint8Array
  readonly isManifest: boolean
  readonly version: string
  readonly author: PeerId
  /** The member that answered. */
  readonly from: PeerId
}
