import type { Millis } from '../../base/core.ts'
import type { PeerId } from '../../base/ids.ts'
import type { Link } from '../link.ts'
import { TokenBucket } from '../token-bucket.ts'
import {
  FORGED_MAX,
  LINK_ANSWERS_BURST,
  LINK_ANSWERS_PER_SECOND,
  LINK_HEADS_BURST,
  LINK_HEADS_PER_SECOND,
  LINK_PIECES_BURST,
  LINK_PIECES_PER_SECOND,
  LINK_SERVED_BYTES_BURST,
  LINK_SERVED_BYTES_PER_SECOND,
  LINK_VERIFICATIONS_BURST,
  LINK_VERIFICATIONS_PER_SECOND,
  LINK_WANTS_BURST,
  LINK_WANTS_PER_SECOND,
  MUTE_MS,
} from './cast-limits.ts'

/** What casts know of one open link. */
export class CastLink {
  readonly link: Link
  /** We push pieces over it at once (Plumtree's eager peers). */
  isEager = true
  /** We asked the other end not to push. */
  isPruned = false
  /** Pieces it brought that we had, less those that were new. */
  duplicates = 0
  readonly heads: TokenBucket
  readonly pieces: TokenBucket
  readonly verifications: TokenBucket
  readonly wants: TokenBucket
  readonly served: TokenBucket
  readonly answers: TokenBucket
  #forged = 0
  #mutedUntil: Millis = Number.NEGATIVE_INFINITY

  constructor(link: Link, now: Millis) {
    const bucket = (perSecond: number, burst: number): TokenBucket =>
      new TokenBucket({ perSecond, burst, now })
    this.link = link
    this.heads = bucket(LINK_HEADS_PER_SECOND, LINK_HEADS_BURST)
    this.pieces = bucket(LINK_PIECES_PER_SECOND, LINK_PIECES_BURST)
    this.verifications = bucket(LINK_VERIFICATIONS_PER_SECOND, LINK_VERIFICATIONS_BURST)
    this.wants = bucket(LINK_WANTS_PER_SECOND, LINK_WANTS_BURST)
    this.served = bucket(LINK_SERVED_BYTES_PER_SECOND, LINK_SERVED_BYTES_BURST)
    this.answers = bucket(LINK_ANSWERS_PER_SECOND, LINK_ANSWERS_BURST)
  }

  get peerId(): PeerId {
    return this.link.peerId
  }

  /** Whether news is sent over it as it comes. */
  get isFlooded(): boolean {
    return this.link.isOverlay || this.link.isFloodWanted
  }

  isMuted(now: Millis): boolean {
    return now < this.#mutedUntil
  }

  /** It brought what nobody signed: after a few of them nothing of it is looked at for a while. */
  forged(now: Millis): void {
    this.#forged += 1
    if (this.#forged < FORGED_MAX) return
    this.#forged = 0
    this.#mutedUntil = now + MUTE_MS
  }
}

/** The open links. */
export class CastLinks {
  readonly #links = new Map<PeerId, CastLink>()

  up(link: Link, now: Millis): CastLink | undefined {
    if (this.#links.get(link.peerId)?.link === link) return undefined
    const fresh = new CastLink(link, now)
    this.#links.set(link.peerId, fresh)
    return fresh
  }

  down(peerId: PeerId): void {
    this.#links.delete(peerId)
  }

  of(peerId: PeerId): CastLink | undefined {
    return this.#links.get(peerId)
  }

  all(): Iterable<CastLink> {
    return this.#links.values()
  }

  /** Those that news is flooded over, but the one it came from. */
  flooded(from?: PeerId): CastLink[] {
    return [...this.#links.values()].filter(({ isFlooded, peerId }) => isFlooded && peerId !== from)
  }
}
