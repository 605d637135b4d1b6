import type { DhtKeyPage } from '../index.ts'
import { type Call, json, type Route } from './call.ts'
import { answers, readQuery } from './operation.ts'
import { invalid } from './problem.ts'
import { dhtKeysSchema } from './schemas/dht-key-schemas.ts'
import { anyText, limit, mark } from './schemas/query-fields.ts'

const QUERY = { own: mark, limit, from: anyText }

/** `GET /v1/dht?own`: the keys that the node has written, page by page. */
export function dhtKeyRoutes(): readonly Route[] {
  const operation = {
    id: 'keys',
    summary: 'List the keys that this node has written, page by page; ?own is needed',
    query: QUERY,
    answers: { 200: answers(dhtKeysSchema, 'A page; `next` is the `from` of the one after it') },
  }
  return [{ method: 'GET', path: '/v1/dht', operation, handle: list }]
}

function list(call: Call): Response {
  const { own, limit: wanted, from } = readQuery(call.url, QUERY)
  if (!own) {
    const hint = 'A DHT cannot be listed as a whole; GET /v1/dht?own tells the keys of this node'
    throw invalid('Cannot list the keys of all nodes', hint)
  }
  const answer: DhtKeyPage = call.node.dht.page({
    ...(wanted === undefined ? {} : { limit: wanted }),
    ...(from === undefined ? {} : { from }),
  })
  return json(answer)
}
