import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import type { Protocol } from '../../base/core.ts'
import type { PeerId } from '../../base/ids.ts'
import { parsePeerId } from '../../base/peer-id.ts'
import type { LinkEnd, LinkListener, LinkPort, OutboundFrame } from '../../engine/ports.ts'
import type { Admissions } from './admissions.ts'
import type { Bans } from './bans.ts'
import type { DialEnd } from './dial-end.ts'
import { Dialer } from './dialer.ts'
import { SESSION_BYTES } from './hello-messages.ts'
import type { HostPlatform } from './host-platform.ts'
import type { InvitePort } from './invite-port.ts'
import { LedgerExchange } from './ledger-exchange.ts'
import { isLeaderOf, Link } from './link.ts'
import { Mailbox } from './mailbox.ts'
import { FRAME_BYTES_MAX, type HostLimits, PROTOCOLS, protocolId, STREAMS_MAX } from './options.ts'
import type { TrafficCounter } from './traffic-counter.ts'
import { Wire, type WireEvents } from './wire.ts'

/** libp2p's pruner spares whom it values most. */
export const OVERLAY_TAG = 'hearsay-overlay'
const OVERLAY_TAG_VALUE = 100
/** The pruner looks only when there are more connections than the limit: below this share of it nothing is tagged. */
const TAGGED_FROM_SHARE = 0.5

export interface LinksOptions {
  readonly self: PeerId
  readonly network: string
  readonly networkKey: Uint8Array | undefined
  readonly invites: InvitePort | undefined
  readonly limits: HostLimits
  readonly traffic: TrafficCounter
  readonly admissions: Admissions
  readonly bans: Bans
  readonly lookupName: HostPlatform['lookupName']
}

/**
 * The LinkPort over libp2p connections: every connection says hello, admitted ones carry the link
 * of their peer. All listener calls go through the mailbox, so none happens inside a call here.
 */
export class Links implements LinkPort {
  readonly #options: LinksOptions
  readonly #links = new Map<PeerId, Link>()
  readonly #mailbox: Mailbox
  readonly #session = crypto.getRandomValues(new Uint8Array(SESSION_BYTES))
  readonly #wireEvents: WireEvents
  readonly #protected = new Set<PeerId>()
  readonly #exchange: LedgerExchange | undefined
  #areTagged = false
  #listener: LinkListener | undefined
  #libp2p: Libp2p | undefined
  #dialer: Dialer | undefined
  #isClosed = false

