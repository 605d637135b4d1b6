import { assert } from '../base/assert.ts'
import type { PeerId } from '../base/ids.ts'
import type { LinkEnd, LinkPort, OutboundFrame } from '../engine/ports.ts'
import { Dialer } from './dialer.ts'
import { Host } from './host.ts'
import { Link, type LinkEndpoint } from './link.ts'
import {
  emptyStats,
  type NetworkConditions,
  type NetworkStats,
  quietNetwork,
} from './network-conditions.ts'
import { SEND_QUEUE_BYTES_MAX } from './pipe.ts'
import type { Process } from './process.ts'
import type { World } from './world.ts'

export interface HostOptions {
  readonly peer: PeerId
  readonly address: string
  readonly network: string
}

/**
 * The simulated network: hosts with addresses, links between their processes, and what goes wrong with them.
 * A link is one TCP connection with admission behind it: see {@link Pipe} for its delays and losses.
 */
export class Network {
  readonly world: World
  readonly conditions: NetworkConditions = quietNetwork()
  readonly stats: NetworkStats = emptyStats()
  /** What the name service answers: name → IPv4 addresses. */
  readonly names: Map<string, readonly string[]> = new Map()
  readonly #hosts: Host[] = []
  readonly #byAddress: Map<string, Host> = new Map()
  readonly #cuts: Set<number> = new Set()
  /** Extra loss of everything a host receives, by index. */
  readonly #inboundLoss: Map<number, number> = new Map()
  readonly #dialer: Dialer
  #pipes = 0

  constructor(world: World) {
    this.world = world
    this.#dialer = new Dialer(this)
  }

