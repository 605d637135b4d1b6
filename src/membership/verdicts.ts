import { equalBytes } from '../base/bytes.ts'
import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import {
  type Accusation,
  type AccusationKind,
  kindRank,
  ownAccusation,
  signAccusation,
} from './accusation.ts'
import { Accusers } from './accusers.ts'
import {
  claimedState,
  compareTimes,
  equalClaims,
  standingAccusations,
  withAccusation,
  withRecord,
} from './claims.ts'
import { accusationRumour, recordRumour } from './flood.ts'
import type { Member } from './member.ts'
import { NearCut } from './near-cut.ts'
import { Outage } from './outage.ts'
import type { SignedRecord } from './record.ts'
import { earlier, hearsAnybody, type Shared, witnessesHeard } from './shared.ts'
import { type Observers, suspicionDeadline } from './suspicion.ts'
import { type Entry, isLive } from './table.ts'

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
 * From claims to states. A record or an accusation is merged into its subject's claims; when that is
 * news it is flooded and the subject's state follows: suspect at once, failed when the suspicion has
 * run out here (see {@link suspicionDeadline}) — or at once for a member first heard of as failed.
 * A suspect that this node still hears is held: its refutation is on the way.
 */
export class Verdicts {
  readonly accusers: Accusers = new Accusers()
  readonly outage: Outage
  readonly #shared: Shared
  readonly #nearCut: NearCut
  readonly #suspicions = new Map<PeerId, Suspicion>()
  /** Members changed since the last emit, with their row before; undefined for new ones. */
  readonly #changes = new Map<PeerId, { before: Member | undefined; evidence: string }>()
  /** When members refuted that were in doubt here, of late. */
  readonly #returnedAt = new Map<PeerId, Millis>()
  #areDeadlinesStale = false
  #renewAt: Millis = 0

  constructor(shared: Shared) {
    this.#shared = shared
    this.outage = new Outage(shared)
    this.#nearCut = new NearCut(shared)
  }

  /** Adds a member or advances its record. False when the record was no news. */
  applyRecord(
    record: SignedRecord,
    options: {
      readonly from?: PeerId | undefined
      readonly evidence: string
      readonly now: Millis
    },
  ): Entry | undefined {
    const { table, flood } = this.#shared
    const { from, now } = options
    const known = table.find(record.publicKey)
    let entry: Entry
    if (known === undefined) {
      entry = table.add(record, now)
      this.#note(entry, undefined, options.evidence)
    } else {
      const claims = withRecord(known.claims, record)
      if (equalClaims(claims, known.claims)) return undefined
      this.#judge(known, record, now)
      this.#note(known, table.row(known), options.evidence)
      table.setClaims(known, claims)
      entry = known
    }
    flood.spread(recordRumour(entry), { from, now })
    this.#settle(entry, now, { isRecordNew: true })
    return entry
  }

  /** Merges a verified accusation. False when it was no news. */
  applyAccusation(
    entry: Entry,
    accusation: Accusation,
    options: {
      readonly from?: PeerId | undefined
      readonly evidence: string
      readonly now: Millis
    },
  ): boolean {
    const { table, flood } = this.#shared
    const claims = withAccusation(entry.claims, accusation)
    if (equalClaims(claims, entry.claims)) return false
    this.#note(entry, table.row(entry), options.evidence)
    table.setClaims(entry, claims)
    flood.spread(accusationRumour(entry, accusation), { from: options.from, now: options.now })
    this.#settle(entry, options.now, { isRecordNew: false })
    return true
  }

  /** True when merging it would change nothing: its signature need not be checked. */
  isOldNews(entry: Entry, accusation: Accusation): boolean {
    return equalClaims(withAccusation(entry.claims, accusation), entry.claims)
  }

