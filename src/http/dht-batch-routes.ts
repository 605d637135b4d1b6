import { type Call, deadlineOf, json, type Route } from './call.ts'
import { answerOf } from './dht-answer.ts'
import { answers, jsonRoute, readQuery } from './operation.ts'
import { invalid } from './problem.ts'
import { dhtBatchAnswerSchema, dhtBatchSchema } from './schemas/dht-batch-schemas.ts'
import { duration, level } from './schemas/query-fields.ts'
import type { DhtBatch, DhtBatchAnswer } from './shapes.ts'

const QUERY = { level, ttl: duration, timeoutMs: duration }

/** `POST /v1/dht`: several values are stored or read at once, those of one replica in the same frames. */
export function dhtBatchRoutes(): readonly Route[] {
  return [
    jsonRoute<DhtBatch>({
      method: 'POST',
      path: '/v1/dht',
      carriesValue: true,
      operation: {
        id: 'batch',
        summary: 'Store several values, or read several',
        query: QUERY,
        body: dhtBatchSchema,
        answers: {
          200: answers(dhtBatchAnswerSchema, 'One result per value stored, or the values found'),
        },
      },
      handle: batch,
    }),
  ]
}

async function batch(call: Call, { put, get }: DhtBatch): Promise<Response> {
  const { level: wanted, ttl } = readQuery(call.url, QUERY)
  const options = {
    signal: deadlineOf(call),
    ...(wanted === undefined ? {} : { level: wanted }),
  }
  const { dht } = call.node
  if (put !== undefined && get === undefined) {
    const entries = put.map(({ key, value, encoding = 'utf8' }) => {
      return [key, Buffer.from(value, encoding)] as const
    })
    const lifetime = ttl === undefined ? {} : { ttlMs: ttl }
    const answer: DhtBatchAnswer = { put: await dht.putMany(entries, { ...options, ...lifetime }) }
    return json(answer)
  }
  if (get === undefined || put !== undefined) {
    throw invalid('Cannot use the body: expected either put or get')
  }
  const found = await dht.getMany(get, options)
  const answer: DhtBatchAnswer = {
    values: found.flatMap((value) => (value === undefined ? [] : answerOf(value))),
    missing: get.filter((_, i) => found[i] === undefined),
  }
  return json(answer)
}
