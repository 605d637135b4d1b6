import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'

/** Peers remembered; the one longest known is forgotten first. Above the members a network may have. */
const PEERS_MAX = 12_288
/** Weight of the newest latency: 1/8, as TCP smooths its round trips (RFC 6298). */
const LATENCY_WEIGHT = 0.125
/** Seconds of cost that a peer may spend at once. */
const BURST_SECONDS = 2

interface PeerState {
  /** Cost it may still cause, refilled with time. */
  tokens: number
  refilledAt: Millis
  /** Smoothed latency of reads, undefined before the first. */
  latencyMs: Millis | undefined
  /** It asked not to be asked until then. */
  busyUntil: Millis
  avoidedAt: Millis
}

/** What this node remembers of each peer: how fast it answers, whether to spare it, what it may still cost. */
export class PeerTable {
  readonly #peers = new Map<PeerId, PeerState>()

  /**
   * Takes `cost` from the peer's token bucket.
   * @returns 0, or the ms after which the bucket holds enough: nothing was taken
   */
  charge(peer: PeerId, cost: number, rate: { perSecond: number; now: Millis }): Millis {
    const state = this.#state(peer)
    const capacity = Math.max(cost, rate.perSecond * BURST_SECONDS)
    const earned = (Math.max(0, rate.now - state.refilledAt) / 1_000) * rate.perSecond
    state.tokens = Math.min(capacity, state.tokens + earned)
    state.refilledAt = rate.now
    if (state.tokens < cost) {
      return Math.ceil(((cost - state.tokens) / rate.perSecond) * 1_000)
    }
    state.tokens -= cost
    return 0
  }

  latencyMs(peer: PeerId): Millis | undefined {
    return this.#peers.get(peer)?.latencyMs
  }

  noteLatency(peer: PeerId, ms: Millis): void {
    const state = this.#state(peer)
    const before = state.latencyMs ?? ms
    state.latencyMs = before + (ms - before) * LATENCY_WEIGHT
    state.avoidedAt = Number.NEGATIVE_INFINITY
  }

  busyUntil(peer: PeerId): Millis {
    return this.#peers.get(peer)?.busyUntil ?? Number.NEGATIVE_INFINITY
  }

  noteBusy(peer: PeerId, until: Millis): void {
    const state = this.#state(peer)
    state.busyUntil = Math.max(state.busyUntil, until)
  }

  avoidedAt(peer: PeerId): Millis {
    return this.#peers.get(peer)?.avoidedAt ?? Number.NEGATIVE_INFINITY
  }

  noteAvoid(peer: PeerId, now: Millis): void {
    this.#state(peer).avoidedAt = now
  }

  #state(peer: PeerId): PeerState {
    const known = this.#peers.get(peer)
    if (known !== undefined) return known
    if (this.#peers.size >= PEERS_MAX) {
      for (const oldest of this.#peers.keys()) {
        this.#peers.delete(oldest)
        break
      }
    }
    const state: PeerState = {
      tokens: Number.POSITIVE_INFINITY,
      refilledAt: 0,
      latencyMs: undefined,
      busyUntil: Number.NEGATIVE_INFINITY,
      avoidedAt: Number.NEGATIVE_INFINITY,
    }
    this.#peers.set(peer, state)
    return state
  }
}
