import type { Connection, Stream, StreamCloseEvent } from '@libp2p/interface'
import { CODE_P2P } from '@multiformats/multiaddr'
import type { Millis, Protocol } from '../../base/core.ts'
import type { PeerId } from '../../base/ids.ts'
import type { LinkEnd } from '../../engine/ports.ts'
import type { SignedCapability } from '../../invites/capability.ts'
import { ControlStream } from './control-stream.ts'
import { dialEnd, NotAdmittedError } from './dial-end.ts'
import { Hello, type HelloOutcome } from './hello.ts'
import { type HelloMessage, NONCE_BYTES } from './hello-messages.ts'
import type { InvitePort } from './invite-port.ts'
import { type HostLimits, PROTOCOLS, protocolId } from './options.ts'
import type { Piece } from './send-queue.ts'
import { StreamPool } from './stream-pool.ts'
import type { TrafficCounter } from './traffic-counter.ts'

/** How long a graceful end may take before the connection is cut. */
const CLOSE_MS: Millis = 500

export interface WireEvents {
  admitted(wire: Wire): void
  /** Once, admitted or not. */
  ended(wire: Wire, end: LinkEnd): void
  frame(wire: Wire, protocol: Protocol, body: Uint8Array, handled: () => void): void
  /** The remote end wants nothing more written here. */
  retired(wire: Wire): void
  /** Something may be written again. */
  writable(wire: Wire): void
  /** A stream is gone and what was half written on it. */
  streamClosed(wire: Wire, protocol: Protocol): void
  malformed(wire: Wire, reason: string): void
  /** A stream was lost because its window was overrun. */
  overrun(wire: Wire, protocol: Protocol): void
  /** A message about invites, after admission. */
  invite(wire: Wire, message: HelloMessage): void
}

export interface WireOptions {
  readonly self: PeerId
  readonly remote: PeerId
  readonly network: string
  readonly networkKey: Uint8Array | undefined
  readonly invites: InvitePort | undefined
  readonly session: Uint8Array
  readonly limits: HostLimits
  readonly traffic: TrafficCounter
  readonly isLinked: () => boolean
  readonly events: WireEvents
}

/** One libp2p connection to a peer, from its opening to its end: hello, then framed streams. */
export class Wire {
  readonly connection: Connection
  readonly peer: PeerId
  readonly direction: 'inbound' | 'outbound'
  /** Multiaddr without /p2p. */
  readonly remoteAddress: string
  /** The join address that this connection was dialled for. */
  via: string | undefined
  /** The one that the listener has heard of. */
  announcedVia: string | undefined
  readonly #options: WireOptions
  readonly #pool: StreamPool
  readonly #admission: PromiseWithResolvers<Wire> = Promise.withResolvers()
  #control: ControlStream | undefined
  #state: 'hello' | 'admitted' | 'ended' = 'hello'
  #session: Uint8Array = new Uint8Array(0)
  #isCheck = false
  #capability: SignedCapability | undefined
  #knowsInvites = false
  /** Streams that came while an invite was being redeemed here, unread. */
  #early: (readonly [Protocol, Stream])[] = []
  #deadline: NodeJS.Timeout | undefined

