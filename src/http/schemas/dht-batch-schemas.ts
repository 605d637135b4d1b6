import * as z from 'zod'
import type { DhtBatch, DhtBatchAnswer } from '../shapes.ts'
import { texts } from './basics.ts'
import { dhtAnswerSchema, putSchema } from './dht-schemas.ts'
import { maybe, objectOf } from './object-of.ts'

/** Values of one request. */
const BATCH_MAX = 1_000
const TOO_MANY = `expected at most ${BATCH_MAX}`

type Entry = NonNullable<DhtBatch['put']>[number]

const entrySchema: z.ZodType<Entry> = objectOf<Entry>({
  key: z.string('expected a key'),
  value: z.string('expected text'),
  encoding: maybe(z.enum(['utf8', 'base64'], 'expected utf8 or base64')),
})

export const dhtBatchSchema: z.ZodType<DhtBatch> = objectOf<DhtBatch>({
  put: maybe(z.array(entrySchema, 'expected a list').max(BATCH_MAX, TOO_MANY)),
  get: maybe(z.array(z.string('expected a key'), 'expected a list').max(BATCH_MAX, TOO_MANY)),
})

export const dhtBatchAnswerSchema: z.ZodType<DhtBatchAnswer> = objectOf<DhtBatchAnswer>({
  put: maybe(z.array(putSchema)),
  values: maybe(z.array(dhtAnswerSchema)),
  missing: maybe(texts),
})
