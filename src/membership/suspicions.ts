import { equalBytes } from '../base/bytes.ts'
import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import type { Accusation } from './accusation.ts'
import { compareTimes, standingAccusations } from './claims.ts'
import { accusationRumour } from './flood.ts'
import { NearCut } from './near-cut.ts'
import { earlier, type Shared, witnessesHeard } from './shared.ts'
import { type Observers, suspicionDeadline } from './suspicion.ts'
import type { Entry } from './table.ts'

/** A suspect we still hear is told so and not declared failed: this long until the next look. */
const HOLD_MS = 1_000
/** So many members that are suspect at once are many. */
const MANY_MIN = 3
const MANY_SHARE = 0.25
/** A member that was in doubt and has refuted is no witness for this long. */
const RETURNED_MS = 10_000
/** After a stall nobody is declared failed for this long. */
const STALL_GRACE_MS = 1_000

interface Suspicion {
  readonly epoch: number
  readonly incarnation: number
  startedAt: Millis
  /** A sign of life after this holds the verdict. */
  heardSince: Millis
  /** Not before this, whatever the formula says. */
  notBefore: Millis
  deadline: Millis
  /** There were many at once: it stays so when most of them have refuted. */
  isOneOfMany: boolean
  /** The most members that found the process gone; a failure claim takes the place of that word. */
  refused: number
}

/**
 * Who is in doubt here, and until when: one deadline each, measured anew when what is claimed or who can be
 * believed has changed (see {@link suspicionDeadline}). A suspect that this node still hears is held: its
 * refutation is on the way.
 */
export class Suspicions {
  readonly #shared: Shared
  readonly #nearCut: NearCut
  readonly #suspicions = new Map<PeerId, Suspicion>()
  /** When members refuted that were in doubt here, of late. */
  readonly #returnedAt = new Map<PeerId, Millis>()
  #areDeadlinesStale = false
  #renewAt: Millis = 0

  constructor(shared: Shared) {
    this.#shared = shared
    this.#nearCut = new NearCut(shared)
  }

  /** Whether so few are in doubt that what ends a doubt had better not wait for company. */
  get areFew(): boolean {
    return this.#suspicions.size < MANY_MIN
  }

  /** What is claimed has changed: every running suspicion is measured anew, once. */
  touch(): void {
    this.#areDeadlinesStale = true
  }

