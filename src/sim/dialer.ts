import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import type { Random } from '../base/random.ts'
import type { LinkEnd } from '../engine/ports.ts'
import { type Destination, resolveAddress } from './address-book.ts'
import type { Dial, Host } from './host.ts'
import type { Network } from './network.ts'

/** A dial to a host that does not answer ends after so long (the platform's dial timeout). */
const DIAL_TIMEOUT_MS = 5_000
/** A host that answers but never says hello is given up after so long. */
const HELLO_TIMEOUT_MS = 3_000
/** First retransmission of a lost SYN (RFC 6298). */
const SYN_RETRY_MS = 1_000
/** Round trips of a cold dial: TCP, encryption, multiplexer, hello. */
const ROUND_TRIPS = 4

interface Attempt {
  readonly from: Host
  readonly run: number
  readonly destinations: readonly Destination[]
  /** The peer that must answer; any for a join by address. */
  readonly expected: PeerId | undefined
  /** Still wanted: not answered otherwise meanwhile. */
  readonly isPending: () => boolean
  readonly opened: (to: Host, openAt: Millis) => void
  readonly failed: (end: LinkEnd, reason: string) => void
}

/** Dials and joins: delay, admission and the ways in which they fail. */
export class Dialer {
  readonly #network: Network
  readonly #random: Random

  constructor(network: Network) {
    this.#network = network
    this.#random = network.world.random('dialer')
  }

  dial(host: Host, peer: PeerId, addresses: readonly string[]): void {
    if (host.links.has(peer) || host.dials.has(peer) || peer === host.peer) return
    const dial: Dial = { frames: [], bytes: 0 }
    host.dials.set(peer, dial)
    const destinations: Destination[] = []
    for (const address of addresses) {
      destinations.push(...resolveAddress(address, this.#network.names))
    }
    this.#attempt(
      {
        from: host,
        run: host.run,
        destinations,
        expected: peer,
        isPending: () => host.dials.get(peer) === dial,
        opened: (to, openAt) => this.#open(host, to, openAt, undefined),
        failed: (end) => {
          host.dials.delete(peer)
          host.listener?.dialFailed(peer, end)
        },
      },
      0,
    )
  }

  join(host: Host, address: string): void {
    if (host.joins.has(address)) return
    host.joins.add(address)
    this.#attempt(
      {
        from: host,
        run: host.run,
        destinations: resolveAddress(address, this.#network.names),
        expected: undefined,
        isPending: () => host.joins.has(address),
        opened: (to, openAt) => {
          host.joins.delete(address)
          this.#open(host, to, openAt, address)
        },
        failed: (end, reason) => {
          host.joins.delete(address)
          host.listener?.joinFailed(address, end, reason)
        },
      },
      0,
    )
  }

  #attempt(attempt: Attempt, index: number): void {
    const destination = attempt.destinations[index]
    if (destination === undefined) {
      this.#fail(attempt, 0, 'refused', 'no such address')
      return
    }
    const target = this.#network.hostAt(destination.address)
    const { latencyMs } = this.#network.conditions
    if (target !== undefined && this.#isBlack(attempt.from, target)) {
      this.#next(attempt, index, DIAL_TIMEOUT_MS, 'timeout', 'nobody answers')
      return
    }
    if (target === undefined || !target.isListening) {
      this.#next(attempt, index, 2 * latencyMs, 'refused', 'connection refused')
      return
    }
    const tookMs = this.#handshakeMs(target)
    if (tookMs >= DIAL_TIMEOUT_MS) {
      this.#next(attempt, index, DIAL_TIMEOUT_MS, 'timeout', 'nobody answers')
      return
    }
    this.#network.world.schedule(tookMs, () => this.#arrive(attempt, index, target, destination))
  }

