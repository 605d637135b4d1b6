import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { HearsayError } from '../index.ts'
import type { HttpApi } from './api.ts'
import { isHostHeader, isLoopbackName } from './guard.ts'
import { problemOf, problemResponse, RequestFault } from './problem.ts'

/** host.md, "Limits": HTTP. */
const LIMITS = {
  headerBytesMax: 16 * 1024,
  connectionsMax: 256,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 15_000,
  keepAliveMs: 5_000,
  checkIntervalMs: 1_000,
} as const
/** Answers that are made while they are read, and may fail half way. */
const STREAMED_TYPES: ReadonlySet<string> = new Set([
  'text/event-stream',
  'application/x-ndjson',
  'text/csv',
  'application/vnd.hearsay.backup',
])
/** Ports tried after the wanted one. */
const NEXT_PORTS_MAX = 100
const PORT_MAX = 65_535
/** What requests under way get to finish when the server closes. */
const CLOSE_GRACE_MS = 500

export interface ServeOptions {
  /** @default "127.0.0.1" */
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** Takes the next free port when `port` is taken. */
  readonly nextFree: boolean
}

export interface HttpServer {
  /** Without a trailing slash. */
  readonly url: string
  readonly port: number
  /** Ends keep-alive connections and event streams at once, other requests within 500 ms. Idempotent. */
  close(): Promise<void>
}

/**
 * Serves an API on a TCP port, within the limits of host.md.
 * @throws {HearsayError} ERR_CONFIG beyond loopback without a token; ERR_LISTEN when the port cannot be had
 */
export async function serveHttp(api: HttpApi, options: ServeOptions): Promise<HttpServer> {
  if (!isLoopbackName(options.host.toLowerCase()) && !api.hasToken) {
    const message = `Cannot serve beyond loopback without a token: ${options.host}`
    throw new HearsayError('ERR_CONFIG', message, { hint: 'Set a token, or bind to 127.0.0.1' })
  }
  const server = createHttpServer(api)
  const { port } = await listen(server, options)
  const name = options.host.includes(':') ? `[${options.host}]` : options.host
  let closing: Promise<void> | undefined
  return {
    url: `http://${name}:${port}`,
    port,
    close: () => {
      closing ??= close(server, api)
      return closing
    },
  }
}

function createHttpServer(api: HttpApi): Server {
  const listener = getRequestListener(
    async (request, { outgoing }) => endWithStream(await api.fetch(request), outgoing),
    { overrideGlobalObjects: false, errorHandler: refuseTarget },
  )
  const server = createServer(
    {
      maxHeaderSize: LIMITS.headerBytesMax,
      headersTimeout: LIMITS.headersTimeoutMs,
      requestTimeout: LIMITS.requestTimeoutMs,
      keepAliveTimeout: LIMITS.keepAliveMs,
      connectionsCheckingInterval: LIMITS.checkIntervalMs,
      // A request without Host gets the problem answer of ours.
      requireHostHeader: false,
      noDelay: true,
    },
    (incoming, outgoing) => {
      outgoing.once('close', () => {
        if (!server.listening) server.closeIdleConnections()
      })
      if (!isHostHeader(incoming.headers.host)) refuseHost(outgoing)
      else listener(incoming, outgoing).catch(() => outgoing.destroy())
    },
  )
  server.maxConnections = LIMITS.connectionsMax
  server.on('clientError', answerMalformed)
  return server
}

/** The adapter could not make a Request of it. */
function refuseTarget(): Response {
  const fault = new RequestFault(400, 'ERR_INVALID', 'Cannot read the request: malformed target')
  return problemResponse(problemOf(fault, { carriesValue: false }))
}

function refuseHost(outgoing: ServerResponse): void {
  const fault = new RequestFault(421, 'ERR_HOST', 'Cannot serve without a well-formed Host header')
  const problem = problemOf(fault, { carriesValue: false })
  outgoing.writeHead(421, { 'content-type': 'application/problem+json', connection: 'close' })
  outgoing.end(JSON.stringify(problem))
}

/**
 * The adapter prints to the console when a body fails, and does not notice a failure while it waits for a slow
 * socket. So a stream that fails destroys its socket here, and ends quietly for the adapter.
 */
function endWithStream(response: Response, outgoing: { destroy(): unknown }): Response {
  const [type = ''] = (response.headers.get('content-type') ?? '').split(';')
  if (!STREAMED_TYPES.has(type) || response.body === null) return response
  const reader = response.body.getReader()
  reader.closed.catch(() => outgoing.destroy())
  const body = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const step = await reader.read().catch(() => undefined)
        if (step?.value === undefined) controller.close()
        else controller.enqueue(step.value)
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
  return new Response(body, response)
}

const MALFORMED: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'the header is larger than 16 KiB'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'it took too long to arrive'],
}

function answerMalformed(
  error: NodeJS.ErrnoException,
  socket: Socket | NodeJS.WritableStream,
): void {
  if (
    !('destroy' in socket) ||
    socket.destroyed ||
    !socket.writable ||
    error.code === 'ECONNRESET'
  ) {
    if ('destroy' in socket) socket.destroy()
    return
  }
  const [status, reason] = MALFORMED[error.code ?? ''] ?? [400, 'it is no well-formed HTTP']
  const code = status === 431 ? 'ERR_LIMIT' : status === 408 ? 'ERR_TIMEOUT' : 'ERR_INVALID'
  const fault = new RequestFault(status, code, `Cannot read the request: ${reason}`)
  const problem = problemOf(fault, { carriesValue: false })
  const body = JSON.stringify(problem)
  const head = [
    `HTTP/1.1 ${status} ${problem.title}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  // Whoever sends such requests may also never close its side.
  setTimeout(() => socket.destroy(), CLOSE_GRACE_MS).unref()
}

async function listen(server: Server, options: ServeOptions): Promise<AddressInfo> {
  const { host, nextFree } = options
  const last = options.port === 0 ? 0 : Math.min(PORT_MAX, options.port + NEXT_PORTS_MAX)
  for (let port = options.port; ; port++) {
    const failure = await tryListen(server, { host, port })
    if (failure === undefined) break
    if (failure.code === 'EADDRINUSE' && nextFree && port < last) continue
    const isTaken = failure.code === 'EADDRINUSE'
    throw new HearsayError('ERR_LISTEN', `Cannot serve on ${host}:${port}: ${failure.message}`, {
      hint: isTaken ? 'Choose another port, or 0 for any free one' : 'Check host and port',
      cause: failure,
    })
  }
  const address = server.address()
  if (address === null || typeof address === 'string') {
    throw new HearsayError('ERR_LISTEN', `Cannot serve on ${host}: it is no TCP address`)
  }
  return address
}

function tryListen(
  server: Server,
  where: { readonly host: string; readonly port: number },
): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      server.off('listening', onListening)
      resolve(error)
    }
    const onListening = (): void => {
      server.off('error', onError)
      // Accept errors (out of descriptors) pass when others hang up: the server goes on.
      server.on('error', () => undefined)
      resolve(undefined)
    }
    server.once('error', onError)
    server.once('listening', onListening)
    server.listen(where)
  })
}

async function close(server: Server, api: HttpApi): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  api.close()
  server.closeIdleConnections()
  const grace = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS)
  await closed
  clearTimeout(grace)
}