  /** A member is in doubt, unless it is so already. */
  open(entry: Entry, now: Millis): void {
    if (this.#suspicions.has(entry.peerId)) return
    const { epoch, incarnation } = entry.claims.record
    this.#suspicions.set(entry.peerId, {
      epoch,
      incarnation,
      startedAt: now,
      heardSince: now,
      notBefore: now,
      deadline: now,
      isOneOfMany: false,
      refused: 0,
    })
  }

  close(peerId: PeerId): void {
    this.#suspicions.delete(peerId)
  }

  /** What was doubted was another life than the one that is known now. */
  closeOther(entry: Entry): void {
    const suspicion = this.#suspicions.get(entry.peerId)
    if (suspicion !== undefined && compareTimes(suspicion, entry.claims.record) !== 0) {
      this.close(entry.peerId)
    }
  }

  /** A member that was in doubt speaks for itself. */
  returned(peerId: PeerId, now: Millis): void {
    this.#returnedAt.set(peerId, now)
  }

  /** How many of these accusations count here. */
  credible(accusations: readonly Accusation[]): number {
    const { table } = this.#shared
    return accusations.filter(({ accuser }) => this.#isCredible(table.find(accuser))).length
  }

  /** Whether a cut explains that a member was wrong. */
  isExcused(accuser: Entry, now: Millis): boolean {
    return this.#nearCut.isNear(now) || !this.#isCredible(accuser)
  }

  /** We were not running: time spent so counts against nobody. */
  stalled(lateMs: Millis, now: Millis): void {
    for (const suspicion of this.#suspicions.values()) {
      suspicion.startedAt = Math.min(now, suspicion.startedAt + lateMs)
      suspicion.notBefore = Math.max(suspicion.notBefore, now + STALL_GRACE_MS)
    }
    this.touch()
  }

  /** Tells whose time has run out unheard. */
  work(ranOut: (entry: Entry) => void, now: Millis): void {
    if (this.#nearCut.look(now)) this.touch()
    if (this.#areDeadlinesStale || this.#renewAt <= now) this.#renew(now)
    for (const [peerId, suspicion] of this.#suspicions) {
      if (suspicion.deadline > now) continue
      const entry = this.#shared.table.of(peerId)
      if (entry === undefined) this.close(peerId)
      else if (this.#isHeard(entry, suspicion)) this.#hold(entry, suspicion, now)
      else {
        this.close(peerId)
        ranOut(entry)
      }
    }
    if (this.#areDeadlinesStale) this.#renew(now)
  }

  nextDeadline(now: Millis): Millis | undefined {
    if (this.#areDeadlinesStale) this.#renew(now)
    let earliest = this.#suspicions.size === 0 ? undefined : this.#renewAt
    for (const { deadline } of this.#suspicions.values()) earliest = earlier(earliest, deadline)
    return earliest
  }

  /** Witnesses and accusers changed. */
  #renew(now: Millis): void {
    this.#areDeadlinesStale = false
    // Witnesses fall silent without any claim: look again.
    this.#renewAt = now + this.#shared.tunables.probePeriodMs
    for (const [peerId, at] of this.#returnedAt) {
      if (at <= now - RETURNED_MS) this.#returnedAt.delete(peerId)
    }
    const { table, tunables, health, lateness } = this.#shared
    const areMany = this.#suspicions.size >= Math.max(MANY_MIN, table.liveCount * MANY_SHARE)
    for (const [peerId, suspicion] of this.#suspicions) {
      const entry = table.of(peerId)
      if (entry === undefined) continue
      const standing = standingAccusations(entry.claims)
      const credible = standing.filter(({ accuser }) => this.#isCredible(table.find(accuser)))
      const isGone = suspicion.refused > 0 || credible.some(({ kind }) => kind === 'refused')
      const gone = isGone ? credible.filter(({ kind }) => kind !== 'suspect').length : 0
      suspicion.refused = Math.max(suspicion.refused, gone)
      suspicion.isOneOfMany ||= areMany
      const deadline = suspicionDeadline(
        {
          startedAt: suspicion.startedAt,
          accusers: standing.length,
          refused: suspicion.refused,
          failed: credible.filter(({ kind }) => kind === 'failed').length,
          witnesses: table.count('alive'),
          heardWitnesses: witnessesHeard(this.#shared, entry, now),
          members: table.liveCount,
          scale: health.scale,
          latenessMs: lateness.ms(now),
          isDegraded: entry.claims.record.status === 'degraded',
          isOneOfMany: suspicion.isOneOfMany,
          isCutNear: this.#nearCut.isNear(now),
          observers: this.#observers(entry, credible),
        },
        tunables,
      )
      suspicion.deadline = Math.max(deadline, suspicion.notBefore)
    }
  }

  #observers(subject: Entry, credible: readonly Accusation[]): Observers {
    const neighbours = this.#shared.table.neighbours(subject)
    let alive = 0
    let accusing = 0
    for (const observer of neighbours) {
      if (observer.claims.record.status === 'degraded' || !this.#isCredible(observer)) continue
      alive += 1
      if (credible.some(({ accuser }) => equalBytes(accuser, observer.publicKey))) accusing += 1
    }
    return { all: neighbours.length, alive, accusing }
  }

  /**
   * Whether the word of a member cuts a suspicion short here. Who is in doubt itself, or was until just now, has
   * been on the other side of a cut, more likely than not: what it says was true of that cut, and the refutations
   * of those that it accuses are still on their way.
   */
  #isCredible(accuser: Entry | undefined): boolean {
    return accuser?.state === 'alive' && !this.#returnedAt.has(accuser.peerId)
  }

  #isHeard(entry: Entry, { heardSince }: Suspicion): boolean {
    const link = this.#shared.links.get(entry.peerId)
    return link !== undefined && link.lastHeardAt > heardSince
  }

  #hold(entry: Entry, suspicion: Suspicion, now: Millis): void {
    suspicion.heardSince = now
    suspicion.notBefore = now + HOLD_MS
    suspicion.deadline = suspicion.notBefore
    const link = this.#shared.links.get(entry.peerId)
    if (link === undefined) return
    for (const accusation of standingAccusations(entry.claims)) {
      this.#shared.flood.tell(link, accusationRumour(entry, accusation), now)
    }
  }
}
