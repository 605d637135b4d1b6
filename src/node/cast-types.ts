import type { PeerId } from '../base/ids.ts'
import type { Waiting } from './state-types.ts'

/**
 * Bytes as JSON carries them: text when they are UTF-8, else base64. In Node.js
 * `Buffer.from(payload, encoding)` gives the bytes in either case.
 */
export interface EncodedPayload {
  readonly payload: string
  readonly encoding: 'utf8' | 'base64'
}

/** A broadcast that was handed to the overlay. */
export interface BroadcastInfo {
  /** `PEERID-EPOCH-SEQUENCE`, the same in every member's `broadcast` event. */
  readonly id: string
  readonly name: string
  /** Bytes of the payload. */
  readonly bytes: number
  /** Live members that it should reach, this one included. */
  readonly members: number
}

export interface QueryOptions extends Waiting {
  /** Answers are collected for so long, 1 … 600,000 ms. @default 2,000 */
  readonly withinMs?: number
  /**
   * Ways by which an answer travels back where there is no direct link, 1 … 3: more survive members that fail
   * meanwhile, and cost frames. @default 1
   */
  readonly relayFactor?: number
}

export interface QueryAnswerInfo extends EncodedPayload {
  readonly from: string
  readonly peerId: PeerId
  readonly elapsedMs: number
}

export interface QueryInfo {
  readonly id: string
  readonly name: string
  /** In the order in which they came; this node's own among them. */
  readonly answers: readonly QueryAnswerInfo[]
  /** Names of live members from which nothing came in time. */
  readonly silent: readonly string[]
  /** Names of members that have no handler for this question. */
  readonly unhandled: readonly string[]
  /** Names of members whose handler failed, took too long, or answered with more than 1 KiB. */
  readonly failed: readonly string[]
  readonly elapsedMs: number
}

/** A question of some member, perhaps of this one. */
export interface Question {
  readonly id: string
  readonly name: string
  /** Name of the member that asks. */
  readonly from: string
  readonly peerId: PeerId
  readonly payload: Uint8Array
  /** The payload as UTF-8. */
  text(): string
}

/** Answers a question; nothing is an empty answer. At most 1 KiB. The signal aborts when it comes too late. */
export type QueryHandler = (
  question: Question,
  options: { readonly signal: AbortSignal },
) => string | Uint8Array | undefined | Promise<string | Uint8Array | undefined>

/** One state that a member was in, as seen here. */
export interface MemberMoment {
  /** ISO 8601. */
  readonly at: string
  readonly state: 'alive' | 'suspect' | 'degraded' | 'failed' | 'left'
  readonly epoch: number
  readonly incarnation: number
  /** Who said so, how and why. */
  readonly evidence: string
}

/** Why a member is in its state: what `explain` prints. */
export interface MemberExplanation {
  readonly name: string
  readonly peerId: PeerId
  readonly state: MemberMoment['state']
  /** It only reads, as its invite says; absent: it takes part in everything. */
  readonly role?: 'observer'
  readonly epoch: number
  readonly incarnation: number
  readonly since: string
  /** Whether this node has an open link to it. */
  readonly linked: boolean
  readonly rttMs?: number
  readonly addresses: readonly string[]
  /** The oldest first; at most the last 64. */
  readonly history: readonly MemberMoment[]
  /** Moments that are no longer kept. */
  readonly forgotten: number
  /** Peer ids of other members with this name. */
  readonly namesakes: readonly PeerId[]
}
