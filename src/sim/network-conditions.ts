import type { Lane, Millis } from '../base/core.ts'

/**
 * How the network treats frames. The default is a quiet local network.
 *
 * `retransmit` is what TCP does: a lost frame costs 200 ms, then 400, 800 … and holds back whatever follows on
 * the link. `vanish` is what an injected fault does: the frame is gone and the link does not know.
 */
export interface NetworkConditions {
  /** One-way delay. */
  latencyMs: Millis
  /** Up to so much more, evenly. */
  jitterMs: Millis
  /** Share of frames lost, 0 … 1. */
  loss: number
  lossMode: 'retransmit' | 'vanish'
  /** Share of frames that arrive twice; no real link does that, a core must bear it. */
  duplicate: number
  /** Share of frames that arrive up to `reorderMs` late, after others; the same remark. */
  reorder: number
  reorderMs: Millis
  /** What a cut does to frames: `hold` retransmits until the cut ends, `vanish` drops them, `reset` ends links. */
  cutMode: 'hold' | 'vanish' | 'reset'
}

export function quietNetwork(): NetworkConditions {
  return {
    latencyMs: 1,
    jitterMs: 1,
    loss: 0,
    lossMode: 'retransmit',
    duplicate: 0,
    reorder: 0,
    reorderMs: 50,
    cutMode: 'hold',
  }
}

/** Frames of one lane, and the bytes of their bodies. */
export interface Traffic {
  frames: number
  bytes: number
}

export type LaneTraffic = Readonly<Record<Lane, Traffic>>

export const LANES: readonly Lane[] = ['probe', 'control', 'user', 'bulk']

export function noTraffic(): LaneTraffic {
  const none = (): Traffic => ({ frames: 0, bytes: 0 })
  return { probe: none(), control: none(), user: none(), bulk: none() }
}

/** What happened on a network, for reports and so that a check can prove that it was exercised. */
export interface NetworkStats {
  framesSent: number
  framesDelivered: number
  bytesDelivered: number
  framesLost: number
  framesRetransmitted: number
  framesDuplicated: number
  framesReordered: number
  framesHeld: number
  framesRefused: number
  linksOpened: number
  linksReset: number
  dialsRefused: number
  dialsTimedOut: number
  dialsRejected: number
}

export function emptyStats(): NetworkStats {
  return {
    framesSent: 0,
    framesDelivered: 0,
    bytesDelivered: 0,
    framesLost: 0,
    framesRetransmitted: 0,
    framesDuplicated: 0,
    framesReordered: 0,
    framesHeld: 0,
    framesRefused: 0,
    linksOpened: 0,
    linksReset: 0,
    dialsRefused: 0,
    dialsTimedOut: 0,
    dialsRejected: 0,
  }
}
