import type {
  Connection,
  CreateListenerOptions,
  DialTransportOptions,
  Listener,
  MultiaddrConnection,
  Transport,
  Upgrader,
} from '@libp2p/interface'
import { transportSymbol } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { TransportFactory } from './host-platform.ts'

type Library = typeof import('@libp2p/websockets')
type Init = Parameters<Library['webSockets']>[0]
type Components = Parameters<TransportFactory>[0]

const HOSTS: ReadonlySet<string> = new Set(['ip4', 'ip6', 'dns', 'dns4', 'dns6'])
/** What stands behind the port. */
const SUFFIXES: ReadonlySet<string> = new Set(['ws', 'wss', 'tls/ws'])

/** WebSockets, of which a node that uses none loads nothing: it would take a fifth of the time of libp2p. */
export class LazyWebSockets {
  readonly #load: () => Promise<Library>
  readonly #init: Init
  #library: Promise<Library> | undefined
  #loaded: Library | undefined

  /** @param init of the library's transport */
  constructor(
    load: () => Promise<Library> = () => import('@libp2p/websockets'),
    init: Init = undefined,
  ) {
    this.#load = load
    this.#init = init
  }

  /** Listeners cannot wait: it has to be there before they are made. */
  async load(): Promise<void> {
    this.#library ??= this.#load()
    this.#loaded = await this.#library
  }

  /** @param guard of what listeners accept; without one nothing is listened to */
  factory(guard?: (listener: Listener) => Listener): TransportFactory {
    return (components) => new WebSocketTransport(this, { components, guard })
  }

  /** The library's own transport, once loaded. */
  transport(components: Components): Transport | undefined {
    return this.#loaded?.webSockets(this.#init)(components)
  }
}

class WebSocketTransport implements Transport {
  readonly [transportSymbol] = true
  readonly [Symbol.toStringTag] = 'hearsay/web-sockets'
  readonly #sockets: LazyWebSockets
  readonly #components: Components
  readonly #guard: ((listener: Listener) => Listener) | undefined
  #inner: Transport | undefined

  constructor(
    sockets: LazyWebSockets,
    options: {
      readonly components: Components
      readonly guard: ((listener: Listener) => Listener) | undefined
    },
  ) {
    this.#sockets = sockets
    this.#components = options.components
    this.#guard = options.guard
  }

  async dial(address: Multiaddr, options: DialTransportOptions): Promise<Connection> {
    await this.#sockets.load()
    const upgrader = closing(options.upgrader)
    return await this.#loaded().dial(address, { ...options, upgrader })
  }

  createListener(options: CreateListenerOptions): Listener {
    if (this.#guard === undefined) throw new Error('Cannot listen: nobody guards the listener')
    const upgrader = closing(options.upgrader)
    return this.#guard(this.#loaded().createListener({ ...options, upgrader }))
  }

  listenFilter(addresses: Multiaddr[]): Multiaddr[] {
    return this.#guard === undefined ? [] : addresses.filter((one) => suffixOf(one) === 'ws')
  }

  dialFilter(addresses: Multiaddr[]): Multiaddr[] {
    return addresses.filter((address) => suffixOf(address) !== undefined)
  }

  #loaded(): Transport {
    this.#inner ??= this.#sockets.transport(this.#components)
    if (this.#inner === undefined) throw new Error('Cannot listen: WebSockets are not loaded')
    return this.#inner
  }
}

/** `ws`, `wss` or `tls/ws`; undefined: no address of a WebSocket. */
function suffixOf(address: Multiaddr): string | undefined {
  const [host, port, ...rest] = address.getComponents().map(({ name }) => name)
  if (!HOSTS.has(host ?? '') || port !== 'tcp') return undefined
  const suffix = rest.filter((name) => name !== 'p2p').join('/')
  return SUFFIXES.has(suffix) ? suffix : undefined
}

/** The same upgrader for connections that end when they are aborted. */
function closing(upgrader: Upgrader): Upgrader {
  const upgradeInbound: Upgrader['upgradeInbound'] = (connection, options) =>
    upgrader.upgradeInbound(endable(connection), options)
  // An overload: both have the same parameters to us.
  const upgradeOutbound = ((connection: MultiaddrConnection, options: never) =>
    upgrader.upgradeOutbound(endable(connection), options)) as Upgrader['upgradeOutbound']
  return new Proxy(upgrader, {
    get(target, name) {
      if (name === 'upgradeInbound') return upgradeInbound
      if (name === 'upgradeOutbound') return upgradeOutbound
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/**
 * An aborted connection of the library closes its socket with a code that no program may send, which throws:
 * the socket would stay open. Its socket is no part of its interface; where there is none nothing changes.
 */
function endable(connection: MultiaddrConnection): MultiaddrConnection {
  if (!('websocket' in connection)) return connection
  const { websocket } = connection
  Object.assign(connection, { sendReset: () => endSocket(websocket) })
  return connection
}

function endSocket(socket: unknown): void {
  if (typeof socket !== 'object' || socket === null) return
  // Of Node.js' sockets: at once, as a reset is meant. Browsers can only close.
  if ('terminate' in socket && typeof socket.terminate === 'function') socket.terminate()
  else if ('close' in socket && typeof socket.close === 'function') socket.close()
}