  /** Adds a machine; nothing runs on it yet. */
  addHost(options: HostOptions): Host {
    assert(!this.#byAddress.has(options.address), `one host at an address: ${options.address}`)
    const host = new Host({ index: this.#hosts.length, ...options })
    this.#hosts.push(host)
    this.#byAddress.set(host.address, host)
    return host
  }

  hostAt(address: string): Host | undefined {
    return this.#byAddress.get(address)
  }

  /** A host moves to another address: its links break there, and its process is told. */
  readdress(host: Host, address: string): void {
    assert(!this.#byAddress.has(address), `one host at an address: ${address}`)
    this.#byAddress.delete(host.address)
    host.address = address
    this.#byAddress.set(address, host)
    for (const link of host.links.values()) {
      this.#end(link, link.dialer, 'reset')
      this.#end(link, link.acceptor, 'reset')
    }
    this.#post(host, host.run, () => host.listener?.addresses([address]))
  }

  /** Starts a process on a host: the link port for its driver. */
  boot(host: Host, process: Process): LinkPort {
    assert(host.state !== 'running', `host ${host.index} runs one process at a time`)
    host.run += 1
    host.process = process
    host.state = 'running'
    const { run } = host
    const isCurrent = (): boolean => host.run === run && host.state === 'running'
    return {
      listen: (listener) => {
        host.listener = listener
        this.#post(host, run, () => listener.addresses([host.address]))
      },
      dial: (peer, addresses) => {
        if (isCurrent()) this.#dialer.dial(host, peer, addresses)
      },
      join: (address) => {
        if (isCurrent()) this.#dialer.join(host, address)
      },
      send: (frame) => isCurrent() && this.#send(host, frame),
      protect: (peer, isProtected) => {
        if (isProtected) host.isProtected.add(peer)
        else host.isProtected.delete(peer)
      },
      close: (peer) => {
        const link = host.links.get(peer)
        if (!isCurrent() || link === undefined) return
        this.#end(link, link.at(host), 'closed')
        this.#tell(link, host, 'closed')
      },
    }
  }

  /**
   * Ends the process of a host. `refusing`: its kernel tells every neighbour and refuses dials.
   * `silent`: the machine is gone, nobody is told anything.
   */
  halt(host: Host, state: 'refusing' | 'silent', end: LinkEnd = 'reset'): void {
    host.state = state
    host.listener = undefined
    host.process = undefined
    host.dials.clear()
    host.joins.clear()
    host.isProtected.clear()
    const links = [...host.links.values()]
    host.links.clear()
    for (const link of links) {
      const own = link.at(host)
      own.isOpen = false
      own.pipe.close()
      if (state === 'refusing') this.#tell(link, host, end)
    }
  }

  /** A silent machine answers again, without a process. */
  revive(host: Host): void {
    if (host.state === 'silent') host.state = 'refusing'
  }

  /** Cuts the path from one host to another; the other way stays. */
  cut(from: Host, to: Host): void {
    this.#cuts.add(cutKey(from, to))
    const link = from.links.get(to.peer)
    if (this.conditions.cutMode !== 'reset' || link === undefined) return
    this.#end(link, link.dialer, 'reset')
    this.#end(link, link.acceptor, 'reset')
  }

  /** Cuts every path between hosts of different sides; hosts on no side keep all paths. */
  partition(sides: readonly (readonly Host[])[]): void {
    for (const [i, side] of sides.entries()) {
      for (const other of sides.slice(i + 1)) {
        for (const a of side) {
          for (const b of other) {
            this.cut(a, b)
            this.cut(b, a)
          }
        }
      }
    }
  }

  /** Ends all cuts. */
  heal(): void {
    this.#cuts.clear()
  }

  get cuts(): number {
    return this.#cuts.size
  }

  /** True when nothing sent by `from` reaches `to` now. */
  isCut(from: Host, to: Host): boolean {
    return from.state === 'silent' || to.state === 'silent' || this.#cuts.has(cutKey(from, to))
  }

  /** Loses a share of everything that reaches a host, on top of the network's loss. */
  setInboundLoss(host: Host, share: number): void {
    if (share === 0) this.#inboundLoss.delete(host.index)
    else this.#inboundLoss.set(host.index, share)
  }

  lossTo(host: Host): number {
    const extra = this.#inboundLoss.get(host.index) ?? 0
    return 1 - (1 - this.conditions.loss) * (1 - extra)
  }

  /** Makes the link of a finished dial; the acceptor is told at once, its caller tells the dialer at `openAt`. */
  openLink(dialer: Host, acceptor: Host, openAt: number): Link {
    this.stats.linksOpened += 1
    const isKnown = this.#replace(dialer, acceptor)
    const link = new Link({
      dialer,
      acceptor,
      openAt,
      pipe: (from, to) => {
        this.#pipes += 1
        return {
          world: this.world,
          random: this.world.random('pipe', from.index, to.index, this.#pipes),
          stats: this.stats,
          conditions: () => this.conditions,
          loss: () => this.lossTo(to),
          isCut: () => to.state === 'silent' || this.#cuts.has(cutKey(from, to)),
        }
      },
      deliver: (on, to, frame, taken) => this.#deliver(on, to, frame, taken),
      gaveUp: (on, from) => this.#end(on, from, 'timeout'),
    })
    dialer.links.set(acceptor.peer, link)
    acceptor.links.set(dialer.peer, link)
    if (isKnown) link.acceptor.isAnnounced = true
    else this.announce(link, link.acceptor)
    return link
  }

  /**
   * What the acceptor still takes for a link ends: silently when the dialer is the same process, whose link it
   * then continues, as an end when the dialer has restarted.
   * @returns whether the acceptor knows of a link and keeps it
   */
  #replace(dialer: Host, acceptor: Host): boolean {
    const old = acceptor.links.get(dialer.peer)
    const own = old?.at(acceptor)
    if (old === undefined || own === undefined || !own.isOpen) return false
    own.isOpen = false
    own.pipe.close()
    acceptor.links.delete(dialer.peer)
    if (!own.isAnnounced) return false
    if (old.opposite(acceptor).run === dialer.run) return true
    this.world.trace.text('reset').number(this.world.now).number(acceptor.index)
    acceptor.listener?.linkDown(dialer.peer, 'reset')
    return false
  }

  /** Tells a driver of a link, once. */
  announce(link: Link, endpoint: LinkEndpoint, via?: string): void {
    const { host, run } = endpoint
    const far = link.opposite(host).host
    if (!endpoint.isOpen) return
    endpoint.isAnnounced = true
    this.world.trace.text('up').number(this.world.now).number(host.index).number(far.index)
    const direction = endpoint === link.dialer ? 'outbound' : 'inbound'
    this.#post(host, run, () =>
      host.listener?.linkUp(far.peer, {
        direction,
        remoteAddress: far.address,
        ...(via === undefined ? {} : { via }),
      }),
    )
  }

  /** Calls into the process that was run number `run` of the host, if it still is. */
  #post(host: Host, run: number, call: () => void): void {
    this.world.schedule(0, () => {
      if (host.run !== run) return
      host.process?.post('input', call)
    })
  }

  #send(host: Host, frame: OutboundFrame): boolean {
    const link = host.links.get(frame.peer)
    const endpoint = link?.at(host)
    const dial = host.dials.get(frame.peer)
    if (endpoint?.isAnnounced === true) {
      const isSent = endpoint.pipe.send(frame)
      if (isSent) count(host, frame)
      return isSent
    }
    if (dial === undefined || dial.bytes + frame.bytes.length > SEND_QUEUE_BYTES_MAX) {
      this.stats.framesRefused += 1
      return false
    }
    count(host, frame)
    dial.bytes += frame.bytes.length
    dial.frames.push({ ...frame, bytes: frame.bytes.slice() })
    return true
  }

  #deliver(link: Link, to: LinkEndpoint, frame: OutboundFrame, taken: () => void): void {
    const { host } = to
    const from = link.opposite(host)
    if (!to.isOpen || host.run !== to.run) {
      // The kernel of a host whose process ended answers what still comes with a reset.
      this.#tell(link, host, 'reset')
      return
    }
    this.stats.framesDelivered += 1
    this.stats.bytesDelivered += frame.bytes.length
    this.world.trace.number(this.world.now).number(from.host.index).number(host.index)
    this.world.trace.text(frame.protocol).bytes(frame.bytes)
    host.process?.post('input', () => {
      taken()
      host.listener?.frame(from.host.peer, frame.protocol, frame.bytes)
    })
  }

