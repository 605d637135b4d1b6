import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { createHttpApi, type HttpApi } from '../http/api.ts'
import { LOG_LEVELS } from '../http/log-control.ts'
import { type HttpServer, serveHttp } from '../http/serve.ts'
import { createNode, type HearsayNode, type NodeEvent, type NodeOptions } from '../index.ts'
import { API_ADDRESS_DEFAULT, hostNames, localUrl, parseApiAddress } from './api-address.ts'
import type { Context } from './context.ts'
import { CliError, configError, EXIT, type ExitCode } from './errors.ts'
import { EventLog } from './log.ts'
import { followNeighbours, neighbourAddresses } from './neighbours.ts'
import { nodeOptions } from './node-settings.ts'
import { describeReady, type ReadyInfo } from './ready.ts'
import { openRegistry, type Registry } from './registry.ts'
import { makeRuntimeDir, runtimeDir } from './runtime-dir.ts'
import { StopRequest } from './stop-request.ts'
import { LOG_FORMATS } from './up-options.ts'
import type { Settings } from './verb.ts'

const TOKEN_BYTES = 32
const NETWORK_DEFAULT = 'hearsay'
/** Whatever still hangs then is ended by the end of the process. */
const END_MS_MAX = 3000

/** A new token for an API: 32 random bytes. */
export function newToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url')
}

/** `hearsay up`: runs a node, its API and its entry in the registry until something ends it. */
export async function runNode(context: Context, settings: Settings): Promise<number> {
  const { io } = context
  const stop = new StopRequest(io)
  try {
    return await Promise.race([live(context, settings, stop), stop.forced])
  } finally {
    stop.dispose()
  }
}

interface Running {
  readonly node: HearsayNode
  readonly api: HttpApi
  readonly server: HttpServer
  readonly registry: Registry
  readonly stopFollowing: () => Promise<void>
}

async function live(context: Context, settings: Settings, stop: StopRequest): Promise<number> {
  const log = newLog(context, settings)
  const options = await nodeOptions(settings, context.io)
  const address =
    context.globals.api === undefined ? API_ADDRESS_DEFAULT : parseApiAddress(context.globals.api)
  const directory = runtimeDir(context.io.env)
  await makeRuntimeDir(directory)
  const registry = openRegistry(directory)
  const neighbours = await knownNeighbours(registry, options)
  const node = await startNode({ ...options, join: [...(options.join ?? []), ...neighbours] })
  const teller = new EventTeller({ node, context, log, stop })
  const onError = (error: unknown): void =>
    log.write(
      'error',
      'node',
      `unexpected: ${error instanceof Error ? error.message : String(error)}`,
    )
  const token = context.globals.apiToken ?? newToken()
  const api = createHttpApi(node, {
    token,
    hosts: [...hostNames(address.host), ...settings.list('apiHost')],
    onLeave: () => stop.request(undefined),
    onError,
    log,
  })
  const server = await orStop(node, () => serveHttp(api, address))
  const { entry, register } = await orStop(node, () =>
    enter({ node, server, registry, options, token }),
  )
  tellReady(context, settings, { node, entry, token })
  teller.start()
  const stopFollowing = followNeighbours(node, {
    registry,
    self: entry,
    known: neighbours,
    register,
    onError,
  })
  const reason = await stop.requested
  teller.stop()
  const running = { node, api, server, registry, stopFollowing }
  await Promise.race([end(running, { hasFailed: reason !== undefined }), delay(END_MS_MAX)])
  if (reason !== undefined) throw reason
  return EXIT.ok
}

/** Leaves nothing open when the next step of starting fails. */
async function orStop<T>(node: HearsayNode, step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (error) {
    await node.stop()
    throw error
  }
}

/** Tells the node's events, from its very first one, but not before the line that says it is ready. */
class EventTeller {
  readonly #context: Context
  readonly #log: EventLog
  readonly #stop: StopRequest
  readonly #unsubscribe: () => void
  #waiting: NodeEvent[] | undefined = []

  constructor(options: {
    readonly node: HearsayNode
    readonly context: Context
    readonly log: EventLog
    readonly stop: StopRequest
  }) {
    this.#context = options.context
    this.#log = options.log
    this.#stop = options.stop
    this.#unsubscribe = options.node.subscribe((event) => this.#onEvent(event))
  }

