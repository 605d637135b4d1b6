import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import { RoundTrip } from './round-trip.ts'
import type { Entry } from './table.ts'
import { TokenBucket } from './token-bucket.ts'

/** Frames that cost an answer, per peer and second (host.md: requests a second a peer). */
const REQUESTS_PER_SECOND = 50
const REQUESTS_BURST = 100
/** Signatures checked for one peer: a joiner's table comes in one burst. */
const VERIFICATIONS_PER_SECOND = 500
const VERIFICATIONS_BURST = 2_000

/** Members told to one peer in comparisons: all of a full table at once, then a few a second. */
const PUSHES_PER_SECOND = 500
const PUSHES_BURST = 20_480

/** A member to be told of, once it is its turn. */
export interface Push {
  readonly entry: Entry
  readonly hasView: boolean
  readonly hasDigest: boolean
}

/** A ping on its way. */
export interface Ping {
  readonly sequence: number
  readonly sentAt: Millis
  readonly deadline: Millis
}

/** One open link; the parts of the core that own a field say so. */
export interface Link {
  readonly peerId: PeerId
  /** The member at the other end, as it was found last: see memberOn(). */
  entry: Entry | undefined
  readonly upAt: Millis
  direction: 'inbound' | 'outbound'
  remoteAddress: string
  lastHeardAt: Millis
  /** Since then the peer was heard without a gap. */
  steadySince: Millis
  // prober
  readonly roundTrip: RoundTrip
  lastPingAt: Millis
  /** The newest ping, kept for its round trip even when another frame proved the peer alive. */
  ping: Ping | undefined
  /** True while nothing came from the peer since the ping. */
  isAwaiting: boolean
  /** Share of late pings that were answered in time, newer ones counting more. */
  quality: number
  /** When the oldest ping left that nothing has answered since. */
  unansweredAt: Millis | undefined
  /** When a ping last left, was acknowledged or was answered: {@link phase} periods later it is our turn. */
  turnAt: Millis
  phase: number
  /** Accusations were last sent to the accused over its link. */
  toldAt: Millis
  /** Dialled for one probe: closed when nobody uses it. */
  isForProbe: boolean
  /** A frame of another protocol came. */
  usedAt: Millis
  // overlay
  isOverlay: boolean
  /** The other end wants changes flooded here. */
  isFloodWanted: boolean
  // flood: encoded claims by what they supersede
  readonly pending: Map<string, Uint8Array>
  flushAt: Millis | undefined
  // digests
  hintedAt: Millis
  // sync
  readonly push: Push[]
  pushAt: Millis | undefined
  readonly pushes: TokenBucket
  /** What was pushed last: the same is not pushed twice in a row. */
  pushed: { readonly key: string; readonly at: Millis } | undefined
  viewSentAt: Millis
  readonly requests: TokenBucket
  readonly verifications: TokenBucket
}

export function createLink(options: {
  readonly peerId: PeerId
  readonly now: Millis
  readonly direction: 'inbound' | 'outbound'
  readonly remoteAddress: string
}): Link {
  const { now } = options
  return {
    peerId: options.peerId,
    entry: undefined,
    upAt: now,
    direction: options.direction,
    remoteAddress: options.remoteAddress,
    lastHeardAt: now,
    steadySince: now,
    roundTrip: new RoundTrip(),
    lastPingAt: now,
    ping: undefined,
    isAwaiting: false,
    quality: 1,
    unansweredAt: undefined,
    turnAt: now,
    phase: 1,
    toldAt: Number.NEGATIVE_INFINITY,
    isForProbe: false,
    usedAt: now,
    isOverlay: false,
    isFloodWanted: true,
    pending: new Map(),
    flushAt: undefined,
    hintedAt: Number.NEGATIVE_INFINITY,
    push: [],
    pushAt: undefined,
    pushes: new TokenBucket({ perSecond: PUSHES_PER_SECOND, burst: PUSHES_BURST, now }),
    pushed: undefined,
    viewSentAt: Number.NEGATIVE_INFINITY,
    requests: new TokenBucket({ perSecond: REQUESTS_PER_SECOND, burst: REQUESTS_BURST, now }),
    verifications: new TokenBucket({
      perSecond: VERIFICATIONS_PER_SECOND,
      burst: VERIFICATIONS_BURST,
      now,
    }),
  }
}
