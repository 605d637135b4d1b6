import type { GroupHandle, HearsayNode } from '../index.ts'
import { checked } from './checked.ts'
import type { Operation } from './operation.ts'
import { invalid } from './problem.ts'
import { duration, group } from './schemas/query-fields.ts'

/** Requests that wait for other peers give up after this, unless `timeoutMs` says otherwise. */
const TIMEOUT_MS_DEFAULT = 10_000
const TIMEOUT_MS_MAX = 600_000

/** One request on its way through a route. */
export interface Call {
  readonly request: Request
  readonly url: URL
  readonly node: HearsayNode
}

/** One method of one path. `path` is Hono's; a trailing `/*` takes the rest, slashes included. */
export interface Route {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  readonly path: string
  readonly operation: Operation
  /** Served without a token. */
  readonly isPublic?: boolean
  /** The request brings a value: a limit it breaks answers 413. */
  readonly carriesValue?: boolean
  handle(call: Call): Response | Promise<Response>
}

/** Whether a route serves a path. */
export function matches(route: Route, path: string): boolean {
  return route.path.endsWith('/*') ? path.startsWith(route.path.slice(0, -1)) : route.path === path
}

/** A JSON answer; bigints never reach it. */
export function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json' },
  })
}

/**
 * What follows `prefix` in the path, percent-decoded.
 * @throws {RequestFault} 400 on bad percent encoding or when it is empty
 */
export function restOfPath(url: URL, prefix: string): string {
  const raw = url.pathname.startsWith(prefix) ? url.pathname.slice(prefix.length) : ''
  let text: string
  try {
    text = decodeURIComponent(raw)
  } catch {
    throw invalid(`Cannot decode the path: bad percent encoding: ${raw.slice(0, 200)}`)
  }
  if (text === '') throw invalid(`Cannot serve ${prefix}: a name must follow`)
  return text
}

/** A duration as `1500`, `1500ms`, `2s`, `5m`, `1h` or `2d`, in ms. @throws {RequestFault} 400 */
export function durationQuery(url: URL, name: string): number | undefined {
  return checked(duration, url.searchParams.get(name) ?? undefined, name)
}

/** The group that `?group=` names. @throws {RequestFault} 400 when it is empty */
export function groupQuery(call: Call): GroupHandle {
  return call.node.group(checked(group, call.url.searchParams.get('group') ?? undefined, 'group'))
}

/** Deadline of a call that waits for peers: `timeoutMs`, and the client hanging up. */
export function deadlineOf(call: Call): AbortSignal {
  const ms = Math.min(durationQuery(call.url, 'timeoutMs') ?? TIMEOUT_MS_DEFAULT, TIMEOUT_MS_MAX)
  return AbortSignal.any([call.request.signal, AbortSignal.timeout(ms)])
}
