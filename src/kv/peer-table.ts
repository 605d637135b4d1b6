import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'

/** Peers remembered; the one longest known is forgotten first. Above the members a network may have. */
const PEERS_MAX = 12_288
/** Weights of the newest latency and of its deviation, as TCP smooths its round trips (RFC 6298). */
const LATENCY_WEIGHT = 0.125
const DEVIATION_WEIGHT = 0.25
/** Mean deviations above the mean at which 95 of 100 normally distributed answers are in. */
const P95_DEVIATIONS = 2.06
/** A peer that fails time and again is spared twice as long each time, up to this. */
const AVOID_MS_MAX: Millis = 30_000
/** Seconds of cost that a peer may spend at once. */
const BURST_SECONDS = 2

interface PeerState {
  /** Cost it may still cause, refilled with time. */
  tokens: number
  refilledAt: Millis
  /** Smoothed latency of reads, undefined before the first. */
  latencyMs: Millis | undefined
  /** Smoothed distance from it. */
  deviationMs: Millis
  /** It asked not to be asked until then. */
  busyUntil: Millis
  /** Since its last answer. */
  failures: number
  avoidedUntil: Millis
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

  /** What 95 of 100 answers to reads do not exceed, about; undefined before the first. */
  latencyP95Ms(peer: PeerId): Millis | undefined {
    const state = this.#peers.get(peer)
    if (state?.latencyMs === undefined) return undefined
    return state.latencyMs + P95_DEVIATIONS * state.deviationMs
  }

  noteLatency(peer: PeerId, ms: Millis): void {
    const state = this.#state(peer)
    const before = state.latencyMs ?? ms
    const distance = Math.abs(ms - before)
    state.deviationMs += (distance - state.deviationMs) * DEVIATION_WEIGHT
    state.latencyMs = before + (ms - before) * LATENCY_WEIGHT
  }

  busyUntil(peer: PeerId): Millis {
    return this.#peers.get(peer)?.busyUntil ?? Number.NEGATIVE_INFINITY
  }

  noteBusy(peer: PeerId, until: Millis): void {
    const state = this.#state(peer)
    state.busyUntil = Math.max(state.busyUntil, until)
  }

  /** Reads ask a peer last until then. */
  avoidedUntil(peer: PeerId): Millis {
    return this.#peers.get(peer)?.avoidedUntil ?? Number.NEGATIVE_INFINITY
  }

  /** It failed: it is spared for `pauseMs`, and each time in a row for twice as long. */
  noteFailure(peer: PeerId, pauseMs: Millis, now: Millis): void {
    const state = this.#state(peer)
    if (state.avoidedUntil > now) return
    const pause = Math.min(AVOID_MS_MAX, pauseMs * 2 ** state.failures)
    state.failures += 1
    state.avoidedUntil = now + pause
  }

  noteAnswer(peer: PeerId): void {
    const state = this.#peers.get(peer)
    if (state === undefined) return
    state.failures = 0
    state.avoidedUntil = Number.NEGATIVE_INFINITY
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
      deviationMs: 0,
      busyUntil: Number.NEGATIVE_INFINITY,
      failures: 0,
      avoidedUntil: Number.NEGATIVE_INFINITY,
    }
    this.#peers.set(peer, state)
    return state
  }
}
