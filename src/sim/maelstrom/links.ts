/**
 * Links over a network that delays, reorders and, while it is partitioned, loses messages. A link carries frames in
 * their order, once each, until the first one is lost: then it breaks, and both ends are told, as TCP would. That is
 * all the engine asks of a link; who dials again, and what was missed meanwhile, is for the engine.
 *
 * `open` and `opened` make a link, under a name that its dialer draws; `frame` carries a number, `close` ends it. A
 * message about a link that one end does not know is answered by `close`.
 */
import { fromHex, hex } from '../../base/bytes.ts'
import type { Millis, Protocol } from '../../base/core.ts'
import type { PeerId } from '../../base/ids.ts'
import type { LinkEnd, LinkListener, LinkPort, OutboundFrame } from '../../engine/ports.ts'
import type { Body } from './message.ts'

/** A dial without an answer ends after so long. */
const DIAL_MS_MAX = 3_000
/** A frame that others have overtaken is waited for so long. */
const GAP_MS_MAX = 2_000
/** Frames that wait for a dial, or for one that they have overtaken. */
const WAITING_MAX = 4_096

/** One of the other nodes. */
export interface Remote {
  /** Its name in Maelstrom. */
  readonly name: string
  readonly peer: PeerId
  readonly address: string
}

export interface LinksOptions {
  readonly self: Remote
  readonly others: readonly Remote[]
  /** Different in every run of every node. */
  readonly run: string
  send(to: string, body: Body): void
  schedule(delayMs: Millis, run: () => void): void
}

interface Link {
  readonly remote: Remote
  readonly id: string
  isUp: boolean
  /** Addresses of joins that this dial answers. */
  readonly vias: Set<string>
  readonly waiting: OutboundFrame[]
  readonly early: Map<number, Body>
  sent: number
  taken: number
}

type Event = (listener: LinkListener) => void

export class MaelstromLinks implements LinkPort {
  readonly #options: LinksOptions
  readonly #byName: ReadonlyMap<string, Remote>
  readonly #byPeer: ReadonlyMap<PeerId, Remote>
  readonly #links: Map<string, Link> = new Map()
  #listener: LinkListener | undefined
  readonly #events: Event[] = []
  #opened = 0

  constructor(options: LinksOptions) {
    this.#options = options
    this.#byName = new Map(options.others.map((remote) => [remote.name, remote]))
    this.#byPeer = new Map(options.others.map((remote) => [remote.peer, remote]))
  }

  listen(listener: LinkListener): void {
    this.#listener = listener
    this.#tell((heard) => heard.addresses([this.#options.self.address]))
  }