  /** The handshake is through, but for the word of the accepting process. */
  #arrive(attempt: Attempt, index: number, target: Host, destination: Destination): void {
    const { from } = attempt
    if (from.run !== attempt.run || !attempt.isPending()) return
    if (this.#isBlack(from, target)) {
      this.#next(attempt, index, DIAL_TIMEOUT_MS, 'timeout', 'nobody answers')
      return
    }
    if (!target.isListening) {
      this.#next(attempt, index, this.#network.conditions.latencyMs, 'reset', 'connection reset')
      return
    }
    const refusal = refusalOf(attempt, target, destination)
    if (refusal !== undefined) {
      this.#next(attempt, index, this.#network.conditions.latencyMs, 'rejected', refusal)
      return
    }
    let isAnswered = false
    target.process?.post('input', () => {
      if (isAnswered || from.run !== attempt.run || !attempt.isPending()) return
      isAnswered = true
      attempt.opened(target, this.#network.world.now + this.#oneWayMs())
    })
    if (isAnswered) return
    this.#network.world.schedule(HELLO_TIMEOUT_MS, () => {
      if (isAnswered) return
      isAnswered = true
      this.#next(attempt, index, 0, 'timeout', 'no hello')
    })
  }

  #next(attempt: Attempt, index: number, afterMs: Millis, end: LinkEnd, reason: string): void {
    if (index + 1 >= attempt.destinations.length) {
      this.#fail(attempt, afterMs, end, reason)
      return
    }
    this.#network.world.schedule(afterMs, () => {
      if (attempt.from.run === attempt.run && attempt.isPending()) this.#attempt(attempt, index + 1)
    })
  }

  #fail(attempt: Attempt, afterMs: Millis, end: LinkEnd, reason: string): void {
    const { world, stats } = this.#network
    world.schedule(afterMs, () => {
      if (attempt.from.run !== attempt.run || !attempt.isPending()) return
      if (end === 'timeout') stats.dialsTimedOut += 1
      else if (end === 'rejected') stats.dialsRejected += 1
      else stats.dialsRefused += 1
      world.trace.text('dial').text(end).number(world.now).number(attempt.from.index)
      attempt.from.process?.post('input', () => {
        if (attempt.isPending()) attempt.failed(end, reason)
      })
    })
  }

  /** Inside the accepting process: both ends have the link, the dialer learns of it at `openAt`. */
  #open(from: Host, to: Host, openAt: Millis, via: string | undefined): void {
    const network = this.#network
    const existing = from.links.get(to.peer)
    if (existing !== undefined) {
      // A join that leads to a peer we have: only the dialer is told, of the address.
      if (via !== undefined) network.announce(existing, existing.at(from), via)
      return
    }
    const link = network.openLink(from, to, openAt)
    this.#flush(to, from.peer, link.acceptor.pipe)
    network.world.schedule(openAt - network.world.now, () => {
      if (!link.dialer.isOpen || from.run !== link.dialer.run) return
      network.announce(link, link.dialer, via)
      this.#flush(from, to.peer, link.dialer.pipe)
    })
  }

  /** What waited for a dial goes out on the link, however it came about. */
  #flush(host: Host, peer: PeerId, pipe: { send(frame: Dial['frames'][number]): boolean }): void {
    const dial = host.dials.get(peer)
    host.dials.delete(peer)
    for (const frame of dial?.frames ?? []) pipe.send(frame)
  }

  #isBlack(a: Host, b: Host): boolean {
    return this.#network.isCut(a, b) || this.#network.isCut(b, a)
  }

  #oneWayMs(): Millis {
    const { latencyMs, jitterMs } = this.#network.conditions
    return latencyMs + jitterMs * this.#random.next()
  }

  #handshakeMs(target: Host): Millis {
    const loss = this.#network.lossTo(target)
    let totalMs = 0
    for (let i = 0; i < 2 * ROUND_TRIPS - 1; i++) {
      totalMs += this.#oneWayMs()
      while (this.#random.next() < loss && totalMs < DIAL_TIMEOUT_MS) totalMs += SYN_RETRY_MS
    }
    return totalMs
  }
}

function refusalOf(attempt: Attempt, target: Host, destination: Destination): string | undefined {
  const { from, expected } = attempt
  if (target === from) return 'the address is our own'
  const wanted = expected ?? destination.peer
  if (wanted !== undefined && target.peer !== wanted) return 'another peer answers there'
  return target.network === from.network ? undefined : 'another network'
}
