import type { Hash64 } from '../../base/hash.ts'
import type { ReplicaId } from '../../base/ids.ts'
import type { Lanes } from '../../crdt/event-draft.ts'
import type { BaseCursor, BaseItem, BaseWriter } from '../base/base.ts'
import type { BriefRun } from '../group/brief-runs.ts'

/** A whole frame on the sync protocol. */
export const FRAME_BYTES_MAX: number = 256 << 10
/** Events that one frame may bring: bounds the work that a frame causes. */
export const FRAME_EVENTS_MAX: number = 4_096
/** Large runs and items of bases travel in pieces of exactly this size; the last one is the rest. */
export const PIECE_BYTES: number = 128 << 10
/** Payload gathered into one events frame: with its head it stays far below the frame's limit. */
export const PAYLOAD_BYTES: number = 128 << 10
export const DIGEST_BYTES = 16
/** The group that every node has; frames leave its name out. */
export const MAIN_GROUP = 'main'
/** Peers that an events frame may name as served already. */
export const SENT_TO_MAX = 64
/** Dots that one `trace` may ask for: each costs a look into a run. */
export const TRACE_DOTS_MAX = 16
/** Blocks that a pull may ask the maps of. */
export const BLOCKS_MAX = 4_096
/** Writers of a vector that is told with a digest: seven bytes each, which more often than not are for nothing. */
export const PAST_WRITERS_MAX = 8
/** Half-received runs that a pull may resume. */
export const PARTIALS_MAX = 4

/** A version vector entry: events 1 … n of a replica. */
export interface VectorEntry {
  readonly replica: ReplicaId
  readonly n: number
}

export interface DigestItem {
  readonly group: string
  /** Holds events that only a newer version can apply: its fingerprint proves nothing. */
  readonly isPartial: boolean
  /** Vector hash (8 B) and fingerprint (8 B). */
  readonly digest: Uint8Array
  /** The vector behind the digest, where it is short and the reader may differ. */
  readonly past?: Past | undefined
}

/** A short vector told with a digest, so that whoever is ahead sees at once what is missing. */
export interface Past {
  /** "And send me what I lack": the number of that pull, 0 when nothing is asked for. */
  readonly session: number
  readonly vector: readonly BriefEntry[]
}

/** A version vector entry with the low half of the hash of its replica. */
export interface BriefEntry {
  readonly hash: number
  readonly n: number
}

/** The pieces held of a run that has come in part. */
export interface Partial {
  readonly replica: ReplicaId
  readonly n0: number
  /** Its length in bytes. */
  readonly total: number
  /** Bit i (least first) of byte i / 8: piece i is here. */
  readonly held: Uint8Array
}

export interface BaseRequest {
  readonly covered: readonly VectorEntry[]
  readonly cursor: BaseCursor
  /** First dots of blocks whose maps are wanted, before anything else; none when the cursor says it all. */
  readonly blocks: readonly BaseCursor[]
  /** What has come of the item at the cursor, if it is a long one. */
  readonly held?: HeldPieces | undefined
}

/** The first pieces of a long item of a base. */
export interface HeldPieces {
  /** Of the whole item. */
  readonly hash: Hash64
  readonly count: number
}

export type SyncFrame =
  /** State of all groups in one hash; answered by `equal` or by `digest`. */
  | { readonly type: 'summary'; readonly hash: Uint8Array }
  /**
   * State of the groups whose names follow `after`, up to the last item's or, when `isLast`, of all that
   * follow. Unlisted groups are empty. With `wantsAnswer`, equality is answered by `equal`.
   */
  | {
      readonly type: 'digest'
      readonly wantsAnswer: boolean
      readonly isLast: boolean
      readonly after: string
      readonly items: readonly DigestItem[]
    }
  /** The summary of a sender that found no difference. */
  | { readonly type: 'equal'; readonly hash: Uint8Array }
  /** "I have this; send me at most `credit` bytes of the rest." */
  | {
      readonly type: 'pull'
      readonly group: string
      readonly session: number
      readonly credit: number
      readonly vector: readonly VectorEntry[]
      readonly partials: readonly Partial[]
      /** Goes on with a base: what its head covers, in its order, and the next dot wanted. */
      readonly base: BaseRequest | undefined
    }
  /** Part of a base, in answer to a pull whose events the log no longer has; the first part brings the head. */
  | {
      readonly type: 'base'
      readonly group: string
      readonly session: number
      readonly head: readonly BaseWriter[] | undefined
      readonly items: readonly BaseItem[]
    }
  /** A piece of one long item of a base: its hash and length as it would stand in a part alone. */
  | {
      readonly type: 'base-piece'
      readonly group: string
      readonly session: number
      readonly hash: Hash64
      readonly total: number
      readonly index: number
      readonly bytes: Uint8Array
    }
  /** Whole runs; session 0 is a push. */
  | {
      readonly type: 'events'
      readonly group: string
      readonly session: number
      /** Hashes of peers that get the same from others. */
      readonly sentTo: readonly number[]
      readonly runs: readonly (Uint8Array | BriefRun)[]
    }
  /** A piece of one large run, only ever in answer to a pull. */
  | {
      readonly type: 'piece'
      readonly group: string
      readonly session: number
      readonly replica: ReplicaId
      readonly n0: number
      readonly total: number
      readonly index: number
      readonly bytes: Uint8Array
    }
  /** The answer to a pull is complete, or used up its credit. */
  | {
      readonly type: 'end'
      readonly group: string
      readonly session: number
      readonly hasMore: boolean
      readonly isPartial: boolean
      readonly digest: Uint8Array
      /** Where a base goes on; undefined when it is complete, or the answer was events. */
      readonly cursor: BaseCursor | undefined
    }
  /** These events are durable at the sender. */
  | { readonly type: 'ack'; readonly group: string; readonly vector: readonly AckEntry[] }
  /** Another history of this replica than the one received is held here. */
  | {
      readonly type: 'fork'
      readonly group: string
      readonly replica: ReplicaId
      readonly n: number
    }
  /** "What is this replica's chain after each of these events?" Dots ascend. */
  | {
      readonly type: 'trace'
      readonly group: string
      readonly replica: ReplicaId
      readonly dots: readonly number[]
    }
  /** In answer: chains of those dots that are known, and how many events are held. */
  | {
      readonly type: 'chains'
      readonly group: string
      readonly replica: ReplicaId
      /** The last dot of the question. */
      readonly asked: number
      readonly have: number
      readonly chains: readonly DotChain[]
    }

/** Events 1 … n of a replica are durable at the sender. */
export interface AckEntry extends BriefEntry {
  /** The low lane of its chain there: they are those that were sent. */
  readonly check: number
}

/** A writer's chain after event `n`. */
export interface DotChain {
  readonly n: number
  readonly chain: Lanes
  /** Of the transaction that the event is part of; 0 where it is not known. */
  readonly stamp: number
}

/** Pieces of a run of `total` bytes. */
export function pieceCount(total: number): number {
  return Math.ceil(total / PIECE_BYTES)
}