  constructor(options: LinksOptions) {
    this.#options = options
    this.#mailbox = new Mailbox((error) => this.#broken(error))
    this.#wireEvents = {
      admitted: (wire) => this.#admitted(wire),
      ended: (wire, end) => this.#ended(wire, end),
      frame: (wire, protocol, body, handled) => this.#frame(wire, protocol, body, handled),
      retired: (wire) => this.#links.get(wire.peer)?.leave(wire),
      writable: (wire) => this.#links.get(wire.peer)?.pump(),
      streamClosed: (wire, protocol) => this.#links.get(wire.peer)?.streamClosed(wire, protocol),
      malformed: (wire, reason) => this.#malformed(wire, reason),
      overrun: (_wire, protocol) => this.dropped(`overrun ${protocol} stream`),
      invite: (wire, message) => this.#exchange?.message(wire, message),
    }
    const { invites, admissions } = options
    if (invites === undefined) return
    this.#exchange = new LedgerExchange({
      invites,
      wires: () => admissions.all(),
      dropped: (reason) => this.dropped(reason),
      malformed: (wire, reason) => this.#malformed(wire, reason),
    })
  }

  /** Takes connections and streams of a libp2p node that has not started. */
  async attach(libp2p: Libp2p): Promise<void> {
    this.#libp2p = libp2p
    this.#dialer = new Dialer({ ...this.#options, libp2p })
    libp2p.addEventListener('connection:open', (event) => this.#opened(event.detail))
    const { network, admissions } = this.#options
    await libp2p.handle(
      protocolId(network, 'hello'),
      (stream, connection) => {
        const wire = admissions.of(connection)
        if (wire === undefined) stream.abort(new Error('Connection closed'))
        else wire.acceptHello(stream)
      },
      { maxInboundStreams: STREAMS_MAX.hello },
    )
    for (const protocol of PROTOCOLS) {
      const handler = (stream: Stream, connection: Connection): void => {
        const wire = admissions.of(connection)
        const isTaken = wire?.acceptStream(protocol, stream) === true
        if (wire === undefined) stream.abort(new Error('Not admitted'))
        if (!isTaken) this.dropped('stream before admission')
      }
      await libp2p.handle(protocolId(network, protocol), handler, {
        maxInboundStreams: STREAMS_MAX[protocol],
      })
    }
  }

  /** Dials and joins asked for earlier begin now. @param addresses our own, never dialled */
  started(addresses: readonly string[]): void {
    this.#dialer?.started(addresses)
  }

  listen(listener: LinkListener): void {
    this.#listener = listener
  }

  dial(peer: PeerId, addresses: readonly string[]): void {
    if (this.#isClosed) return
    const link = this.#link(peer)
    if (link.isUp || link.isDialling) return
    link.isDialling = true
    this.#dialer?.dial(peer, addresses).then(
      () => this.#dialled(link, undefined),
      (failure: DialEnd) => this.#dialled(link, failure),
    )
  }

  join(address: string): void {
    if (this.#isClosed) return
    this.#dialer
      ?.join(address, (wire) => this.#joined(wire, address))
      .catch((failure: DialEnd) => {
        this.#tell((listener) => listener.joinFailed(address, failure.end, failure.reason))
      })
  }

  send(frame: OutboundFrame): boolean {
    const { length } = frame.bytes
    if (length === 0 || length > FRAME_BYTES_MAX[frame.protocol]) {
      // The other end would count it against us, and ban us for the fifth.
      this.dropped(`own ${frame.protocol} frame out of bounds`)
      return false
    }
    return this.#links.get(frame.peer)?.send(frame) === true
  }

  protect(peer: PeerId, isProtected: boolean): void {
    if (this.#isClosed) return
    if (isProtected) this.#protected.add(peer)
    else this.#protected.delete(peer)
    if (this.#areTagged) this.#tag(peer)
  }

  close(peer: PeerId): void {
    const link = this.#links.get(peer)
    if (link === undefined || !link.isUp) return
    const wires = link.reset()
    if (!link.isDialling) this.#links.delete(peer)
    // Nothing is waited for: whoever closes a link has given it up, and a dead one would never end.
    for (const wire of wires) wire.abort()
    this.#down(peer, 'closed')
  }

  addresses(addresses: readonly string[]): void {
    this.#tell((listener) => listener.addresses(addresses))
  }

  dropped(reason: string): void {
    this.#tell((listener) => listener.dropped(reason))
  }

  isLinked(peer: PeerId): boolean {
    return this.#links.get(peer)?.isUp === true
  }

  /** Ends every connection; the listener hears nothing more. */
  async stop(how: 'close' | 'abort'): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#mailbox.close()
    this.#exchange?.stop()
    this.#dialer?.stop()
    this.#links.clear()
    const wires = this.#options.admissions.all()
    if (how === 'abort') for (const wire of wires) wire.abort()
    else await Promise.all(wires.map((wire) => wire.close()))
  }

  #opened(connection: Connection): void {
    const peer = parsePeerId(connection.remotePeer.toString())
    if (peer === undefined || this.#isClosed) {
      connection.abort(new Error('Connection refused'))
      return
    }
    const { self, network, networkKey, invites, limits, traffic, admissions } = this.#options
    const wire = new Wire(connection, {
      self,
      remote: peer,
      network,
      networkKey,
      invites,
      session: this.#session,
      limits,
      traffic,
      isLinked: () => this.isLinked(peer),
      events: this.#wireEvents,
    })
    admissions.add(wire)
    wire.start()
    if (!this.#areTagged && admissions.count > limits.connectionsMax * TAGGED_FROM_SHARE) {
      this.#areTagged = true
      for (const each of this.#protected) this.#tag(each)
    }
  }

  #tag(peer: PeerId): void {
    const id = this.#dialer?.libp2pId(peer)
    if (id === undefined) return
    const tag = this.#protected.has(peer) ? { value: OVERLAY_TAG_VALUE } : undefined
    // A tag that is not kept only makes the pruner guess worse.
    this.#libp2p?.peerStore.merge(id, { tags: { [OVERLAY_TAG]: tag } }).catch(() => {})
  }

  #admitted(wire: Wire): void {
    const { self, limits } = this.#options
    // A restarted peer: what its earlier life held is gone, however alive it looks from here.
    for (const old of this.#links.get(wire.peer)?.stale(wire.session) ?? []) old.abort()
    const link = this.#link(wire.peer)
    if (link.wires.length >= limits.connectionsPerPeer) {
      this.dropped('too many connections of one peer')
      queueMicrotask(() => void wire.close())
      return
    }
    const isFirst = !link.isUp
    link.add(wire, isLeaderOf(self, wire.peer))
    if (isFirst) this.#up(wire)
    this.#options.invites?.admitted(wire.peer, wire.capability)
    this.#exchange?.admitted(wire)
    if (wire.direction === 'outbound') wire.open('member')
  }

  #ended(wire: Wire, end: LinkEnd): void {
    this.#options.admissions.remove(wire)
    const link = this.#links.get(wire.peer)
    if (link === undefined || !link.wires.includes(wire)) return
    link.remove(wire)
    if (link.isUp) return
    if (!link.isDialling) this.#links.delete(wire.peer)
    this.#down(wire.peer, end)
  }

  #dialled(link: Link, failure: DialEnd | undefined): void {
    link.isDialling = false
    if (link.isUp || this.#isClosed) return
    link.drop()
    if (this.#links.get(link.peer) === link) this.#links.delete(link.peer)
    // Admitted and lost again already: linkUp and linkDown have told it.
    if (failure === undefined) return
    this.#tell((listener) => listener.dialFailed(link.peer, failure.end))
  }

  /** Tells which peer answers at a join address, unless linkUp has said so. */
  #joined(wire: Wire, address: string): void {
    if (wire.announcedVia === address) return
    if (!this.isLinked(wire.peer)) {
      this.#tell((listener) => listener.joinFailed(address, 'closed', 'connection lost'))
      return
    }
    wire.via = address
    this.#up(wire)
  }

  #frame(wire: Wire, protocol: Protocol, body: Uint8Array, handled: () => void): void {
    const deliver = (): void => {
      handled()
      this.#listener?.frame(wire.peer, protocol, body)
    }
    // Closed here: the listener has been told of the end.
    if (!wire.isAdmitted) return
    if (protocol === 'member') this.#mailbox.urgent(deliver)
    else this.#mailbox.deferred(wire.peer, deliver)
  }

  #malformed(wire: Pick<Wire, 'peer'>, reason: string): void {
    this.dropped(reason)
    if (!this.#options.bans.offend(wire.peer)) return
    this.dropped('peer banned')
    for (const each of this.#options.admissions.all()) if (each.peer === wire.peer) each.abort()
  }

  #up(wire: Wire): void {
    const { direction, remoteAddress, via } = wire
    wire.announcedVia = via
    const route = via === undefined ? {} : { via }
    const role = wire.isObserver ? 'observer' : 'member'
    const details = { direction, remoteAddress, role, ...route } as const
    this.#tell((listener) => listener.linkUp(wire.peer, details))
  }

  #down(peer: PeerId, end: LinkEnd): void {
    this.#mailbox.last(peer, () => this.#listener?.linkDown(peer, end))
  }

  #tell(call: (listener: LinkListener) => void): void {
    this.#mailbox.urgent(() => {
      if (this.#listener !== undefined) call(this.#listener)
    })
  }

  #link(peer: PeerId): Link {
    const known = this.#links.get(peer)
    if (known !== undefined) return known
    const link = new Link(peer, this.#options.limits)
    this.#links.set(peer, link)
    return link
  }

  /** A listener threw: our own bug. It must end the process loudly rather than half a link silently. */
  #broken(error: unknown): void {
    queueMicrotask(() => {
      throw error
    })
  }
}
