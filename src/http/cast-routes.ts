import type { MemberExplanation } from '../index.ts'
import { type Call, durationQuery, json, type Route, restOfPath } from './call.ts'
import { answers, jsonRoute } from './operation.ts'
import { notFound } from './problem.ts'
import {
  broadcastSchema,
  explainSchema,
  messageSchema,
  queryAnswersSchema,
} from './schemas/cast-schemas.ts'
import { duration } from './schemas/query-fields.ts'
import type { Message } from './shapes.ts'

const MEMBERS_PREFIX = '/v1/members/'
const EXPLAIN_SUFFIX = '/explain'

/** `POST /v1/broadcasts`, `POST /v1/queries`, `GET /v1/members/{name}/explain`. */
export function castRoutes(): readonly Route[] {
  return [
    jsonRoute({
      method: 'POST',
      path: '/v1/broadcasts',
      carriesValue: true,
      operation: {
        id: 'broadcast',
        summary: 'Send a message to all members, once each',
        body: messageSchema,
        answers: { 200: answers(broadcastSchema, 'Handed to the overlay') },
      },
      handle: broadcast,
    }),
    jsonRoute({
      method: 'POST',
      path: '/v1/queries',
      carriesValue: true,
      operation: {
        id: 'query',
        summary: 'Ask all members and collect their answers',
        query: { timeoutMs: duration },
        body: messageSchema,
        answers: { 200: answers(queryAnswersSchema, 'Who answered what, and who did not') },
      },
      handle: query,
    }),
    {
      method: 'GET',
      path: `${MEMBERS_PREFIX}*`,
      operation: {
        id: 'explain',
        summary: 'The timeline and the evidence behind the state of a member',
        path: '/v1/members/{name}/explain',
        answers: { 200: answers(explainSchema, 'Why the member is in its state') },
      },
      handle: explain,
    },
  ]
}

async function broadcast({ request, node }: Call, message: Message): Promise<Response> {
  return json(await node.broadcast(message.name, payloadOf(message), { signal: request.signal }))
}

async function query({ request, url, node }: Call, message: Message): Promise<Response> {
  const { name, relayFactor } = message
  const withinMs = durationQuery(url, 'timeoutMs')
  const answered = await node.query(name, payloadOf(message), {
    signal: request.signal,
    ...(withinMs === undefined ? {} : { withinMs }),
    ...(relayFactor === undefined ? {} : { relayFactor }),
  })
  return json(answered)
}

function payloadOf({ payload = '', encoding = 'utf8' }: Message): string | Uint8Array {
  return encoding === 'utf8' ? payload : new Uint8Array(Buffer.from(payload, 'base64'))
}

function explain({ url, node }: Call): Response {
  const path = restOfPath(url, MEMBERS_PREFIX)
  if (!path.endsWith(EXPLAIN_SUFFIX)) throw notFound('Cannot find this path')
  const who = path.slice(0, -EXPLAIN_SUFFIX.length)
  const found: MemberExplanation | undefined = node.members.explain(who)
  if (found !== undefined) return json(found)
  throw notFound(`Cannot explain ${who.slice(0, 100)}: there is no such member`, 'See /v1/members')
}
