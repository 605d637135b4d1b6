import type { Millis } from '../../base/core.ts'
import type { HearsayError } from '../../base/errors.ts'
import type { PeerId } from '../../base/ids.ts'
import type { AnswerStatus } from './answer.ts'

/** What callers ask of casts. */
export type CastInput =
  | {
      readonly type: 'broadcast'
      readonly request: number
      readonly name: string
      readonly payload: Uint8Array
    }
  | {
      readonly type: 'query'
      readonly request: number
      readonly name: string
      readonly payload: Uint8Array
      /** Answers are collected for so long. */
      readonly withinMs: Millis
      readonly relayFactor: number
    }
  /** This node's own answer to a question, once for each. */
  | {
      readonly type: 'answer'
      /** As the `question` output said. */
      readonly id: string
      readonly status: AnswerStatus
      readonly payload: Uint8Array
    }
  | { readonly type: 'cancel'; readonly request: number }

export interface QueryAnswer {
  readonly peer: PeerId
  readonly status: AnswerStatus
  readonly payload: Uint8Array
  readonly elapsedMs: Millis
}

export interface QueryResult {
  readonly id: string
  /** In the order in which they came. */
  readonly answers: readonly QueryAnswer[]
  /** Live members that have not answered. */
  readonly silent: readonly PeerId[]
  readonly elapsedMs: Millis
}

export type CastOutput =
  /** A broadcast, exactly once and in the order of its sender; our own too. */
  | {
      readonly type: 'broadcast'
      readonly id: string
      readonly peer: PeerId
      readonly name: string
      readonly payload: Uint8Array
    }
  /** A question, to be answered within the time; our own too. */
  | {
      readonly type: 'question'
      readonly id: string
      readonly peer: PeerId
      readonly name: string
      readonly payload: Uint8Array
      readonly withinMs: Millis
    }
  | { readonly type: 'broadcast-sent'; readonly request: number; readonly id: string }
  | { readonly type: 'query-done'; readonly request: number; readonly result: QueryResult }
  | {
      readonly type: 'cast-refused'
      readonly request: number
      readonly error: HearsayError | TypeError | RangeError
    }
