import type { Call, Route } from './call.ts'
import type { EventHub } from './event-hub.ts'
import { type Operation, readQuery } from './operation.ts'
import { RequestFault } from './problem.ts'
import { eventSchema } from './schemas/event-schemas.ts'
import { anyText } from './schemas/query-fields.ts'

/** Types of events, with commas. @default all */
const QUERY = { types: anyText }

/** `GET /v1/events`: server-sent events; `?types=a,b` chooses, `Last-Event-ID` resumes without loss. */
export function eventRoutes(hub: EventHub): readonly Route[] {
  const operation: Operation = {
    id: 'events',
    summary: 'Events as they come, server-sent; Last-Event-ID resumes without loss',
    query: QUERY,
    answers: {
      200: {
        description: 'For ever, until one side hangs up; the data of each event is one object',
        media: ['text/event-stream'],
        items: eventSchema,
      },
    },
  }
  return [{ method: 'GET', path: '/v1/events', operation, handle: (call) => stream(call, hub) }]
}

function stream({ request, url }: Call, hub: EventHub): Response {
  // The answer to HEAD has no body: nobody would ever read and close the stream.
  if (request.method === 'HEAD') {
    throw new RequestFault(405, 'ERR_METHOD', 'Cannot use HEAD here', { headers: { allow: 'GET' } })
  }
  const lastEventId = request.headers.get('last-event-id')
  const { types = '' } = readQuery(url, QUERY)
  const body = hub.open({
    signal: request.signal,
    ...(lastEventId === null || lastEventId === '' ? {} : { lastEventId }),
    ...(types === '' ? {} : { types: new Set(types.split(',')) }),
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}