  dial(peer: PeerId, _addresses: readonly string[]): void {
    const remote = this.#byPeer.get(peer)
    if (remote === undefined) this.#tell((listener) => listener.dialFailed(peer, 'refused'))
    else if (!this.#links.has(remote.name)) this.#open(remote)
  }

  join(address: string): void {
    const remote = this.#options.others.find((one) => one.address === address)
    if (remote === undefined) {
      this.#tell((listener) => listener.joinFailed(address, 'refused', 'no such node'))
      return
    }
    const known = this.#links.get(remote.name)
    if (known?.isUp === true) this.#announce(known, 'outbound', address)
    else (known ?? this.#open(remote)).vias.add(address)
  }

  send(frame: OutboundFrame): boolean {
    const name = this.#byPeer.get(frame.peer)?.name ?? ''
    const link = this.#links.get(name)
    if (link === undefined) return false
    if (link.isUp) this.#write(link, frame)
    else if (link.waiting.length < WAITING_MAX) link.waiting.push(frame)
    else return false
    return true
  }

  /** Nothing is ever pruned here. */
  protect(): void {}

  close(peer: PeerId): void {
    const link = this.#links.get(this.#byPeer.get(peer)?.name ?? '')
    if (link === undefined) return
    this.#options.send(link.remote.name, { type: 'close', link: link.id })
    this.#end(link, 'closed')
  }

  /** A message of another node. @returns false when it is not about links */
  receive(from: string, body: Body): boolean {
    const { type, link: id } = body
    const remote = this.#byName.get(from)
    if (remote === undefined || typeof id !== 'string') return false
    const link = this.#links.get(from)
    switch (type) {
      case 'open':
        this.#accept(remote, id, link)
        return true
      case 'opened':
        if (link?.id === id) this.#up(link, 'outbound')
        else this.#options.send(from, { type: 'close', link: id })
        return true
      case 'frame':
        // What overtook the answer to our dial says the same.
        if (link?.id === id && !link.isUp) this.#up(link, 'outbound')
        if (link?.id === id) this.#take(link, body)
        else this.#options.send(from, { type: 'close', link: id })
        return true
      case 'close':
        if (link?.id === id) this.#end(link, 'reset')
        return true
      default:
        return false
    }
  }

  #open(remote: Remote): Link {
    this.#opened += 1
    const link = newLink(remote, `${this.#options.self.name}-${this.#options.run}-${this.#opened}`)
    this.#links.set(remote.name, link)
    this.#options.send(remote.name, { type: 'open', link: link.id })
    this.#options.schedule(DIAL_MS_MAX, () => {
      if (!link.isUp) this.#end(link, 'timeout')
    })
    return link
  }

  #accept(remote: Remote, id: string, known: Link | undefined): void {
    // Both dial at once: the link of the lower name is the one, on both sides.
    if (known !== undefined && !known.isUp && this.#options.self.name < remote.name) return
    const link = newLink(remote, id)
    this.#links.set(remote.name, link)
    this.#options.send(remote.name, { type: 'opened', link: id })
    // It would not dial while it had a link: the one that we know is over.
    if (known?.isUp === true) this.#tell((listener) => listener.linkDown(remote.peer, 'reset'))
    for (const via of known?.vias ?? []) link.vias.add(via)
    link.waiting.push(...(known?.waiting ?? []))
    this.#up(link, 'inbound')
  }

  #up(link: Link, direction: 'inbound' | 'outbound'): void {
    if (link.isUp) return
    link.isUp = true
    const [via, ...more] = link.vias
    this.#announce(link, direction, via)
    for (const other of more) this.#announce(link, direction, other)
    for (const frame of link.waiting.splice(0)) this.#write(link, frame)
  }

  #announce(link: Link, direction: 'inbound' | 'outbound', via: string | undefined): void {
    const { peer, address: remoteAddress } = link.remote
    const details = { direction, remoteAddress, ...(via === undefined ? {} : { via }) }
    this.#tell((listener) => listener.linkUp(peer, details))
  }

  #write(link: Link, { protocol, bytes }: OutboundFrame): void {
    link.sent += 1
    const body = { type: 'frame', link: link.id, number: link.sent, protocol }
    this.#options.send(link.remote.name, { ...body, bytes: hex(bytes) })
  }

  #take(link: Link, body: Body): void {
    const { number } = body
    if (typeof number !== 'number' || number <= link.taken || link.early.has(number)) return
    if (link.early.size >= WAITING_MAX) {
      this.#break(link)
      return
    }
    link.early.set(number, body)
    for (let next = link.early.get(link.taken + 1); next !== undefined; ) {
      link.taken += 1
      link.early.delete(link.taken)
      this.#deliver(link, next)
      next = link.early.get(link.taken + 1)
    }
    const { taken } = link
    if (link.early.size === 0) return
    this.#options.schedule(GAP_MS_MAX, () => {
      if (link.taken === taken && link.early.size > 0) this.#break(link)
    })
  }

  #deliver(link: Link, { protocol, bytes }: Body): void {
    const frame = typeof bytes === 'string' ? fromHex(bytes) : undefined
    if (frame === undefined || !isProtocol(protocol)) return
    this.#tell((listener) => listener.frame(link.remote.peer, protocol, frame))
  }

  /** A frame is lost: what follows it is of no use. */
  #break(link: Link): void {
    if (this.#links.get(link.remote.name) !== link) return
    this.#options.send(link.remote.name, { type: 'close', link: link.id })
    this.#end(link, 'reset')
  }

  #end(link: Link, end: LinkEnd): void {
    const { name, peer } = link.remote
    if (this.#links.get(name) !== link) return
    this.#links.delete(name)
    if (link.isUp) {
      this.#tell((listener) => listener.linkDown(peer, end))
      return
    }
    this.#tell((listener) => listener.dialFailed(peer, end))
    for (const via of link.vias) {
      this.#tell((listener) => listener.joinFailed(via, end, 'nobody answers'))
    }
  }

  /** Never inside the call that caused it; in the order in which it happened. */
  #tell(event: Event): void {
    this.#events.push(event)
    if (this.#events.length > 1) return
    this.#options.schedule(0, () => {
      for (const told of this.#events.splice(0)) {
        if (this.#listener !== undefined) told(this.#listener)
      }
    })
  }
}

function newLink(remote: Remote, id: string): Link {
  return {
    ...{ remote, id, isUp: false, vias: new Set<string>(), waiting: [], early: new Map() },
    ...{ sent: 0, taken: 0 },
  }
}

function isProtocol(value: unknown): value is Protocol {
  return value === 'member' || value === 'sync' || value === 'kv'
}