  constructor(connection: Connection, options: WireOptions) {
    this.connection = connection
    this.peer = options.remote
    this.direction = connection.direction
    this.remoteAddress = connection.remoteAddr.decapsulateCode(CODE_P2P).toString()
    this.#options = options
    // Nobody may wait for it.
    this.#admission.promise.catch(() => {})
    const { events, network, traffic } = options
    this.#pool = new StreamPool(connection, {
      network,
      traffic,
      frame: (protocol, body, handled) => events.frame(this, protocol, body, handled),
      writable: () => events.writable(this),
      streamClosed: (protocol) => events.streamClosed(this, protocol),
      malformed: (reason) => events.malformed(this, reason),
      overrun: (protocol) => events.overrun(this, protocol),
      taken: (bytes) => this.#control?.send({ type: 'received', bytes }),
      broken: () => this.abort('reset'),
    })
  }

  get isAdmitted(): boolean {
    return this.#state === 'admitted'
  }

  /** The other end's life; differs after its restart. */
  get session(): Uint8Array {
    return this.#session
  }

  /** True when the dialler held a link already: this connection is redundant from the start. */
  get isCheck(): boolean {
    return this.#isCheck
  }

  /** What the other end was admitted for; undefined: the network key, or everybody is. */
  get capability(): SignedCapability | undefined {
    return this.#capability
  }

  /** Whether the other end was invited to read only. */
  get isObserver(): boolean {
    return this.#capability?.role === 'observer'
  }

  /** Whether the other end takes messages about invites. */
  get knowsInvites(): boolean {
    return this.#knowsInvites
  }

  /** Bytes of sync and kv that the other end has not reported yet. */
  get inFlightBytes(): number {
    return this.#pool.inFlightBytes
  }

  /** Resolves when both ends are admitted. @throws {NotAdmittedError} */
  admitted(): Promise<Wire> {
    return this.#admission.promise
  }

  start(): void {
    const { network } = this.#options
    const { helloTimeoutMs } = this.#options.limits
    this.connection.addEventListener('close', (event) => this.#connectionClosed(event))
    this.#deadline = setTimeout(() => this.#refuse('timeout', 'no hello in time'), helloTimeoutMs)
    if (this.direction === 'inbound') return
    const signal = AbortSignal.timeout(helloTimeoutMs)
    this.connection.newStream(protocolId(network, 'hello'), { signal }).then(
      (stream) => this.#speak(stream).start(),
      (error: unknown) => {
        const { end, reason } = dialEnd(error)
        this.#refuse(end, reason)
      },
    )
  }

  /** The hello stream that the dialler opened. Synchronous: listeners come before any await. */
  acceptHello(stream: Stream): void {
    if (this.direction === 'inbound' && this.#control === undefined && this.#state === 'hello') {
      this.#speak(stream)
    } else {
      stream.abort(new Error('Unexpected hello stream'))
      this.#options.events.malformed(this, 'second hello stream')
    }
  }

  /** A stream of a framed protocol that the remote end opened. */
  acceptStream(protocol: Protocol, stream: Stream): boolean {
    if (this.#state === 'admitted') {
      this.#pool.attach(protocol, stream)
      return true
    }
    // The other end is through already; a stream keeps what comes until somebody listens to it.
    if (this.#control?.isWaiting === true && this.#early.length < PROTOCOLS.length) {
      this.#early.push([protocol, stream])
      return true
    }
    stream.abort(new Error('Not admitted'))
    return false
  }

  isReady(protocol: Protocol): boolean {
    return this.#state === 'admitted' && this.#pool.isReady(protocol)
  }

  /** @returns false when the stream broke */
  write(protocol: Protocol, pieces: readonly Piece[]): boolean {
    return this.#pool.write(protocol, pieces)
  }

  /** Opens the stream of a protocol unless there is one. */
  open(protocol: Protocol): void {
    if (this.#state === 'admitted') this.#pool.open(protocol)
  }

  /** Gives up the stream of a protocol with the frame half written on it. */
  reset(protocol: Protocol): void {
    this.#pool.reset(protocol)
  }

  retire(): void {
    this.#control?.send({ type: 'retire' })
  }

  /** A message about invites. @returns false when more should wait */
  tell(message: HelloMessage): boolean {
    return this.#control?.send(message) === true
  }

  /** Ends it, and says why: the other end's capability holds no more. */
  expel(reason: string): void {
    if (this.#state !== 'admitted') return
    this.tell({ type: 'reject', reason })
    this.#end('rejected', reason)
    void this.#hangUp()
  }

  /**
   * Ends it politely: what is written leaves, then the bye, then the other end closes. Closing
   * first would reset the connection under data still on its way. Never rejects.
   */
  async close(): Promise<void> {
    if (this.#state === 'ended') return
    this.#end('closed', 'closed here')
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, CLOSE_MS)
    this.connection.addEventListener('close', () => resolve())
    await Promise.race([this.#pool.flushed(), promise])
    this.#control?.send({ type: 'bye' })
    if (this.#control !== undefined && this.connection.status === 'open') await promise
    clearTimeout(timer)
    await this.#hangUp()
  }

  /** Cuts it. */
  abort(end: LinkEnd = 'reset'): void {
    this.#end(end, 'aborted here')
    this.connection.abort(new Error('Link aborted'))
  }

  #speak(stream: Stream): ControlStream {
    const { self, remote, network, networkKey, invites, session, isLinked, traffic } = this.#options
    const role = this.direction === 'outbound' ? 'dialler' : 'acceptor'
    const hello = new Hello({
      role,
      self,
      remote,
      network,
      networkKey,
      invites,
      session,
      nonce: crypto.getRandomValues(new Uint8Array(NONCE_BYTES)),
      isLinked,
    })
    this.#control = new ControlStream(stream, hello, {
      outcome: (outcome) => this.#outcome(outcome),
      message: (message) => this.#message(message),
      malformed: (reason) => {
        this.#options.events.malformed(this, reason)
        this.abort()
      },
      closed: () => this.#controlClosed(),
      sent: (bytes) => traffic.sent('hello', bytes),
      received: (bytes) => traffic.received('hello', bytes),
    })
    return this.#control
  }

  #outcome(outcome: HelloOutcome): void {
    if (this.#state !== 'hello') return
    switch (outcome.type) {
      case 'admitted':
        clearTimeout(this.#deadline)
        this.#deadline = undefined
        this.#state = 'admitted'
        this.#session = outcome.session
        this.#isCheck = outcome.isLinked
        this.#capability = outcome.capability
        this.#knowsInvites = outcome.knowsInvites === true
        this.#options.events.admitted(this)
        this.#admission.resolve(this)
        for (const [protocol, stream] of this.#early.splice(0)) {
          if (stream.status === 'open') this.acceptStream(protocol, stream)
        }
        return
      case 'rejected':
        if (outcome.told !== undefined) this.#options.invites?.refused(this.peer, outcome.told)
        this.#refuse('rejected', outcome.reason)
        return
      case 'malformed':
        this.#options.events.malformed(this, outcome.reason)
        this.#refuse('rejected', outcome.reason)
        return
    }
  }

  #message(message: HelloMessage): void {
    if (this.#state !== 'admitted') return
    switch (message.type) {
      case 'bye':
        // The last thing that the other end writes: it waits for us to close.
        this.#lost('closed')
        return
      case 'retire':
        this.#options.events.retired(this)
        return
      case 'received':
        this.#pool.acknowledge(message.bytes)
        return
      case 'reject':
        if (!this.#knowsInvites) break
        this.#options.invites?.refused(this.peer, message.reason)
        this.#lost('closed')
        return
      case 'grant':
      case 'ledger':
      case 'entries':
        if (!this.#knowsInvites) break
        this.#options.events.invite(this, message)
        return
      default:
    }
    this.#options.events.malformed(this, `unexpected control message: ${message.type}`)
  }

  /** Without its control stream a connection is of no use. */
  #controlClosed(): void {
    if (this.#state !== 'ended') this.#lost('reset')
  }

  #lost(end: LinkEnd): void {
    this.#end(end, 'The peer closed the connection')
    void this.#hangUp()
  }

  #connectionClosed(event: StreamCloseEvent): void {
    const cause = event.error === undefined ? undefined : dialEnd(event.error)
    this.#end(
      cause?.end === 'timeout' ? 'timeout' : 'reset',
      cause?.reason ?? 'The peer closed the connection',
    )
  }

  #refuse(end: LinkEnd, reason: string): void {
    if (this.#state !== 'hello') return
    this.#end(end, reason)
    void this.#hangUp()
  }

  #end(end: LinkEnd, reason: string): void {
    if (this.#state === 'ended') return
    clearTimeout(this.#deadline)
    this.#state = 'ended'
    this.#pool.close()
    for (const [, stream] of this.#early.splice(0)) stream.abort(new Error('Not admitted'))
    this.#admission.reject(new NotAdmittedError(end, reason))
    this.#options.events.ended(this, end)
  }

  async #hangUp(): Promise<void> {
    try {
      await this.connection.close({ signal: AbortSignal.timeout(CLOSE_MS) })
    } catch (error) {
      this.connection.abort(error instanceof Error ? error : new Error(String(error)))
    }
  }
}
