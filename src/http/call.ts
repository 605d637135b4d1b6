import type { GroupHandle, HearsayNode } from '../index.ts'
import { invalid } from './problem.ts'

/** Requests that wait for other peers give up after this, unless `timeoutMs` says otherwise. */
const TIMEOUT_MS_DEFAULT = 10_000
const TIMEOUT_MS_MAX = 600_000
const DURATION_MS_MAX = 10 * 365 * 24 * 3_600_000
const UNIT_MS: Readonly<Record<string, number>> = {
  '': 1,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

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
  const text = url.searchParams.get(name)
  if (text === null) return undefined
  const match = /^(\d{1,15}(?:\.\d{1,6})?)(ms|s|m|h|d|)$/.exec(text)
  const ms =
    match === null ? Number.NaN : Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? Number.NaN)
  if (Number.isFinite(ms) && ms > 0 && ms <= DURATION_MS_MAX) return Math.ceil(ms)
  throw invalid(
    `Cannot use ${name}: expected a duration: ${text.slice(0, 100)}`,
    'Write milliseconds, or a number with ms, s, m, h or d, such as 1h',
  )
}

/** The group that `?group=` names. @throws {RequestFault} 400 when it is empty */
export function groupQuery(call: Call): GroupHandle {
  const name = call.url.searchParams.get('group') ?? 'main'
  if (name === '') throw invalid('Cannot use group: expected a name')
  return call.node.group(name)
}

/** Deadline of a call that waits for peers: `timeoutMs`, and the client hanging up. */
export function deadlineOf(call: Call): AbortSignal {
  const ms = Math.min(durationQuery(call.url, 'timeoutMs') ?? TIMEOUT_MS_DEFAULT, TIMEOUT_MS_MAX)
  return AbortSignal.any([call.request.signal, AbortSignal.timeout(ms)])
}
