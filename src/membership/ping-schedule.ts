import type { Millis } from '../base/core.ts'
import type { Random } from '../base/random.ts'
import type { Link } from './link.ts'
import { memberOn, type Shared } from './shared.ts'
import type { Entry } from './table.ts'

/** Links outside the overlay are probed this many times less often. */
const OUTSIDE_FACTOR = 5
/** A suspect is pinged this many times more often, so that its refutation is not missed. */
const SUSPECT_FACTOR = 0.5
/** A busy link is still measured this often. */
const MEASURE_MS = 10_000
/** With so few links pings cost little, and each observer counts more. */
const MESH_LINKS_FEW = 4
const FEW_LINKS_FACTOR = 0.5

/**
 * The two ends of a link take turns: whoever answered pings next, and whoever pinged waits so much longer
 * that its peer comes first. An exchange in a period and a quarter is enough for both, and either end
 * finds silence before a period and a half is over.
 */
const PHASES = { answer: 1.2, ping: 1.35 }
const PHASE_JITTER = 0.1

/** By how much the period of a link is longer after its last ping or answer. */
export function phaseAfter(turn: 'ping' | 'answer', random: Random): number {
  return PHASES[turn] + PHASE_JITTER * random.next()
}

/** When the next ping leaves on a link; infinity while one is on its way, and for peers that left. */
export function pingDueAt(shared: Shared, link: Link): Millis {
  if (link.isAwaiting) return Number.POSITIVE_INFINITY
  const entry = memberOn(shared, link)
  const state = entry?.state
  const period = periodMs(shared, link, state)
  if (period === undefined) return Number.POSITIVE_INFINITY
  // Asked at once: others wait for what its observers have to say.
  if (state === 'suspect' && entry !== undefined && link.lastPingAt < entry.since) {
    return entry.since
  }
  const since = state === 'alive' ? Math.max(link.lastHeardAt, link.lastPingAt) : link.lastPingAt
  return Math.min(since + period, Math.max(link.measuredAt, link.lastPingAt) + MEASURE_MS)
}

/** How long a ping on a link may take. */
export function pingTimeoutMs({ tunables, health }: Shared, link: Link): Millis {
  const timeout = link.roundTrip.timeoutMs({
    min: tunables.pingTimeoutMinMs,
    max: tunables.pingTimeoutMaxMs,
    start: tunables.pingTimeoutStartMs,
  })
  return timeout * health.scale
}

function periodMs(
  { tunables, health, links }: Shared,
  link: Link,
  state: Entry['state'] | undefined,
): Millis | undefined {
  if (state === 'left') return undefined
  const factor = links.size <= MESH_LINKS_FEW ? FEW_LINKS_FACTOR : 1
  const period = tunables.probePeriodMs * link.phase * factor
  if (state === 'suspect') return period * SUSPECT_FACTOR
  if (state !== 'alive') return period
  return period * health.scale * (link.isOverlay ? 1 : OUTSIDE_FACTOR)
}
