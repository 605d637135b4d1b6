import { hex } from '../base/bytes.ts'
import type { Millis, Outbox } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import type { Accusation } from './accusation.ts'
import {
  CLAIMS_PER_FRAME_MAX,
  claimsRoom,
  encodeAccusationClaim,
  encodeClaimsHeader,
  encodeDigestClaim,
  encodeRecordClaim,
  withClaims,
} from './frame.ts'
import type { Link } from './link.ts'
import type { MembershipOutput } from './member.ts'
import type { Tunables } from './options.ts'
import type { Entry } from './table.ts'

/** Claims waiting for one link; beyond it they are dropped and the views compared instead. */
const PENDING_MAX = 4_096
/** Claim frames sent to one link at once; the rest follows after the flood delay. */
const FRAMES_PER_FLUSH_MAX = 8

/** One encoded claim and the key under which a newer one of the same subject replaces it. */
export interface Rumour {
  readonly key: string
  readonly bytes: Uint8Array
  /** How long it may wait for company. @default the flood delay */
  readonly delayMs?: Millis | undefined
}

export function recordRumour(entry: Entry, delayMs?: Millis): Rumour {
  return { key: `r${entry.peerId}`, bytes: encodeRecordClaim(entry.claims.record.bytes), delayMs }
}

export function accusationRumour(entry: Entry, accusation: Accusation): Rumour {
  return {
    key: `a${entry.peerId}${hex(accusation.accuser)}`,
    bytes: encodeAccusationClaim(accusation),
  }
}

/** Undefined while the member has told no digest. */
export function digestRumour(entry: Entry, delayMs?: Millis): Rumour | undefined {
  if (entry.digest === undefined) return undefined
  return { key: `d${entry.peerId}`, bytes: encodeDigestClaim(entry.digest), delayMs }
}

/**
 * Dissemination: a new claim is queued for every link that wants the flood but the one it came from,
 * waits a moment for company and leaves with the next frame. Each link holds one claim per subject
 * and kind, the newest.
 */
export class Flood {
  readonly #links: ReadonlyMap<PeerId, Link>
  readonly #outbox: Outbox<MembershipOutput>
  readonly #tunables: Tunables

  constructor(options: {
    readonly links: ReadonlyMap<PeerId, Link>
    readonly outbox: Outbox<MembershipOutput>
    readonly tunables: Tunables
  }) {
    this.#links = options.links
    this.#outbox = options.outbox
    this.#tunables = options.tunables
  }

  /** Queues for all flooded links. @param from the peer that told us, which needs no echo */
  spread(
    rumour: Rumour,
    options: { readonly from?: PeerId | undefined; readonly now: Millis },
  ): void {
    for (const link of this.#links.values()) {
      if (link.peerId === options.from) continue
      if (link.isOverlay || link.isFloodWanted) this.tell(link, rumour, options.now)
    }
  }

  /** Queues for one link. */
  tell(link: Link, rumour: Rumour, now: Millis): void {
    if (link.pending.size >= PENDING_MAX && !link.pending.has(rumour.key)) {
      this.#outbox.push({ type: 'dropped', reason: 'flood-full' })
      return
    }
    link.pending.set(rumour.key, rumour.bytes)
    const flushAt = now + (rumour.delayMs ?? this.#tunables.floodDelayMs)
    link.flushAt = Math.min(link.flushAt ?? flushAt, flushAt)
  }

  /** Takes waiting claims that fit behind a header, to ride along. */
  take(link: Link, headerBytes: number, first: readonly Uint8Array[] = []): Uint8Array[] {
    let room = claimsRoom(headerBytes)
    const taken: Uint8Array[] = []
    for (const bytes of first) {
      if (bytes.length > room || taken.length === CLAIMS_PER_FRAME_MAX) continue
      taken.push(bytes)
      room -= bytes.length
    }
    for (const [key, bytes] of link.pending) {
      if (bytes.length > room || taken.length === CLAIMS_PER_FRAME_MAX) break
      taken.push(bytes)
      room -= bytes.length
      link.pending.delete(key)
    }
    if (link.pending.size === 0) link.flushAt = undefined
    return taken
  }

  /** Sends what is due. */
  work(now: Millis): void {
    for (const link of this.#links.values()) {
      if (link.flushAt !== undefined && link.flushAt <= now) this.#flush(link, now)
    }
  }

  /** Sends one link's waiting claims now. */
  #flush(link: Link, now: Millis): void {
    const header = encodeClaimsHeader()
    for (let i = 0; i < FRAMES_PER_FLUSH_MAX && link.pending.size > 0; i++) {
      const bytes = withClaims(header, this.take(link, header.length))
      this.#outbox.push({ type: 'send', peer: link.peerId, lane: 'control', bytes })
    }
    link.flushAt = link.pending.size === 0 ? undefined : now + this.#tunables.floodDelayMs
  }

  nextDeadline(): Millis | undefined {
    let earliest: Millis | undefined
    for (const { flushAt } of this.#links.values()) {
      if (flushAt !== undefined && (earliest === undefined || flushAt < earliest))
        earliest = flushAt
    }
    return earliest
  }
}
