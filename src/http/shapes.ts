import type {
  BroadcastInfo,
  DhtKind,
  EncodedPayload,
  ErrorCode,
  Json,
  MemberExplanation,
  NodeEvent,
  ObjectInfo,
  ObjectType,
  PeerId,
  PutResult,
  QueryInfo,
  TransactionInfo,
  UndoableInfo,
  UndoInfo,
  WriteLevel,
} from '../index.ts'
import type { LogComponent, LogLevel } from './log-control.ts'

/** Codes that only the HTTP border makes. */
export type BorderErrorCode =
  | 'ERR_UNAUTHORIZED'
  | 'ERR_HOST'
  | 'ERR_ORIGIN'
  | 'ERR_FORBIDDEN'
  | 'ERR_METHOD'
  | 'ERR_MEDIA_TYPE'

/** Everything else is the node's own. */
export type ApiErrorCode = ErrorCode | BorderErrorCode

/** RFC 9457 problem details: the body of every answer of 400 and above. */
export interface Problem {
  readonly type: 'about:blank'
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: ApiErrorCode
  /** What to do next; empty when there is nothing to say. */
  readonly hint: string
  /** Below quorum (503): replicas that acknowledged, and how many were asked for. */
  readonly acks?: number
  readonly required?: number
}

export interface DhtAnswer {
  readonly key: string
  /** Text, or base64 when the bytes are no UTF-8. */
  readonly value: string
  readonly encoding: 'utf8' | 'base64'
  readonly version: string
  readonly author: PeerId
  readonly from: string
  readonly elapsedMs: number
}

/** The body of `POST /v1/dht`: one of both. */
export interface DhtBatch {
  readonly put?: readonly {
    readonly key: string
    readonly value: string
    /** @default "utf8" */
    readonly encoding?: 'utf8' | 'base64'
  }[]
  /** Keys. */
  readonly get?: readonly string[]
}

/** The answer of `POST /v1/dht`. */
export interface DhtBatchAnswer {
  /** In the order of the values stored. */
  readonly put?: readonly PutResult[]
  /** Those found, in the order of their keys. */
  readonly values?: readonly DhtAnswer[]
  /** Keys without a value. */
  readonly missing?: readonly string[]
}

/** The body of `POST /v1/invites`. */
export interface InviteBody {
  /** @default 3,600,000 (1 h) */
  readonly ttlMs?: number
  /** @default "member" */
  readonly role?: 'member' | 'observer'
  /** @default whoever uses it first */
  readonly peerId?: string
}

export interface TagsAnswer {
  readonly tags: Readonly<Record<string, string>>
}

export interface CounterAnswer {
  readonly name: string
  readonly type: 'counter'
  /** A string of digits above 2^53 − 1. */
  readonly value: number | string
}

export interface SetAnswer {
  readonly name: string
  readonly type: 'set'
  readonly values: readonly string[]
  /** How many there are, where `limit` left some out. */
  readonly size?: number
}

export interface SetHasAnswer {
  readonly name: string
  readonly type: 'set'
  readonly has: boolean
}

export interface SetChangedAnswer {
  readonly name: string
  readonly type: 'set'
  readonly size: number
  /** How many of the values were new (add) or present (remove). */
  readonly changed: number
}

export interface RegisterAnswer {
  readonly name: string
  readonly type: 'register'
  readonly value: Json
  readonly siblings: readonly Json[]
}

export interface MapAnswer {
  readonly name: string
  readonly type: 'map'
  /** The whole map, or what stands at `path`. */
  readonly value: Json
  readonly path?: readonly string[]
  /** Leaves that `remove` removed, or values that `add` added and `discard` took away. */
  readonly changed?: number
}

export type ObjectAnswer = CounterAnswer | SetAnswer | RegisterAnswer | MapAnswer

export interface ObjectsAnswer {
  readonly objects: readonly ObjectInfo[]
  /** How many there are, where `limit` left some out. */
  readonly total?: number
}

