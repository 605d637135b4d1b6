import type { Call, Route } from './call.ts'
import type { EventHub } from './event-hub.ts'
import { RequestFault } from './problem.ts'

/** `GET /v1/events`: server-sent events; `?types=a,b` chooses, `Last-Event-ID` resumes without loss. */
export function eventRoutes(hub: EventHub): readonly Route[] {
  return [{ method: 'GET', path: '/v1/events', handle: (call) => stream(call, hub) }]
}

function stream({ request, url }: Call, hub: EventHub): Response {
  // The answer to HEAD has no body: nobody would ever read and close the stream.
  if (request.method === 'HEAD') {
    throw new RequestFault(405, 'ERR_METHOD', 'Cannot use HEAD here', { headers: { allow: 'GET' } })
  }
  const lastEventId = request.headers.get('last-event-id')
  const types = url.searchParams.get('types')
  const body = hub.open({
    signal: request.signal,
    ...(lastEventId === null || lastEventId === '' ? {} : { lastEventId }),
    ...(types === null || types === '' ? {} : { types: new Set(types.split(',')) }),
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}
