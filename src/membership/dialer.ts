import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import { jitter } from '../base/random.ts'
import { dialableAddresses } from './addresses.ts'
import type { Book } from './book.ts'
import { DialWindow } from './dial-window.ts'
import type { Outage } from './outage.ts'
import { earlier, isSlow, type Shared } from './shared.ts'
import { type Entry, isLive } from './table.ts'
import { TokenBucket } from './token-bucket.ts'

/** Dials to failed or forgotten peers, a second and node. */
const LOST_DIALS_PER_SECOND = 5
/** Peers with a dial schedule; the failed ones beyond are tried when others are done. */
const TARGETS_MAX = 2_048
/** A dial without an outcome is taken for lost after this. */
const OUTCOME_MS = 15_000
/** The end with the greater id waits this long, so that a link is seldom dialled from both. */
const SECOND_DIALLER_MS = 300
/** … or so long after it wanted the link, while it is late itself: then so may the other be. */
const SECOND_DIALLER_SLOW_MS = 3_000
/** Book peers are first dialled within this time of the start. */
const BOOK_SPREAD_MS = 1_000
const JITTER_SHARE = 0.3
/** How long a failed member has failed, and how often the survivors together try it from then on. */
const FAILED_AGES: readonly { readonly untilMs: Millis; readonly factor: number }[] = [
  { untilMs: 60_000, factor: 1 },
  { untilMs: 300_000, factor: 2.5 },
  { untilMs: 1_800_000, factor: 5 },
]

interface Target {
  /** `wanted` by the overlay, `lost` (failed, or known from the book alone), or asked for `once`. */
  kind: 'wanted' | 'lost' | 'once'
  attempts: number
  nextAt: Millis
  readonly since: Millis
}

/**
 * Who is dialled when; hosts only obey. Living members that the overlay wants are redialled with
 * exponential backoff. Failed members are tried for ever, so that every partition heals: the
 * survivors share the work, so that each failed member is tried about every two seconds in its first
 * minute and ever less often later. Peers from the book that nobody mentioned are tried likewise.
 */
export class Dialer {
  readonly #shared: Shared
  readonly #book: Book
  readonly #self: PeerId
  readonly #outage: Outage
  readonly #targets = new Map<PeerId, Target>()
  readonly #budget: TokenBucket
  readonly #window: DialWindow
  /** Where outbound links to peers were last made: known to work. */
  readonly #proven = new Map<PeerId, string>()

