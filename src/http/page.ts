import type { Route } from './call.ts'
import { DashboardFiles, type PageName } from './dashboard-files.ts'
import type { Operation } from './operation.ts'
import { RequestFault } from './problem.ts'

interface Asset {
  readonly path: string
  readonly name: PageName
  readonly type: string
}

/** The dashboard: served without a token, it asks for the data with the one from its fragment. */
export function pageRoutes(files: DashboardFiles = new DashboardFiles()): readonly Route[] {
  return [
    route(files, { path: '/', name: 'index.html', type: 'text/html' }),
    route(files, { path: '/page.css', name: 'page.css', type: 'text/css' }),
    route(files, { path: '/page.js', name: 'page.js', type: 'text/javascript' }),
    route(files, { path: '/icon.svg', name: 'icon.svg', type: 'image/svg+xml' }),
  ]
}

function route(files: DashboardFiles, { path, name, type }: Asset): Route {
  const handle = async (): Promise<Response> => {
    const page = await files.page().catch(refuse)
    return new Response(page[name], { headers: { 'content-type': `${type}; charset=utf-8` } })
  }
  const operation: Operation = {
    id: `page-${name}`,
    summary: 'The dashboard',
    answers: { 200: { description: 'A part of the page', media: [type] } },
  }
  return { method: 'GET', path, isPublic: true, operation, handle }
}

function refuse(error: unknown): never {
  const reason = error instanceof Error ? error.message : String(error)
  const [line = ''] = reason.split('\n')
  throw new RequestFault(
    503,
    'ERR_UNSUPPORTED',
    `Cannot show the dashboard: ${line.slice(0, 200)}`,
    {
      hint: 'In a checkout run npm ci, which brings what builds it; the API and all verbs work without it',
    },
  )
}
