import type { Millis } from '../base/core.ts'
import type { Tunables } from './options.ts'

/** What decides how long one suspicion lasts. */
export interface SuspicionFacts {
  readonly startedAt: Millis
  /** Members that accuse the subject, this node included when it does. */
  readonly accusers: number
  /** Of these that are credible, the ones whose connection was refused. */
  readonly refused: number
  /** Of these that are credible, the ones that declared the subject failed. */
  readonly failed: number
  /** Members alive beyond doubt besides the subject, this node included. */
  readonly witnesses: number
  /** Of these, the ones whose word still reaches this node, itself included. */
  readonly heardWitnesses: number
  /** Members alive or suspect. */
  readonly members: number
  /** How much longer this node waits than a healthy one, see Health. */
  readonly scale: number
  /** How late this node has been of late, see Lateness. */
  readonly latenessMs: Millis
  /** A large share of all members is suspect at once: a cut has just healed, more likely than not. */
  readonly isOneOfMany: boolean
  /** Links of this node say that the network is cut near it, or was until just now. */
  readonly isCutNear: boolean
  /** The subject says itself that most of its links are bad. */
  readonly isDegraded: boolean
  /** Who should hold a link with the subject, how many of them are beyond doubt, how many accuse it. */
  readonly observers: Observers
}

/** The subject's neighbours on the rings that are credible and not degraded, as this node sees them. */
export interface Observers {
  readonly all: number
  readonly alive: number
  readonly accusing: number
}

/** Observers that must agree when some of them are in doubt themselves: more than two liars. */
const OBSERVERS_MIN = 3
/** With fewer observers to agree the subject gets up to so much more time to refute. */
const FEW_OBSERVERS_SHARE = 1
const OBSERVERS_QUORUM_FULL = 5
/** Who hears others badly hears accusations late: it gets so many times longer to refute. */
const DEGRADED_FACTOR = 5

/**
 * After a cut each side hears from the other that all have failed, and all refute at once: that takes longer,
 * whether one has said so or most observers.
 */
const ONE_OF_MANY_FACTOR = 3

/** An accusation and its refutation are passed on by so many that are as late as this node. */
const LATE_WAYS = 6

/** This many members must find the process gone, or all others when there are fewer. */
const REFUSED_QUORUM = 2

/**
 * When a suspicion ends in failure. Lifeguard §IV-B: timeout(C) = max(min, max − (max − min) ·
 * ln(C + 1) / ln(k + 1)) for C confirmations besides the first accuser. k is never more than the
 * witnesses in earshot could give, so that small clusters and the small side of a partition end at min.
 * Three shorter ways: enough members found the process gone; most of the observers agree, or somebody
 * declared the failure, and the subject had its refutation window. Near a cut only the first is open.
 */
export function suspicionDeadline(facts: SuspicionFacts, tunables: Tunables): Millis {
  const { startedAt } = facts
  let lasts = lifeguardTimeout(facts, tunables)
  if (facts.refused >= Math.max(1, Math.min(REFUSED_QUORUM, facts.witnesses))) {
    lasts = Math.min(lasts, tunables.refusedAfterMs)
  }
  if (facts.isCutNear) return startedAt + lasts
  const patience = facts.scale * (facts.isDegraded ? DEGRADED_FACTOR : 1)
  const crowdFactor = facts.isOneOfMany ? ONE_OF_MANY_FACTOR : 1
  const lateMs = LATE_WAYS * facts.latenessMs
  const windowMs = tunables.refutationWindowMs * patience * crowdFactor + lateMs
  if (facts.failed > 0) lasts = Math.min(lasts, windowMs)
  const { accusing } = facts.observers
  if (accusing >= observersQuorum(facts.observers)) {
    const missing = Math.max(0, OBSERVERS_QUORUM_FULL - accusing) / (OBSERVERS_QUORUM_FULL - 1)
    lasts = Math.min(lasts, windowMs * (1 + FEW_OBSERVERS_SHARE * missing))
  }
  return startedAt + lasts
}

/**
 * Observers that must agree on a failure: most of those beyond doubt (five of eight, Rapid §4.2), so that
 * the sides of a partition decide too; never fewer than three while there are so many, or than most of all.
 */
export function observersQuorum({ all, alive }: Observers): number {
  return Math.max(Math.min(OBSERVERS_MIN, mostOf(all)), mostOf(alive))
}

function mostOf(count: number): number {
  return Math.floor(count / 2) + 1
}

function lifeguardTimeout(facts: SuspicionFacts, tunables: Tunables): Millis {
  const scale = Math.max(1, Math.log10(Math.max(1, facts.members)))
  const min = tunables.suspicionFactor * scale * tunables.probePeriodMs
  const max = min * tunables.suspicionMaxFactor
  const k = Math.min(tunables.suspicionConfirmations, facts.witnesses - 1, facts.heardWitnesses - 1)
  if (k < 1) return min
  const confirmations = Math.max(0, facts.accusers - 1)
  return Math.max(min, max - ((max - min) * Math.log(confirmations + 1)) / Math.log(k + 1))
}