  /** One host ends a link: the news travels to the other end, unless the path is cut. */
  #tell(link: Link, from: Host, end: LinkEnd): void {
    const far = link.opposite(from)
    if (this.isCut(from, far.host)) return
    this.#end(link, far, end)
  }

  #end(link: Link, endpoint: LinkEndpoint, end: LinkEnd): void {
    const { host, run } = endpoint
    const far = link.opposite(host).host
    this.world.schedule(this.conditions.latencyMs, () => {
      if (!endpoint.isOpen || host.run !== run) return
      endpoint.isOpen = false
      endpoint.pipe.close()
      if (host.links.get(far.peer) === link) host.links.delete(far.peer)
      if (end === 'reset') this.stats.linksReset += 1
      this.world.trace.text(end).number(this.world.now).number(host.index).number(far.index)
      const wasAnnounced = endpoint.isAnnounced
      host.process?.post('input', () => {
        if (wasAnnounced) host.listener?.linkDown(far.peer, end)
        else if (host.dials.delete(far.peer)) host.listener?.dialFailed(far.peer, end)
      })
    })
  }
}

/** Hosts of one network are fewer. */
const HOSTS_MAX = 2 ** 20

function cutKey(from: Host, to: Host): number {
  return from.index * HOSTS_MAX + to.index
}

function count(host: Host, { lane, bytes }: OutboundFrame): void {
  const traffic = host.sent[lane]
  traffic.frames += 1
  traffic.bytes += bytes.length
}
