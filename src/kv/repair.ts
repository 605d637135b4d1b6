/**
 * Anti-entropy: values survive the coming and going of members.
 *
 * A round walks over everything held here, in slices, and queues each record for the members of its
 * replica set. After a change of members the round concerns only the replicas that the change made
 * (the difference of the sets before and after); about every 30 s a full round mends what messages
 * lost. A session with a peer alternates: digests of queued records go out, the peer says which it
 * lacks, those are pushed with few bytes in flight. Nothing is pruned here.
 *
 * Digest-driven reconciliation after Demers et al., Epidemic Algorithms, PODC 1987 (§1.3).
 */
import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import { jitter } from '../base/random.ts'
import type { KvContext } from './kv-context.ts'
import type { Held } from './record-store.ts'
import { RepairSession } from './repair-session.ts'
import type { Ring } from './ring.ts'
import { Alarm } from './timers.ts'

/** Entries placed in one slice, ≈ 1 ms. */
const SLICE = 256
/** Pause between slices. */
const SLICE_GAP_MS: Millis = 5
/** Spread of the period, so that nodes do not work in step. */
const PERIOD_JITTER = 0.3
const DELAY_JITTER = 0.5

/** One round under way. */
interface Walk {
  readonly entries: Iterator<Held>
  /** The view at its start. */
  readonly ring: Ring
  /** Only replicas that are new since this view; undefined: all. */
  readonly since: Ring | undefined
}

export class Repair {
  readonly #context: KvContext
  readonly #sessions = new Map<PeerId, RepairSession>()
  readonly #periodic: Alarm = new Alarm((now) => this.#periodDue(now))
  readonly #changed: Alarm = new Alarm((now) => this.#changeDue(now))
  readonly #slice: Alarm = new Alarm((now) => this.#walkOn(now))
  #walk: Walk | undefined
  /** The view for which the last round was finished. */
  #settled: Ring
  /** A change came during a round. */
  #isStale = false
  #isPumping = false

  constructor(context: KvContext) {
    this.#context = context
    this.#settled = context.ring()
  }

  start(now: Millis): void {
    this.#armPeriod(now)
  }

  /** Other peers are members now. */
  viewChanged(now: Millis): void {
    for (const peer of [...this.#sessions.keys()]) {
      if (this.#context.ring().member(peer) === undefined) this.#end(peer)
    }
    if (this.#walk !== undefined) this.#isStale = true
    else if (this.#changed.at === undefined) this.#armChange(now)
  }

  #armPeriod(now: Millis): void {
    const { random, timers, tunables } = this.#context
    timers.set(this.#periodic, now + jitter(random, tunables.repairPeriodMs, PERIOD_JITTER))
  }

  #armChange(now: Millis): void {
    const { random, timers, tunables } = this.#context
    timers.set(this.#changed, now + jitter(random, tunables.repairDelayMs, DELAY_JITTER))
  }

  #periodDue(now: Millis): void {
    this.#armPeriod(now)
    if (this.#walk === undefined) this.#begin(undefined, now)
  }

  #changeDue(now: Millis): void {
    if (this.#walk === undefined) this.#begin(this.#settled, now)
    else this.#isStale = true
  }

  #begin(since: Ring | undefined, now: Millis): void {
    const { store, ring } = this.#context
    this.#walk = { entries: store.entries(), ring: ring(), since }
    this.#walkOn(now)
  }

  #walkOn(now: Millis): void {
    const walk = this.#walk
    if (walk === undefined) return
    for (let i = 0; i < SLICE; i++) {
      const next = walk.entries.next()
      if (next.done === true) {
        this.#finish(walk, now)
        return
      }
      this.#queue(next.value, walk)
    }
    this.#context.timers.set(this.#slice, now + SLICE_GAP_MS)
    this.#pump(now)
  }

  #finish(walk: Walk, now: Millis): void {
    this.#walk = undefined
    this.#settled = walk.ring
    if (this.#isStale) this.#armChange(now)
    this.#isStale = false
    this.#pump(now)
  }

  #queue(entry: Held, { since }: Walk): void {
    const { replication, signer, store } = this.#context
    const replicas = this.#context.ring().closest(entry.id, replication)
    store.noteRange(
      entry,
      replicas.some(({ peerId }) => peerId === signer.peerId),
    )
    const before = since?.closest(entry.id, replication)
    for (const { peerId, isSuspect } of replicas) {
      if (peerId === signer.peerId || isSuspect) continue
      if (before?.some((member) => member.peerId === peerId) === true) continue
      this.#session(peerId).queue(entry.name)
    }
  }

  #session(peer: PeerId): RepairSession {
    const known = this.#sessions.get(peer)
    if (known !== undefined) return known
    const session = new RepairSession(this.#context, peer, (now) => {
      this.#end(peer)
      if (!this.#isPumping) this.#pump(now)
    })
    this.#sessions.set(peer, session)
    return session
  }

  #end(peer: PeerId): void {
    this.#sessions.get(peer)?.close()
    this.#sessions.delete(peer)
  }

  /** Starts waiting sessions, oldest first, as many as may run. */
  #pump(now: Millis): void {
    this.#isPumping = true
    let running = 0
    for (const session of [...this.#sessions.values()]) {
      if (running >= this.#context.tunables.sessionsMax) break
      if (session.start(now)) running += 1
    }
    this.#isPumping = false
  }
}
