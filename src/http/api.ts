import { Hono } from 'hono'
import type { HearsayNode } from '../index.ts'
import type { LabControl } from '../lab/lab-types.ts'
import { backupRoutes } from './backup-routes.ts'
import { type Call, matches, type Route } from './call.ts'
import { castRoutes } from './cast-routes.ts'
import { dhtBatchRoutes } from './dht-batch-routes.ts'
import { dhtKeyRoutes } from './dht-key-routes.ts'
import { dhtRoutes } from './dht-routes.ts'
import { EventHub } from './event-hub.ts'
import { eventRoutes } from './event-routes.ts'
import { exportRoutes } from './export-routes.ts'
import { checkHost, checkOrigin, TokenGuard } from './guard.ts'
import { Health, healthRoutes } from './health.ts'
import { inviteRoutes } from './invite-routes.ts'
import { labRoutes } from './lab-routes.ts'
import type { LogControl } from './log-control.ts'
import { logRoutes } from './log-routes.ts'
import { metricRoutes } from './metrics.ts'
import { leaveRoutes, nodeRoutes } from './node-routes.ts'
import { objectRoutes } from './object-routes.ts'
import { openApiRoutes } from './openapi-routes.ts'
import { pageRoutes } from './page.ts'
import { notFound, problemOf, problemResponse, RequestFault } from './problem.ts'
import { transactionRoutes } from './transaction-routes.ts'
import { undoRoutes } from './undo-routes.ts'

/** host.md: the longest URL. */
const URL_LENGTH_MAX = 4 * 1024

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
    // Text that could become markup stops at the browser, whatever the page does.
    "require-trusted-types-for 'script'; trusted-types 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
}

export interface HttpApiOptions {
  /** Needed in `Authorization: Bearer`. Empty: none is needed, and only loopback may be served. */
  readonly token: string
  /** Further names under which the node is reached, without ports. @default none: loopback only */
  readonly hosts?: readonly string[]
  /** The demo this node is part of: enables `GET /v1/lab` and faults on all its nodes. */
  readonly lab?: LabControl
  /** Called when `POST /v1/leave` has said goodbye: the process should stop. */
  readonly onLeave?: () => void
  /** What `/v1/log` changes. @default none: 501 */
  readonly log?: LogControl
  /** Told about failures that the client only sees as 500. */
  readonly onError?: (error: unknown) => void
}

/** The HTTP API as a pure function of requests. */
export interface HttpApi {
  /** True when requests need a token; a bind beyond loopback does. */
  readonly hasToken: boolean
  /** Answers a request; never rejects. */
  fetch(request: Request): Promise<Response>
  /** Turns `/readyz` false; everything else goes on until `close`. */
  beginShutdown(): void
  /** Ends all event streams and takes its hands off the node. Idempotent. */
  close(): void
}

/**
 * The HTTP API of a node (`/openapi.json` describes it). Every request passes the same gates in this order:
 * length of the URL (414), Host (421), Origin (403), token (401), path (404), method (405), then the route.
 */
export function createHttpApi(node: HearsayNode, options: HttpApiOptions): HttpApi {
  const { lab } = options
  const current = (): HearsayNode | undefined => (lab === undefined ? node : lab.running(node.name))
  const hub = new EventHub(Date.now, (current() ?? node).cursor)
  const health = new Health()
  const source = followNode({ lab, name: node.name, current, hub, health })
  const anyNode: readonly Route[] = [
    ...nodeRoutes(),
    ...castRoutes(),
    ...inviteRoutes(),
    ...dhtKeyRoutes(),
    ...dhtBatchRoutes(),
    ...dhtRoutes(),
    ...objectRoutes(),
    ...transactionRoutes(),
    ...undoRoutes(),
  ]
  const described: readonly Route[] = [
    ...healthRoutes(health, current),
    ...pageRoutes(),
    ...leaveRoutes(() => {
      health.beginShutdown()
      options.onLeave?.()
    }),
    ...anyNode,
    ...exportRoutes(),
    ...backupRoutes(),
    ...metricRoutes(),
    ...logRoutes(options.log),
    ...eventRoutes(hub),
    ...labRoutes(lab, anyNode),
  ]
  const routes = [...described, ...openApiRoutes(described)]
  const app = createApp(routes, { ...options, current: () => current() ?? node })
  return {
    hasToken: options.token !== '',
    fetch: async (request) => secured(await app.fetch(request)),
    beginShutdown: () => health.beginShutdown(),
    close: () => {
      health.beginShutdown()
      source.stop()
      hub.close()
    },
  }
}

/** Feeds the hub with the node's events, and with those of its successor when a lab restarts it. */
function followNode(parts: {
  readonly lab: LabControl | undefined
  readonly name: string
  readonly current: () => HearsayNode | undefined
  readonly hub: EventHub
  readonly health: Health
}): { stop(): void } {
  const listen = (): (() => void) | undefined =>
    parts.current()?.subscribe((event) => {
      parts.health.observe(event)
      parts.hub.push(event)
    })
  let unsubscribe = listen()
  const leaveLab = parts.lab?.subscribe((event) => {
    if (event.type !== 'restarted' || event.name !== parts.name) return
    unsubscribe?.()
    parts.health.restarted()
    unsubscribe = listen()
    parts.hub.restart(parts.current()?.cursor ?? '')
  })
  return {
    stop: () => {
      leaveLab?.()
      unsubscribe?.()
    },
  }
}

function createApp(
  routes: readonly Route[],
  options: HttpApiOptions & { readonly current: () => HearsayNode },
): Hono {
  const app = new Hono()
  const token = new TokenGuard(options.token)
  const hosts = new Set((options.hosts ?? []).map((host) => host.toLowerCase()))
  const open = new Set(routes.filter((route) => route.isPublic).map((route) => route.path))
  app.use(async (context, next) => {
    const request = context.req.raw
    if (request.url.length > URL_LENGTH_MAX) {
      throw new RequestFault(414, 'ERR_LIMIT', `Cannot use a URL above ${URL_LENGTH_MAX} bytes`)
    }
    const url = new URL(request.url)
    checkHost(request, url, hosts)
    checkOrigin(request, url)
    if (!open.has(url.pathname)) token.check(request)
    await next()
  })
  for (const route of routes) {
    app.on(route.method, route.path, async ({ req }) => {
      const call: Call = { request: req.raw, url: new URL(req.raw.url), node: options.current() }
      return route.handle(call)
    })
  }
  refuseOtherMethods(app, routes)
  app.notFound(() => answerOf(notFound('Cannot find this path'), false))
  app.onError((error, { req }) => {
    const route = routes.find((one) => one.method === req.method && matches(one, req.path))
    const response = answerOf(error, route?.carriesValue === true)
    if (response.status === 500) options.onError?.(error)
    return response
  })
  return app
}

function refuseOtherMethods(app: Hono, routes: readonly Route[]): void {
  for (const [path, same] of Map.groupBy(routes, (route) => route.path)) {
    const allow = same.map((route) => route.method).join(', ')
    app.all(path, ({ req }) => {
      const shown = req.method.slice(0, 20)
      const message = `Cannot use this method here: ${shown}`
      throw new RequestFault(405, 'ERR_METHOD', message, {
        hint: `Use ${allow}`,
        headers: { allow },
      })
    })
  }
}

function answerOf(error: unknown, carriesValue: boolean): Response {
  const headers = error instanceof RequestFault ? error.headers : {}
  return problemResponse(problemOf(error, { carriesValue }), headers)
}

function secured(response: Response): Response {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.headers.set(name, value)
  return response
}
