import type { MemberExplanation } from '../index.ts'
import { type JsonObject, readJsonObject } from './body.ts'
import { type Call, durationQuery, json, type Route, restOfPath } from './call.ts'
import { requireJson } from './guard.ts'
import { invalid, notFound } from './problem.ts'

const MEMBERS_PREFIX = '/v1/members/'
const EXPLAIN_SUFFIX = '/explain'

/** `POST /v1/broadcasts`, `POST /v1/queries`, `GET /v1/members/{name}/explain`. */
export function castRoutes(): readonly Route[] {
  return [
    { method: 'POST', path: '/v1/broadcasts', carriesValue: true, handle: broadcast },
    { method: 'POST', path: '/v1/queries', carriesValue: true, handle: query },
    { method: 'GET', path: `${MEMBERS_PREFIX}*`, handle: explain },
  ]
}

async function broadcast({ request, node }: Call): Promise<Response> {
  requireJson(request)
  const { name, payload } = messageIn(await readJsonObject(request))
  return json(await node.broadcast(name, payload, { signal: request.signal }))
}

async function query({ request, url, node }: Call): Promise<Response> {
  requireJson(request)
  const body = await readJsonObject(request)
  const { name, payload } = messageIn(body)
  const { relayFactor } = body
  if (relayFactor !== undefined && typeof relayFactor !== 'number') {
    throw invalid('Cannot use relayFactor: expected a number')
  }
  const withinMs = durationQuery(url, 'timeoutMs')
  const answers = await node.query(name, payload, {
    signal: request.signal,
    ...(withinMs === undefined ? {} : { withinMs }),
    ...(relayFactor === undefined ? {} : { relayFactor }),
  })
  return json(answers)
}

/** What `{"name","payload","encoding"}` says. @throws {RequestFault} 400 */
function messageIn(body: JsonObject): { name: string; payload: string | Uint8Array } {
  const { name, payload = '', encoding = 'utf8' } = body
  if (typeof name !== 'string') throw invalid('Cannot use the body: expected a name')
  if (typeof payload !== 'string') throw invalid('Cannot use payload: expected text')
  if (encoding === 'utf8') return { name, payload }
  if (encoding !== 'base64') throw invalid('Cannot use encoding: expected utf8 or base64')
  const bytes = Buffer.from(payload, 'base64')
  if (bytes.toString('base64') !== payload) throw invalid('Cannot use payload: it is no base64')
  return { name, payload: new Uint8Array(bytes) }
}

function explain({ url, node }: Call): Response {
  const path = restOfPath(url, MEMBERS_PREFIX)
  if (!path.endsWith(EXPLAIN_SUFFIX)) throw notFound('Cannot find this path')
  const who = path.slice(0, -EXPLAIN_SUFFIX.length)
  const found: MemberExplanation | undefined = node.members.explain(who)
  if (found !== undefined) return json(found)
  throw notFound(`Cannot explain ${who.slice(0, 100)}: there is no such member`, 'See /v1/members')
}
