import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Server, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Listener } from '@libp2p/interface'
import { unref } from '../common/timers.ts'
import type { Bans } from './bans.ts'
import type { HostLimits } from './options.ts'

/** Of the request that becomes a WebSocket: a browser sends less than one. */
export const HEADER_BYTES_MAX = 8_192
/** One message of the socket; noise makes none above 64 KiB. */
const MESSAGE_BYTES_MAX = 1_048_576
const LOOPBACK_ORIGIN = /^https?:\/\/(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/
const REFUSED = 'HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'

export interface WebSocketGuardOptions {
  readonly limits: Pick<
    HostLimits,
    'inboundMax' | 'pendingMax' | 'pendingPerAddress' | 'upgradeTimeoutMs'
  >
  readonly origins: readonly string[]
  readonly bans: Pick<Bans, 'isBanned'>
  readonly dropped: (reason: string) => void
}

/**
 * Whether a page may connect. Any page that a browser shows on this machine can dial loopback: only those of this
 * machine may, and the origins named. Programs that are no browsers tell no origin, and need none.
 * @param allowed as `https://example.org`; `*`: all
 */
export function isAllowedOrigin(origin: string | undefined, allowed: readonly string[]): boolean {
  if (origin === undefined || allowed.includes('*') || allowed.includes(origin)) return true
  return LOOPBACK_ORIGIN.test(origin)
}

/**
 * The same listener, which refuses what it is not meant for before it costs anything: banned addresses, too many
 * handshakes, slow ones, foreign pages, messages without measure. From the upgrade on libp2p bounds the rest.
 *
 * @throws {Error} the listener is not made as the library's is: then it cannot be guarded, and nothing listens
 */
export function guardWebSockets(listener: Listener, options: WebSocketGuardOptions): Listener {
  const { server, sockets } = partsOf(listener)
  const { limits } = options
  const pending = new PendingSockets(options)
  server.maxConnections = limits.inboundMax + limits.pendingMax
  server.prependListener('connection', (socket: Socket) => pending.came(socket))
  server.on('drop', () => options.dropped('too many connections'))
  sockets.options.maxPayload = MESSAGE_BYTES_MAX
  const upgrade = sockets.handleUpgrade.bind(sockets)
  sockets.handleUpgrade = (request, socket, head, done) => {
    if (!isAllowedOrigin(request.headers.origin, options.origins)) {
      options.dropped('connection of a foreign page')
      socket.end(REFUSED)
      return
    }
    pending.upgraded(socket)
    upgrade(request, socket, head, (opened, asked) => {
      // The library listens to none of its own: a malformed frame would end the process.
      opened.on('error', () => options.dropped('malformed WebSocket frame'))
      done(opened, asked)
    })
  }
  return listener
}

/** Connections that are no WebSockets yet. */
class PendingSockets {
  readonly #options: WebSocketGuardOptions
  readonly #timers = new Map<Duplex, ReturnType<typeof setTimeout>>()
  readonly #byAddress = new Map<string, number>()

  constructor(options: WebSocketGuardOptions) {
    this.#options = options
  }

  came(socket: Socket): void {
    const { limits, bans, dropped } = this.#options
    const address = socket.remoteAddress ?? ''
    const before = this.#byAddress.get(address) ?? 0
    const reason = bans.isBanned(address)
      ? 'connection of a banned address'
      : this.#timers.size >= limits.pendingMax || before >= limits.pendingPerAddress
        ? 'too many handshakes at once'
        : undefined
    if (reason !== undefined) {
      dropped(reason)
      socket.destroy()
      return
    }
    this.#byAddress.set(address, before + 1)
    const late = (): void => {
      dropped('slow WebSocket handshake')
      socket.destroy()
    }
    this.#timers.set(socket, unref(setTimeout(late, limits.upgradeTimeoutMs)))
    socket.once('close', () => this.#over(socket, address))
  }

  upgraded(socket: Duplex): void {
    this.#over(socket, 'remoteAddress' in socket ? String(socket.remoteAddress) : '')
  }

  #over(socket: Duplex, address: string): void {
    const timer = this.#timers.get(socket)
    if (timer === undefined) return
    clearTimeout(timer)
    this.#timers.delete(socket)
    const count = (this.#byAddress.get(address) ?? 1) - 1
    if (count > 0) this.#byAddress.set(address, count)
    else this.#byAddress.delete(address)
  }
}

interface ListenerParts {
  readonly server: Server
  readonly sockets: {
    readonly options: { maxPayload?: number }
    handleUpgrade(
      request: IncomingMessage,
      socket: Duplex,
      head: Buffer,
      done: (opened: EventEmitter, request: IncomingMessage) => void,
    ): void
  }
}

/** The library offers no hooks for any of it; its version is pinned. */
function partsOf(listener: Listener): ListenerParts {
  const { server, wsServer } = listener as unknown as Partial<Record<string, unknown>>
  const isServer = typeof server === 'object' && server !== null && 'prependListener' in server
  const areSockets =
    typeof wsServer === 'object' && wsServer !== null && 'handleUpgrade' in wsServer
  if (!isServer || !areSockets || !('options' in wsServer)) {
    throw new Error('Cannot guard the WebSocket listener: @libp2p/websockets is made differently')
  }
  return { server: server as Server, sockets: wsServer as unknown as ListenerParts['sockets'] }
}
