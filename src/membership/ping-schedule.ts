import type { Millis } from '../base/core.ts'
import type { Random } from '../base/random.ts'
import type { Link } from './link.ts'
import { memberOn, type Shared } from './shared.ts'
import type { Entry } from './table.ts'

/** Links outside the overlay are probed this many times less often. */
const OUTSIDE_FACTOR = 5
/** A suspect is pinged this many times more often, so that its refutation is not missed. */
const SUSPECT_FACTOR = 0.5
/** With so few links pings cost little, and each observer counts more. */
const MESH_LINKS_FEW = 4
const FEW_LINKS_FACTOR = 0.5

/**
 * The two ends of a link take turns: whoever answered pings next, and whoever pinged waits so much longer
 * that its peer comes first. One exchange in 1.3 periods is enough for both.
 *
 * Whoever observes a member should not do so in step with the others: of eight turns spread over the period
 * the first comes an eighth of it after the member fell silent, of eight at one moment up to a period and a
 * half after. So other frames, which floods bring to all links at once, move no turn, though they are signs
 * of life; and a ping out of turn, which many send at once as well (to a new link, to a suspect, for others,
 * after a stall), is followed by one at a moment of chance.
 */
const PHASES = {
  answer: { least: 1.25, jitter: 0.1 },
  ping: { least: 1.4, jitter: 0.1 },
  extra: { least: 0.3, jitter: 1.2 },
}
/** Why the turn of a link begins anew: a ping was answered, or left in turn or out of it. */
export type Turn = keyof typeof PHASES

/** By how much the period of a link is longer after its last ping or answer. */
function phaseAfter(turn: Turn, random: Random): number {
  const { least, jitter } = PHASES[turn]
  return least + jitter * random.next()
}

/** A ping leaves, or is answered: when is it our turn again? */
export function takeTurn({ tunables, options }: Shared, link: Link, turn: Turn, now: Millis): void {
  // Both ends of a new link ping at once, and answer when they can.
  const isNew = now - link.upAt < tunables.probePeriodMs
  link.turnAt = now
  link.phase = phaseAfter(isNew ? 'extra' : turn, options.random)
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
  return (state === 'alive' ? Math.max(link.turnAt, link.lastPingAt) : link.lastPingAt) + period
}

/** A ping and its answer wait until both ends come round to them: to send, to answer, to read. */
const LATE_WAYS = 3

/** How long a ping on a link may take. */
export function pingTimeoutMs(
  { tunables, health, lateness }: Shared,
  link: Link,
  now: Millis,
): Millis {
  const timeout = link.roundTrip.timeoutMs({
    min: tunables.pingTimeoutMinMs,
    max: tunables.pingTimeoutMaxMs,
    start: tunables.pingTimeoutStartMs,
  })
  return timeout * health.scale + LATE_WAYS * lateness.ms(now)
}

function periodMs(
  { tunables, links }: Shared,
  link: Link,
  state: Entry['state'] | undefined,
): Millis | undefined {
  if (state === 'left') return undefined
  const factor = links.size <= MESH_LINKS_FEW ? FEW_LINKS_FACTOR : 1
  const period = tunables.probePeriodMs * link.phase * factor
  if (state === 'suspect') return period * SUSPECT_FACTOR
  if (state !== 'alive') return period
  return period * (link.isOverlay ? 1 : OUTSIDE_FACTOR)
}
