import * as z from 'zod'
import type { MemberExplanation, QueryInfo } from '../../index.ts'
import type { BroadcastAnswer, ExplainAnswer, Message, QueryAnswers } from '../shapes.ts'
import { count, encoding, flag, instant, ms, peerId, peerIds, text, texts } from './basics.ts'
import { memberState } from './node-answers.ts'
import { maybe, objectOf } from './object-of.ts'

type Answer = QueryInfo['answers'][number]
type Moment = MemberExplanation['history'][number]

/** The body of a broadcast or a query. */
export const messageSchema: z.ZodType<Message> = objectOf<Message>({
  name: z.string('expected a name'),
  payload: maybe(z.string('expected text')),
  encoding: maybe(z.enum(['utf8', 'base64'], 'expected utf8 or base64')),
  relayFactor: maybe(z.number('expected a number')),
}).refine(({ payload = '', encoding: form }) => form !== 'base64' || isBase64(payload), {
  path: ['payload'],
  error: 'expected base64',
})

function isBase64(text: string): boolean {
  return Buffer.from(text, 'base64').toString('base64') === text
}

export const broadcastSchema: z.ZodType<BroadcastAnswer> = objectOf<BroadcastAnswer>({
  id: text,
  name: text,
  bytes: count,
  members: count,
})

export const queryAnswersSchema: z.ZodType<QueryAnswers> = objectOf<QueryAnswers>({
  id: text,
  name: text,
  answers: z.array(
    objectOf<Answer>({ from: text, peerId, elapsedMs: ms, payload: text, encoding }),
  ),
  silent: texts,
  unhandled: texts,
  failed: texts,
  elapsedMs: ms,
})

export const explainSchema: z.ZodType<ExplainAnswer> = objectOf<ExplainAnswer>({
  name: text,
  peerId,
  state: memberState,
  role: maybe(z.literal('observer')),
  epoch: count,
  incarnation: count,
  since: instant,
  linked: flag,
  rttMs: maybe(ms),
  addresses: texts,
  history: z.array(
    objectOf<Moment>({
      at: instant,
      state: memberState,
      epoch: count,
      incarnation: count,
      evidence: text,
    }),
  ),
  forgotten: count,
  namesakes: peerIds,
})