/** The body of `POST /v1/objects/{name}`. */
export type ObjectOperation =
  | {
      readonly type: 'counter'
      readonly op: 'add'
      readonly value?: number
      readonly growOnly?: boolean
    }
  | {
      readonly type: 'set'
      readonly op: 'add' | 'remove'
      readonly value?: string
      readonly values?: readonly string[]
    }
  | { readonly type: 'register'; readonly op: 'set'; readonly value: Json }
  | {
      readonly type: 'map'
      readonly op: 'set'
      readonly path: readonly string[]
      readonly value: Json
    }
  /** Removes what is at the path and below; the empty path is all of the map. */
  | { readonly type: 'map'; readonly op: 'remove'; readonly path: readonly string[] }
  /** Adds to the counter at the path. */
  | {
      readonly type: 'map'
      readonly op: 'increment'
      readonly path: readonly string[]
      readonly value?: number
    }
  /** Adds to or takes from the set at the path. */
  | {
      readonly type: 'map'
      readonly op: 'add' | 'discard'
      readonly path: readonly string[]
      readonly value?: string
      readonly values?: readonly string[]
    }

/** One of the operations of `POST /v1/transactions`: `{"operations":[{"name","type","op",…}]}`. */
export type NamedOperation = { readonly name: string } & ObjectOperation

/** The answer of `POST /v1/transactions`: one result per operation, in order. */
export type TransactionAnswer = TransactionInfo

/** The answer of `POST /v1/undo`. */
export type UndoAnswer = UndoInfo

/** The answer of `GET /v1/undo`. */
export interface UndoableAnswer {
  readonly group: string
  /** The last one first. */
  readonly transactions: readonly UndoableInfo[]
}

/** The answer of `POST /v1/objects/{name}`. */
export type ObjectChanged = CounterAnswer | SetChangedAnswer | RegisterAnswer | MapAnswer

/** The body of `POST /v1/chaos`. */
export type ChaosAction =
  | { readonly action: 'partition'; readonly sides: readonly (readonly string[])[] }
  | { readonly action: 'heal' }
  | { readonly action: 'loss'; readonly share: number }
  | { readonly action: 'latency'; readonly ms: number }
  | { readonly action: 'kill' | 'restart' | 'pause' | 'resume'; readonly name: string }

/** The answer of `GET /v1/replicated`. */
export interface ReplicatedAnswer {
  readonly replicated: boolean
  /** Linked members on which everything that the node wrote in the group is durable. */
  readonly replicas: number
  /** How many were asked for. */
  readonly wanted: number
  readonly group: string
  readonly elapsedMs: number
}

/** The body of `PUT /v1/log`. */
export interface LogLevelBody {
  readonly level: LogLevel
  /** @default all, whatever they had before */
  readonly component?: LogComponent
}

export interface ReadyCheck {
  readonly name: string
  readonly ok: boolean
  /** Why, whether ok or not. */
  readonly reason: string
}

export interface ReadyAnswer {
  readonly ready: boolean
  readonly checks: readonly ReadyCheck[]
}

/** Sent instead of events that are no longer kept: read the state anew, then go on from here. */
export interface ResetEvent {
  readonly type: 'reset'
  readonly at: number
}

/** One server-sent event. `id` goes into `Last-Event-ID` to resume after it. */
export interface StreamedEvent {
  readonly id: string
  readonly event: NodeEvent | ResetEvent
}

export interface PutQuery extends DhtKind {
  readonly level?: WriteLevel
  readonly ttlMs?: number
  /** Owned names: the version that must be the current one, or `none`. */
  readonly ifVersion?: string
  readonly timeoutMs?: number
}

export interface GetQuery extends DhtKind {
  readonly level?: WriteLevel
  /** Name or peer id of the member whose owned name is read. */
  readonly owner?: string
  readonly timeoutMs?: number
}

/** The body of `POST /v1/broadcasts` and `POST /v1/queries`. */
export interface Message extends Partial<EncodedPayload> {
  readonly name: string
  /** Queries only: ways by which an answer travels back, 1 … 3. */
  readonly relayFactor?: number
}

/** The answer of `POST /v1/broadcasts`. */
export type BroadcastAnswer = BroadcastInfo

/** The answer of `POST /v1/queries`. */
export type QueryAnswers = QueryInfo

/** The answer of `GET /v1/members/{name}/explain`. */
export type ExplainAnswer = MemberExplanation

/** The answer's shape by object type. */
export interface AnswerOf {
  readonly counter: CounterAnswer
  readonly set: SetAnswer
  readonly register: RegisterAnswer
  readonly map: MapAnswer
}

export interface ObjectQuery<T extends ObjectType = ObjectType> {
  readonly type?: T
  /** @default "main" */
  readonly group?: string
  /** Maps only: what stands at this path. */
  readonly path?: readonly string[]
  /** Sets only: so many values at most. @default all */
  readonly limit?: number
}
