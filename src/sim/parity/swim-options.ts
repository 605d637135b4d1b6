import type { Millis } from '../../base/core.ts'

/** Timings of SWIM with Lifeguard, by the names of memberlist's configuration. */
export interface SwimOptions {
  readonly probeIntervalMs: Millis
  readonly probeTimeoutMs: Millis
  readonly indirectChecks: number
  readonly suspicionMult: number
  readonly suspicionMaxTimeoutMult: number
  readonly gossipIntervalMs: Millis
  readonly gossipNodes: number
  readonly gossipToTheDeadMs: Millis
  readonly retransmitMult: number
  readonly pushPullIntervalMs: Millis
  readonly awarenessMax: number
  /** A probe without answers over UDP also tries TCP, which loss only delays. */
  readonly hasTcpPings: boolean
}

/** The profile for local networks, from memberlist's documentation. */
export const SWIM_LAN: SwimOptions = {
  probeIntervalMs: 1_000,
  probeTimeoutMs: 500,
  indirectChecks: 3,
  suspicionMult: 4,
  suspicionMaxTimeoutMult: 6,
  gossipIntervalMs: 200,
  gossipNodes: 3,
  gossipToTheDeadMs: 30_000,
  retransmitMult: 4,
  pushPullIntervalMs: 30_000,
  awarenessMax: 8,
  hasTcpPings: true,
}

/** From here on the whole states are exchanged less often: once more per doubling. */
const PUSH_PULL_SCALE_NODES = 32

/** How often one rumour is sent by one node. */
export function transmitsMax(options: SwimOptions, nodes: number): number {
  return options.retransmitMult * Math.ceil(Math.log10(nodes + 1))
}

export function pushPullMs(options: SwimOptions, nodes: number): Millis {
  if (nodes <= PUSH_PULL_SCALE_NODES) return options.pushPullIntervalMs
  const doublings = Math.ceil(Math.log2(nodes) - Math.log2(PUSH_PULL_SCALE_NODES))
  return (doublings + 1) * options.pushPullIntervalMs
}

/** How one suspicion runs: `wanted` confirmations bring it from `maxMs` to `minMs` (Lifeguard §IV-B). */
export interface SuspicionSpan {
  readonly minMs: Millis
  readonly maxMs: Millis
  readonly wanted: number
}

export function suspicionSpan(options: SwimOptions, nodes: number): SuspicionSpan {
  const scale = Math.max(1, Math.log10(Math.max(1, nodes)))
  const minMs = options.suspicionMult * scale * options.probeIntervalMs
  const wanted = options.suspicionMult - 2
  return {
    minMs,
    maxMs: minMs * options.suspicionMaxTimeoutMult,
    wanted: nodes - 2 < wanted ? 0 : wanted,
  }
}

/** How long a suspicion lasts in all, after so many confirmations. */
export function suspicionMs(span: SuspicionSpan, confirmations: number): Millis {
  if (span.wanted < 1) return span.minMs
  const share = Math.log(confirmations + 1) / Math.log(span.wanted + 1)
  return Math.max(span.minMs, span.maxMs - share * (span.maxMs - span.minMs))
}
