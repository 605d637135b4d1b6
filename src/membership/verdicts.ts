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
import { Changes } from './changes.ts'
import {
  claimedState,
  compareTimes,
  equalClaims,
  isHeld,
  standingAccusations,
  withAccusation,
  withRecord,
} from './claims.ts'
import { Declarations } from './declarations.ts'
import { accusationRumour, recordRumour } from './flood.ts'
import { Outage } from './outage.ts'
import type { SignedRecord } from './record.ts'
import { earlier, hearsAnybody, type Shared } from './shared.ts'
import { Suspicions } from './suspicions.ts'
import { type Entry, isLive } from './table.ts'

/** So many believed failure claims are enough: one could be in doubt itself by the time it counts. */
const FAILURES_ENOUGH = 2

/**
 * From claims to states. A record or an accusation is merged into its subject's claims; when that is
 * news it is flooded and the subject's state follows: suspect at once, failed when the suspicion has
 * run out here (suspicions.ts) — or at once for a member first heard of as failed.
 */
export class Verdicts {
  readonly accusers: Accusers = new Accusers()
  readonly outage: Outage
  readonly #shared: Shared
  readonly #suspicions: Suspicions
  readonly #changes: Changes
  readonly #declarations: Declarations

  constructor(shared: Shared) {
    this.#shared = shared
    this.outage = new Outage(shared)
    this.#suspicions = new Suspicions(shared)
    this.#changes = new Changes(shared)
    this.#declarations = new Declarations(shared)
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
    const isUrgent = known?.state === 'suspect' && this.#suspicions.areFew
    let entry: Entry
    if (known === undefined) {
      entry = table.add(record, now)
      this.#suspicions.touch()
      this.#changes.note(entry, undefined, options.evidence)
    } else {
      const claims = withRecord(known.claims, record)
      if (equalClaims(claims, known.claims)) return undefined
      this.#judge(known, record, now)
      this.#note(known, options.evidence)
      table.setClaims(known, claims)
      entry = known
    }
    flood.spread(recordRumour(entry, isUrgent ? 0 : undefined), { from, now })
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
    this.#note(entry, options.evidence)
    table.setClaims(entry, claims)
    flood.spread(accusationRumour(entry, accusation), { from: options.from, now: options.now })
    this.#settle(entry, options.now, { isRecordNew: false })
    return true
  }

  /**
   * Why an accusation is not worth the check of its signature: it would change nothing, or nothing that anybody
   * decides by. Every member declares a failure that it has seen; were each passed on, and verified, the machine of
   * many members would be busy with it for seconds, and those on it be late for others.
   */
  excess(entry: Entry, accusation: Accusation): 'old-news' | 'accusation-excess' | undefined {
    const { accusations } = entry.claims
    if (isHeld(accusations, accusation)) return 'old-news'
    const isOfThisLife = compareTimes(accusation, entry.claims.record) === 0
    if (isOfThisLife && this.#isDecided(entry, accusation)) return 'accusation-excess'
    const claims = withAccusation(entry.claims, accusation)
    return equalClaims(claims, entry.claims) ? 'old-news' : undefined
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
    this.#suspicions.stalled(lateMs, now)
  }

  /** Declares failed whose suspicion ran out. */
  work(now: Millis): void {
    this.#suspicions.work((entry) => this.#fail(entry, now), now)
    this.#declarations.work(now)
    this.outage.work()
  }

  nextDeadline(now: Millis): Millis | undefined {
    return earlier(this.#suspicions.nextDeadline(now), this.#declarations.nextDeadline())
  }

  /** Tells the outside what this input changed, once per member. */
  emit(): void {
    this.#changes.emit()
  }

  /** Whether one more accusation changes nothing: it has failed, or that it did is said well enough. */
  #isDecided(entry: Entry, { kind }: Accusation): boolean {
    const failures = standingAccusations(entry.claims).filter((one) => one.kind === 'failed')
    if (entry.state === 'failed') return failures.length > 0
    return kind === 'failed' && this.#suspicions.credible(failures) >= FAILURES_ENOUGH
  }

  /** The state that the claims and the windows of this node give. */
  #settle(entry: Entry, now: Millis, { isRecordNew }: { isRecordNew: boolean }): void {
    // Only its own record ends it: a newer word of an accuser may have taken the place of the one that did it.
    if (entry.state === 'failed' && !isRecordNew) return
    const claimed = claimedState(entry.claims)
    // An accuser's word on a life that we have not heard of yet takes the place of its word on this one.
    if (claimed === 'alive' && !isRecordNew) return
    this.#suspicions.closeOther(entry)
    const isFreshlyHeardOf = entry.createdAt === now
    const isFailed = claimed === 'failed' && (entry.state === 'failed' || isFreshlyHeardOf)
    const isDoubtful = !isFailed && (claimed === 'suspect' || claimed === 'failed')
    if (isDoubtful) this.#suspicions.open(entry, now)
    else this.#suspicions.close(entry.peerId)
    this.#shared.table.setState(entry, isDoubtful ? 'suspect' : claimed, now)
  }

  /** Whoever accused a member that now refutes was wrong, or has seen a cut. */
  #judge(subject: Entry, record: SignedRecord, now: Millis): void {
    const { record: before } = subject.claims
    if (record.epoch !== before.epoch || subject.state === 'alive') return
    this.#suspicions.returned(subject.peerId, now)
    if (subject.state === 'failed') return
    for (const { accuser } of standingAccusations(subject.claims)) {
      const entry = this.#shared.table.find(accuser)
      if (entry === undefined) continue
      const isExcused = this.#suspicions.isExcused(entry, now)
      if (!this.accusers.refuted(entry.peerId, { isExcused, now })) continue
      this.#shared.outbox.push({ type: 'dropped', reason: 'accuser-muted' })
    }
  }

  /** Before a member changes. */
  #note(entry: Entry, evidence: string): void {
    this.#suspicions.touch()
    this.#changes.note(entry, this.#shared.table.row(entry), evidence)
  }

  #fail(entry: Entry, now: Millis): void {
    const standing = standingAccusations(entry.claims)
    this.#note(entry, failureEvidence(standing.length, standing))
    this.#shared.table.setState(entry, 'failed', now)
    this.#declarations.plan(entry, now)
    this.outage.failed(now)
  }
}

function failureEvidence(accusers: number, standing: readonly Accusation[]): string {
  const refused = standing.filter(({ kind }) => kind === 'refused').length
  if (standing.some(({ kind }) => kind === 'failed')) return 'declared failed, not refuted in time'
  if (refused > 0) return `connection refused, found by ${refused}, not refuted in time`
  return `suspected by ${accusers}, not refuted in time`
}