  /** This node accuses a member, when its word adds anything to what is claimed already. */
  accuse(entry: Entry, kind: AccusationKind, evidence: string, now: Millis): void {
    const { options, tunables, table } = this.#shared
    const { record } = entry.claims
    const self = table.find(options.signer.publicKey)
    if (!isLive(entry) || self === undefined || entry === self) return
    // Whoever hears most others badly does not know whose fault it is.
    const isUnfit = self.claims.record.status === 'degraded' && hearsAnybody(this.#shared, now)
    if (isUnfit && kind === 'suspect') return
    const standing = standingAccusations(entry.claims)
    const rank = kindRank(kind)
    const own = standing.find(({ accuser }) => equalBytes(accuser, options.signer.publicKey))
    if (own !== undefined && kindRank(own.kind) >= rank) return
    // Observers' words are counted one by one; others only confirm.
    const strong = standing.filter((accusation) => kindRank(accusation.kind) >= rank)
    const isEnough = strong.length > tunables.suspicionConfirmations
    if (isEnough && !table.neighbours(entry).includes(self)) return
    const accusation = signAccusation(options.signer, options.network, {
      kind,
      subject: entry.publicKey,
      epoch: record.epoch,
      incarnation: record.incarnation,
    })
    this.applyAccusation(entry, ownAccusation(accusation), { evidence, now })
  }

  /** We were not running: time spent so counts against nobody. */
  stalled(lateMs: Millis, now: Millis): void {
    for (const suspicion of this.#suspicions.values()) {
      suspicion.startedAt = Math.min(now, suspicion.startedAt + lateMs)
      suspicion.notBefore = Math.max(suspicion.notBefore, now + STALL_GRACE_MS)
    }
    this.#areDeadlinesStale = true
  }

  /** Declares failed whose suspicion ran out. */
  work(now: Millis): void {
    if (this.#nearCut.look(now)) this.#areDeadlinesStale = true
    if (this.#areDeadlinesStale || this.#renewAt <= now) this.#renewDeadlines(now)
    for (const [peerId, suspicion] of this.#suspicions) {
      if (suspicion.deadline > now) continue
      const entry = this.#shared.table.of(peerId)
      if (entry === undefined) this.#suspicions.delete(peerId)
      else if (this.#isHeard(entry, suspicion)) this.#hold(entry, suspicion, now)
      else this.#fail(entry, now)
    }
    if (this.#areDeadlinesStale) this.#renewDeadlines(now)
    this.outage.work()
  }

  nextDeadline(now: Millis): Millis | undefined {
    if (this.#areDeadlinesStale) this.#renewDeadlines(now)
    let earliest = this.#suspicions.size === 0 ? undefined : this.#renewAt
    for (const { deadline } of this.#suspicions.values()) earliest = earlier(earliest, deadline)
    return earliest
  }

  /** Tells the outside what this input changed, once per member. */
  emit(): void {
    if (this.#changes.size === 0) return
    const { outbox, table } = this.#shared
    for (const [peerId, { before, evidence }] of this.#changes) {
      const entry = table.of(peerId)
      if (entry === undefined) continue
      const member = table.row(entry)
      if (before !== undefined && !isVisibleChange(before, member)) continue
      const kind = before === undefined && isLive(entry) ? 'joined' : 'changed'
      outbox.push({ type: 'member', change: { kind, member, evidence } })
    }
    this.#changes.clear()
  }

  /** The state that the claims and the windows of this node give. */
  #settle(entry: Entry, now: Millis, { isRecordNew }: { isRecordNew: boolean }): void {
    // Only its own record ends it: a newer word of an accuser may have taken the place of the one that did it.
    if (entry.state === 'failed' && !isRecordNew) return
    const claimed = claimedState(entry.claims)
    // An accuser's word on a life that we have not heard of yet takes the place of its word on this one.
    if (claimed === 'alive' && !isRecordNew) return
    const suspicion = this.#suspicions.get(entry.peerId)
    if (suspicion !== undefined && compareTimes(suspicion, entry.claims.record) !== 0) {
      this.#suspicions.delete(entry.peerId)
    }
    const isFreshlyHeardOf = entry.createdAt === now
    const isFailed = claimed === 'failed' && (entry.state === 'failed' || isFreshlyHeardOf)
    const isDoubtful = !isFailed && (claimed === 'suspect' || claimed === 'failed')
    if (isDoubtful) this.#suspect(entry, now)
    else this.#suspicions.delete(entry.peerId)
    this.#shared.table.setState(entry, isDoubtful ? 'suspect' : claimed, now)
  }

  /** Whoever accused a member that now refutes was wrong, or has seen a cut. */
  #judge(subject: Entry, record: SignedRecord, now: Millis): void {
    const { record: before } = subject.claims
    if (record.epoch !== before.epoch || subject.state === 'alive') return
    this.#returnedAt.set(subject.peerId, now)
    if (subject.state === 'failed') return
    for (const { accuser } of standingAccusations(subject.claims)) {
      const entry = this.#shared.table.find(accuser)
      if (entry === undefined) continue
      const isExcused = this.#nearCut.isNear(now) || !this.#isCredible(entry)
      if (!this.accusers.refuted(entry.peerId, { isExcused, now })) continue
      this.#shared.outbox.push({ type: 'dropped', reason: 'accuser-muted' })
    }
  }

  #suspect(entry: Entry, now: Millis): void {
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

  /** Remembers how a member looked before this input; call before changing it. Last evidence wins. */
  #note(entry: Entry, before: Member | undefined, evidence: string): void {
    this.#areDeadlinesStale = true
    const noted = this.#changes.get(entry.peerId)
    this.#changes.set(entry.peerId, {
      before: noted === undefined ? before : noted.before,
      evidence,
    })
  }

  /** Witnesses and accusers changed: every running suspicion is measured anew. */
  #renewDeadlines(now: Millis): void {
    this.#areDeadlinesStale = false
    // Witnesses fall silent without any claim: look again.
    this.#renewAt = now + this.#shared.tunables.probePeriodMs
    for (const [peerId, at] of this.#returnedAt) {
      if (at <= now - RETURNED_MS) this.#returnedAt.delete(peerId)
    }
    const { table, tunables, health } = this.#shared
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

  #fail(entry: Entry, now: Millis): void {
    const { options, flood, table } = this.#shared
    const standing = standingAccusations(entry.claims)
    const evidence = failureEvidence(standing.length, standing)
    this.#suspicions.delete(entry.peerId)
    this.#note(entry, table.row(entry), evidence)
    if (!standing.some(({ kind }) => kind === 'failed')) {
      const { epoch, incarnation } = entry.claims.record
      const accusation = signAccusation(options.signer, options.network, {
        kind: 'failed',
        subject: entry.publicKey,
        epoch,
        incarnation,
      })
      table.setClaims(entry, withAccusation(entry.claims, accusation))
      flood.spread(accusationRumour(entry, accusation), { now })
    }
    table.setState(entry, 'failed', now)
    this.outage.failed(now)
  }
}

function failureEvidence(accusers: number, standing: readonly Accusation[]): string {
  const refused = standing.filter(({ kind }) => kind === 'refused').length
  if (standing.some(({ kind }) => kind === 'failed')) return 'declared failed, not refuted in time'
  if (refused > 0) return `connection refused, found by ${refused}, not refuted in time`
  return `suspected by ${accusers}, not refuted in time`
}

function isVisibleChange(before: Member, after: Member): boolean {
  return (
    before.state !== after.state ||
    before.epoch !== after.epoch ||
    before.name !== after.name ||
    !equalTexts(before.addresses, after.addresses) ||
    !equalTexts(Object.entries(before.tags).flat(), Object.entries(after.tags).flat())
  )
}

function equalTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i])
}
