import type * as z from 'zod'
import type { PutResult } from '../../index.ts'
import type { DhtAnswer } from '../shapes.ts'
import { count, encoding, flag, ms, peerId, text, texts } from './basics.ts'
import { maybe, objectOf } from './object-of.ts'

export const putSchema: z.ZodType<PutResult> = objectOf<PutResult>({
  key: text,
  version: text,
  acks: count,
  required: count,
  replicas: texts,
  elapsedMs: ms,
  degraded: maybe(flag),
  superseded: maybe(flag),
})

export const dhtAnswerSchema: z.ZodType<DhtAnswer> = objectOf<DhtAnswer>({
  key: text,
  value: text,
  encoding,
  version: text,
  author: peerId,
  from: text,
  elapsedMs: ms,
})