  start(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const event of waiting) this.#tell(event)
  }

  stop(): void {
    this.#unsubscribe()
  }

  #onEvent(event: NodeEvent): void {
    if (event.type === 'fatal') {
      const hint = fatalHint(event.code)
      this.#stop.request(new CliError(fatalExit(event.code), event.code, event.reason, { hint }))
    }
    if (this.#waiting === undefined) this.#tell(event)
    else this.#waiting.push(event)
  }

  #tell(event: NodeEvent): void {
    if (!this.#context.globals.json) {
      this.#log.event(event)
      return
    }
    // It only says that a view should be drawn anew; the log of a script is no view.
    if (event.type === 'digests-changed') return
    const { type, ...fields } = event
    this.#context.print.json({ event: type, ...fields })
  }
}

async function startNode(options: NodeOptions): Promise<HearsayNode> {
  try {
    return await createNode(options)
  } catch (error) {
    // Options are checked before anything is opened: a wrong one is the caller's.
    if (error instanceof TypeError || error instanceof RangeError) throw configError(error.message)
    throw error
  }
}

async function knownNeighbours(
  registry: Registry,
  options: NodeOptions,
): Promise<readonly string[]> {
  // An invite names its network: they are found a second later, once the node has read it.
  if (options.invite !== undefined && options.network === undefined) return []
  const { entries } = await registry.list()
  return neighbourAddresses(entries, {
    network: options.network ?? NETWORK_DEFAULT,
    isPrivate: options.networkKey !== undefined || options.invite !== undefined,
  })
}

async function enter(parts: {
  readonly node: HearsayNode
  readonly server: HttpServer
  readonly registry: Registry
  readonly options: NodeOptions
  readonly token: string
}): Promise<{ entry: Awaited<ReturnType<Registry['register']>>; register: () => Promise<void> }> {
  const { node, server, registry, options, token } = parts
  const draft = {
    name: node.name,
    peerId: node.peerId,
    pid: process.pid,
    api: localUrl(server.url),
    network: node.network,
    addresses: node.status().listen,
    startedAt: new Date().toISOString(),
    chaos: options.chaos === true,
    isPrivate: options.networkKey !== undefined || options.invite !== undefined,
  }
  const entry = await registry.register(draft, token)
  return {
    entry,
    register: async () => {
      await registry.register(draft, token)
    },
  }
}

function tellReady(
  context: Context,
  settings: Settings,
  parts: {
    readonly node: HearsayNode
    readonly entry: { readonly api: string; readonly tokenFile: string }
    readonly token: string
  },
): void {
  const { node, entry } = parts
  const info: ReadyInfo = {
    name: node.name,
    peerId: node.peerId,
    network: node.network,
    listen: node.status().listen,
    api: entry.api,
    tokenFile: entry.tokenFile,
    dataDir: node.status().store.path ?? settings.text('dataDir') ?? null,
  }
  context.print.result({ event: 'ready', ...info }, () =>
    describeReady(info, { context, token: parts.token }),
  )
}

/**
 * Ends within about a second: no new client chooses this node, the others are told, requests under
 * way are answered, the store is flushed.
 */
async function end(running: Running, how: { readonly hasFailed: boolean }): Promise<void> {
  const { node, api, server, registry } = running
  api.beginShutdown()
  await running.stopFollowing()
  await registry.remove(node)
  await Promise.all([how.hasFailed ? undefined : node.leave(), server.close()])
  await node.stop()
}

function newLog(context: Context, settings: Settings): EventLog {
  const { io, globals } = context
  const asked = LOG_LEVELS.find((level) => level === settings.text('logLevel'))
  const byVerbosity = globals.debug ? 'debug' : globals.quiet ? 'error' : 'info'
  return new EventLog(io, {
    level: asked ?? byVerbosity,
    format: LOG_FORMATS.find((format) => format === settings.text('logFormat')) ?? 'pretty',
    now: Date.now,
  })
}

function fatalExit(code: string): ExitCode {
  if (code === 'ERR_INTERNAL') return EXIT.internal
  // Else a disk that failed under way: the directory was usable and may be so again at the next start.
  return code === 'ERR_IDENTITY' ? EXIT.dataDir : EXIT.resources
}

function fatalHint(code: string): string {
  if (code === 'ERR_IDENTITY') {
    return 'Remove identity.key from a copied data directory and start it again, or stop the other process'
  }
  if (code === 'ERR_INTERNAL') {
    return 'Start the node again with the same --data-dir, nothing acknowledged is lost; and report this'
  }
  return code === 'ERR_STORE_FULL'
    ? 'Make room on the disk, then start the node again with the same --data-dir'
    : 'Check the disk, then start the node again with the same --data-dir: nothing acknowledged is lost'
}
