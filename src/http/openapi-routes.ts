import type { Call, Route } from './call.ts'
import type { Operation } from './operation.ts'

const OPERATION: Operation = {
  id: 'openapi',
  summary: 'This description of the API',
  answers: { 200: { description: 'OpenAPI 3.1', media: ['application/json'] } },
}

/** `GET /openapi.json` about all of the routes, itself among them. No token: it tells nothing of the node. */
export function openApiRoutes(others: readonly Route[]): readonly Route[] {
  let made: Promise<string> | undefined
  const handle = async ({ node }: Call): Promise<Response> => {
    // Made for the first who asks: most nodes are never asked.
    made ??= import('./openapi.ts').then(({ openApi }) =>
      JSON.stringify(openApi([...others, own], node.status().version)),
    )
    return new Response(await made, { headers: { 'content-type': 'application/json' } })
  }
  const own: Route = {
    method: 'GET',
    path: '/openapi.json',
    isPublic: true,
    operation: OPERATION,
    handle,
  }
  return [own]
}