  constructor(options: {
    readonly shared: Shared
    readonly book: Book
    readonly self: PeerId
    readonly outage: Outage
    readonly now: Millis
  }) {
    this.#shared = options.shared
    this.#outage = options.outage
    this.#book = options.book
    this.#self = options.self
    const { now } = options
    this.#window = new DialWindow(options.shared.options.random, options.shared.pulse)
    this.#budget = new TokenBucket({ perSecond: LOST_DIALS_PER_SECOND, burst: 1, now })
    for (const peerId of options.book.peers.keys()) {
      if (peerId === this.#self) continue
      const nextAt = now + options.shared.options.random.next() * BOOK_SPREAD_MS
      this.#targets.set(peerId, { kind: 'lost', attempts: 0, nextAt, since: now })
    }
  }

  /** Brings the schedule in line with what the overlay wants and who has failed. */
  reconcile(wanted: ReadonlySet<Entry>, now: Millis): void {
    const { table, links } = this.#shared
    for (const [peerId, target] of this.#targets) {
      const entry = table.of(peerId)
      const isWanted = entry !== undefined && wanted.has(entry)
      if (links.has(peerId) || entry?.state === 'left') this.#targets.delete(peerId)
      else if (target.kind === 'wanted' && !isWanted) this.#targets.delete(peerId)
      else if (target.kind === 'lost' && entry !== undefined && isLive(entry)) {
        this.#targets.delete(peerId)
      }
    }
    for (const entry of wanted) {
      if (links.has(entry.peerId)) continue
      const target = this.#targets.get(entry.peerId)
      if (target !== undefined) target.kind = 'wanted'
      else this.#add(entry.peerId, 'wanted', now + this.#firstDelayMs(entry.peerId), now)
    }
    if (table.count('failed') === 0) return
    for (const entry of table.entries()) {
      if (entry.state !== 'failed' || links.has(entry.peerId)) continue
      if (this.#targets.has(entry.peerId) || !table.isDialable(entry)) continue
      const firstMs = this.#failedIntervalMs(0) * this.#shared.options.random.next()
      this.#add(entry.peerId, 'lost', now + firstMs, now)
    }
  }

  /**
   * One dial to a member that the overlay does not want, for a probe. False when it cannot be, or would
   * have to wait for others: it would answer a question that nobody asks any more.
   */
  once(peerId: PeerId, now: Millis): boolean {
    const { table, links } = this.#shared
    const entry = table.of(peerId)
    if (links.has(peerId) || entry === undefined || !isLive(entry)) return links.has(peerId)
    const target = this.#targets.get(peerId)
    if (target !== undefined) return true
    if (!this.#window.isIdle(now) || this.#addressesOf(peerId).length === 0) return false
    return this.#add(peerId, 'once', now, now)
  }

  /** A link is up. @returns whether it was wanted for one probe alone */
  linked(peerId: PeerId, provenAddress: string | undefined): boolean {
    this.#window.succeeded(peerId)
    const isForProbe = this.#targets.get(peerId)?.kind === 'once'
    this.#targets.delete(peerId)
    if (provenAddress === undefined) return isForProbe
    this.#proven.delete(peerId)
    if (this.#proven.size >= TARGETS_MAX) {
      for (const oldest of this.#proven.keys()) {
        this.#proven.delete(oldest)
        break
      }
    }
    this.#proven.set(peerId, provenAddress)
    return isForProbe
  }

  /** A link broke: its peer is dialled at once when it is wanted; the next reconcile says so. */
  lost(peerId: PeerId, isWanted: boolean, now: Millis): void {
    if (isWanted) this.#add(peerId, 'wanted', now, now)
  }

  failed(peerId: PeerId, now: Millis): void {
    this.#window.failed(peerId)
    const target = this.#targets.get(peerId)
    if (target === undefined) return
    if (target.kind === 'once') {
      this.#targets.delete(peerId)
      return
    }
    target.nextAt = now + this.#backoffMs(target, now)
    target.attempts += 1
  }

  /** A timer of this node was later than LATE_MS. */
  late(lateMs: Millis, now: Millis): void {
    this.#window.late(lateMs, now)
  }

  work(now: Millis): void {
    if (!this.#window.isOpen(now)) return
    let next: { peerId: PeerId; target: Target } | undefined
    for (const [peerId, target] of this.#targets) {
      if (target.nextAt > now) continue
      if (this.#isOthersTurn(peerId, target, now)) {
        target.nextAt = now + this.#firstDelayMs(peerId)
      } else if (target.kind !== 'lost') {
        this.#dial(peerId, target, now)
        if (!this.#window.isOpen(now)) return
      } else if (next === undefined || target.nextAt < next.target.nextAt) next = { peerId, target }
    }
    if (next !== undefined && this.#budget.take(now)) this.#dial(next.peerId, next.target, now)
  }

  nextDeadline(now: Millis): Millis | undefined {
    let urgent: Millis | undefined
    let lost: Millis | undefined
    for (const target of this.#targets.values()) {
      if (target.kind === 'lost') lost = earlier(lost, target.nextAt)
      else urgent = earlier(urgent, target.nextAt)
    }
    if (lost !== undefined) lost = Math.max(lost, this.#budget.readyAt(now))
    const next = earlier(urgent, lost)
    const dialAt = next === undefined ? undefined : Math.max(next, this.#window.openAt(now))
    return earlier(dialAt, this.#window.checkAt(now))
  }

  #add(peerId: PeerId, kind: Target['kind'], nextAt: Millis, now: Millis): boolean {
    if (this.#targets.size >= TARGETS_MAX && !this.#targets.has(peerId)) return false
    this.#targets.set(peerId, { kind, attempts: 0, nextAt, since: now })
    return true
  }

  #dial(peerId: PeerId, target: Target, now: Millis): void {
    const addresses = this.#addressesOf(peerId)
    if (addresses.length === 0) {
      // Nothing to dial: it may dial us, or tell better addresses. The failed would only take others' turns.
      if (target.kind === 'lost') this.#targets.delete(peerId)
      target.nextAt = now + this.#shared.tunables.redialMaxMs
      return
    }
    target.nextAt = now + OUTCOME_MS
    this.#window.began(peerId, now)
    this.#shared.outbox.push({ type: 'link-wanted', peer: peerId, addresses })
  }

  #addressesOf(peerId: PeerId): readonly string[] {
    const record = this.#shared.table.of(peerId)?.claims.record ?? this.#book.peers.get(peerId)
    const { dialLoopback } = this.#shared.options
    const addresses = dialableAddresses(record?.addresses ?? [], dialLoopback)
    const proven = this.#proven.get(peerId)
    if (proven === undefined || addresses[0] === proven) return addresses
    return [proven, ...addresses.filter((address) => address !== proven)]
  }

  #isOthersTurn(peerId: PeerId, target: Target, now: Millis): boolean {
    const isFirst = target.kind === 'wanted' && target.attempts === 0
    const isLate = now >= target.since + SECOND_DIALLER_SLOW_MS
    return isFirst && !isLate && this.#self > peerId && isSlow(this.#shared.pulse, now)
  }

  #firstDelayMs(peerId: PeerId): Millis {
    if (this.#self < peerId) return 0
    return jitter(this.#shared.options.random, SECOND_DIALLER_MS, JITTER_SHARE)
  }

  #backoffMs(target: Target, now: Millis): Millis {
    const { tunables, options } = this.#shared
    if (target.kind === 'lost') {
      return jitter(options.random, this.#failedIntervalMs(now - target.since), JITTER_SHARE)
    }
    const exponential = tunables.redialMinMs * 2 ** Math.min(target.attempts, 16)
    return jitter(options.random, Math.min(tunables.redialMaxMs, exponential), JITTER_SHARE)
  }

  /** This node's share of the tries that all survivors together make. */
  #failedIntervalMs(ageMs: Millis): Millis {
    const { tunables, table } = this.#shared
    const known = this.#outage.isOn
      ? FAILED_AGES[0]
      : FAILED_AGES.find(({ untilMs }) => ageMs < untilMs)
    const factor = known?.factor
    if (factor === undefined) return tunables.failedRetryMaxMs
    const survivors = Math.max(1, table.count('alive'))
    return Math.min(tunables.failedRetryMaxMs, tunables.failedRetryMs * factor * survivors)
  }
}
