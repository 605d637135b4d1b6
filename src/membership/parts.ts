import type { Millis } from '../base/core.ts'
import { Admission } from './admission.ts'
import type { Book } from './book.ts'
import { Casts } from './casts/casts.ts'
import { Condition } from './condition.ts'
import { Dialer } from './dialer.ts'
import { Digests } from './digests.ts'
import { Identity } from './identity.ts'
import { Overlay } from './overlay.ts'
import { Prober } from './prober.ts'
import { Relay } from './relay.ts'
import { Seeds } from './seeds.ts'
import { castSurroundings, earlier, LATE_MS, type Shared } from './shared.ts'
import { Sync } from './sync.ts'
import { Verdicts } from './verdicts.ts'
import { Watch } from './watch.ts'

/** Who was late by so much was suspended, not busy: nothing waits for it any more. */
const SUSPENDED_MS = 5_000

/** The parts that need the epoch of this boot; they exist from start() on. */
export interface Parts {
  readonly identity: Identity
  readonly verdicts: Verdicts
  readonly digests: Digests
  readonly prober: Prober
  readonly relay: Relay
  readonly overlay: Overlay
  readonly dialer: Dialer
  readonly watch: Watch
  readonly seeds: Seeds
  readonly sync: Sync
  readonly casts: Casts
  readonly admission: Admission
  readonly condition: Condition
}

/** Wires the parts of one boot; none of them acts before the first input. */
export function assembleParts(options: {
  readonly shared: Shared
  readonly book: Book
  readonly epoch: number
  readonly now: Millis
}): Parts {
  const { shared, book, epoch, now } = options
  const identity = new Identity(shared, epoch, now)
  const self = identity.entry
  const verdicts = new Verdicts(shared)
  const digests = new Digests(shared)
  const prober: Prober = new Prober({
    shared,
    verdicts,
    digests,
    self,
    concluded: (entry, outcome, at) => watch.concluded(entry, outcome, at),
  })
  const { outage } = verdicts
  const dialer = new Dialer({ shared, book, self: self.peerId, outage, now })
  const watch: Watch = new Watch({ shared, prober, dialer, verdicts, self, now })
  const sync = new Sync(shared, now)
  const casts = new Casts(castSurroundings(shared, self), now)
  return {
    identity,
    verdicts,
    digests,
    prober,
    relay: new Relay(shared, prober),
    overlay: new Overlay(shared, self),
    dialer,
    watch,
    seeds: new Seeds(shared, self.peerId),
    sync,
    casts,
    condition: new Condition(shared, identity, now),
    admission: new Admission({ shared, identity, verdicts, digests, book, sync, casts, now }),
  }
}

/** This node's timers were late: it may not have read yet what came, and has more to do than it can. */
export function lateFor(
  parts: Parts,
  {
    lateMs,
    shared,
    now,
  }: { readonly lateMs: Millis; readonly shared: Shared; readonly now: Millis },
): void {
  parts.prober.late(lateMs)
  if (lateMs >= SUSPENDED_MS) return
  shared.lateness.note(lateMs, now)
  if (lateMs <= LATE_MS) return
  shared.pulse.lateAt = now
  parts.dialer.late(lateMs, now)
}

/** When the next of the parts that rest once the node has left has something to do. */
export function nextDeadlineOf(parts: Parts, now: Millis): Millis | undefined {
  const { identity, verdicts, digests, prober, relay, overlay, dialer, watch, seeds, sync } = parts
  const { condition } = parts
  let next = earlier(verdicts.nextDeadline(now), dialer.nextDeadline(now))
  for (const part of [identity, condition, digests, prober, relay, overlay, watch, seeds, sync]) {
    next = earlier(next, part.nextDeadline())
  }
  return next
}

/**
 * What is due of the parts that rest once the node has left.
 * @param options.isScheduleStale links went down since the dials were planned
 */
export function workOf(
  parts: Parts,
  { isScheduleStale, now }: { readonly isScheduleStale: boolean; readonly now: Millis },
): void {
  const { identity, verdicts, digests, prober, relay, overlay, dialer, watch, seeds, sync } = parts
  identity.work(now)
  parts.condition.work(now)
  verdicts.work(now)
  const isOverlayNew = overlay.work(now)
  if (isOverlayNew || isScheduleStale) {
    dialer.reconcile(overlay.wanted, now)
    if (isOverlayNew) {
      watch.reconcile(overlay.wanted, now)
      prober.replan()
    }
  }
  prober.work(now)
  relay.work(now)
  watch.work(now)
  dialer.work(now)
  seeds.work(now)
  digests.work(identity.entry, now)
  sync.work(now)
}
