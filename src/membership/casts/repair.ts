import type { Millis } from '../../base/core.ts'
import type { Rumour } from '../flood.ts'
import { encodeCastClaim } from '../frame.ts'
import { earlier } from '../shared.ts'
import { type CastContext, dropCast, sendCast } from './cast-context.ts'
import { type CastRange, HOPS_MAX } from './cast-frame.ts'
import {
  REMIND_FOR_MS,
  REMIND_MS,
  REMIND_SENDERS_MAX,
  UNANSWERED_MAX,
  WANT_CASTS_MAX,
  WANT_DELAY_MS,
  WANT_RANGES_MAX,
  WANT_RETRY_MS,
} from './cast-limits.ts'
import type { CastLink } from './cast-links.ts'
import type { Sender } from './sender.ts'
import type { Senders } from './senders.ts'

/**
 * Repair of what links lost. Whoever gets a cast tells its neighbours, with the next claims, up to
 * which one it holds that sender's; whoever lacks some waits a moment for copies on their way and
 * then asks one holder after the other. For a while neighbours are reminded every second, and a new
 * link is told at once.
 */
export class Repair {
  readonly #context: CastContext
  readonly #senders: Senders
  #remindAt: Millis | undefined

  constructor(context: CastContext, senders: Senders) {
    this.#context = context
    this.#senders = senders
  }

  /** Tells neighbours what this node holds of a sender. */
  tell(sender: Sender, now: Millis): void {
    this.#senders.touch(sender)
    this.#remindAt ??= now + REMIND_MS
    // Also those that have it: so they know that this node need not be reminded.
    for (const { link } of this.#context.links.flooded()) {
      this.#context.tell(link, rumourOf(sender), now)
    }
  }

  /** Tells a new neighbour of everything recent. */
  linkUp(link: CastLink, now: Millis): void {
    for (const sender of this.#recent(now)) this.#context.tell(link.link, rumourOf(sender), now)
  }

  /** A neighbour says up to which one it holds a sender's. */
  hinted(from: CastLink, sender: Sender, highest: number, now: Millis): void {
    if (sender.isMuted(now)) return
    sender.heldBy(from.peerId, highest)
    this.expect(sender, now)
  }

  /** Looks soon for what is missing, if anything is. */
  expect(sender: Sender, now: Millis): void {
    this.#senders.touch(sender)
    if (sender.wantAt === undefined && isBehind(sender)) sender.wantAt = now + WANT_DELAY_MS
  }

  /** A neighbour lacks some: it gets those that are here. */
  asked(from: CastLink, ranges: readonly CastRange[], now: Millis): void {
    if (!from.wants.take(now)) {
      dropCast(this.#context, 'cast-wants-rate')
      return
    }
    for (const { sender: key, epoch, first, last } of ranges) {
      const sender = this.#senders.known(key)
      if (sender === undefined || sender.epoch !== epoch) continue
      for (let sequence = first; sequence <= last; sequence++) {
        const held = sender.held.get(sequence)
        if (held === undefined) continue
        if (!from.served.take(now, held.cast.bytes.length)) {
          dropCast(this.#context, 'cast-serve-rate')
          return
        }
        const ageMs = held.ageMs + now - held.at
        const cast = held.cast.bytes
        sendCast(this.#context, from.peerId, {
          type: 'cast',
          isRepair: true,
          hops: HOPS_MAX,
          ageMs,
          cast,
        })
      }
    }
  }

  work(now: Millis): void {
    if (this.#senders.isIdle) return
    for (const sender of this.#senders.active(now)) {
      if (sender.wantAt !== undefined && sender.wantAt <= now) this.#want(sender, now)
    }
    if (this.#remindAt === undefined || this.#remindAt > now) return
    const recent = this.#recent(now)
    this.#remindAt = recent.length === 0 ? undefined : now + REMIND_MS
    for (const sender of recent) this.#remind(sender, now)
  }

  nextDeadline(now: Millis): Millis | undefined {
    if (this.#senders.isIdle) return undefined
    let earliest = this.#remindAt
    for (const { wantAt } of this.#senders.active(now)) earliest = earlier(earliest, wantAt)
    return earliest
  }

  /** Whoever has told that it holds as much need not hear of it. */
  #remind(sender: Sender, now: Millis): void {
    const rumour = rumourOf(sender)
    for (const { link, peerId } of this.#context.links.all()) {
      const isThere = (sender.holders.get(peerId)?.highest ?? 0) >= sender.highest
      if (!isThere) this.#context.tell(link, rumour, now)
    }
  }

  /** Senders with something recent here, the latest last. */
  #recent(now: Millis): Sender[] {
    const recent: Sender[] = []
    for (const sender of this.#senders.active(now)) {
      const isRecent = now - sender.activeAt <= REMIND_FOR_MS
      if (sender.highest > 0 && isRecent && recent.length < REMIND_SENDERS_MAX) recent.push(sender)
    }
    return recent
  }

  /** Asks the holder that was asked least for what it holds and this node lacks. */
  #want(sender: Sender, now: Millis): void {
    sender.wantAt = undefined
    if (sender.isMuted(now)) return
    let chosen: CastLink | undefined
    let least = Number.POSITIVE_INFINITY
    for (const [peer, holder] of sender.holders) {
      const link = this.#context.links.of(peer)
      const isOver = link === undefined || holder.unanswered >= UNANSWERED_MAX
      if (isOver) sender.holders.delete(peer)
      else if (holder.unanswered < least && rangesFor(sender, holder.highest).length > 0) {
        chosen = link
        least = holder.unanswered
      }
    }
    const holder = chosen === undefined ? undefined : sender.holders.get(chosen.peerId)
    if (chosen === undefined || holder === undefined) return
    holder.unanswered += 1
    const roundTripMs = chosen.link.roundTrip.smoothedMs ?? 0
    sender.wantAt = now + Math.max(WANT_RETRY_MS, 2 * roundTripMs)
    const ranges = rangesFor(sender, holder.highest)
    sendCast(this.#context, chosen.peerId, { type: 'want', ranges })
  }
}

function rumourOf(sender: Sender): Rumour {
  const { publicKey, peerId, epoch, highest } = sender
  const bytes = encodeCastClaim({ subject: publicKey, epoch, highest })
  return { key: `c${peerId}`, bytes }
}

function isBehind(sender: Sender): boolean {
  for (const { highest } of sender.holders.values()) {
    if (rangesFor(sender, highest).length > 0) return true
  }
  return false
}

/** What is missing up to the one that somebody holds. */
function rangesFor(sender: Sender, highest: number): CastRange[] {
  const { publicKey, epoch, next } = sender
  // Nothing has come of this sender: the newest one says where to begin.
  const from = next ?? highest
  const ranges: CastRange[] = []
  let casts = 0
  let first: number | undefined
  const close = (last: number): void => {
    if (first !== undefined) ranges.push({ sender: publicKey, epoch, first, last })
    first = undefined
  }
  let sequence = from
  for (; sequence <= highest && casts < WANT_CASTS_MAX; sequence++) {
    if (sender.has(sequence)) close(sequence - 1)
    else {
      first ??= sequence
      casts += 1
    }
    if (ranges.length === WANT_RANGES_MAX) return ranges
  }
  close(sequence - 1)
  return ranges
}
