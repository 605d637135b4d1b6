import type { PeerId } from '../../base/ids.ts'
import { soon } from '../common/timers.ts'

/** Deferred frames handled in one go before sockets are looked at again. */
const TURN_MS_MAX = 4
/** Frames handled before the list drops them. */
const COMPACT_AFTER = 1024

interface Deferred {
  readonly peer: PeerId
  readonly run: () => void
}

/**
 * Calls the listener later than the call that caused it, and never twice at once: first what is
 * urgent (links, membership), in order, then the frames of sync and kv, in short turns, so that a
 * flood of data delays no probe.
 */
export class Mailbox {
  readonly #report: (error: unknown) => void
  #urgent: (() => void)[] = []
  #deferred: Deferred[] = []
  #head = 0
  #isScheduled = false
  #isClosed = false

  /** @param report told of what a listener threw, a bug of ours: the loop goes on */
  constructor(report: (error: unknown) => void) {
    this.#report = report
  }

  urgent(run: () => void): void {
    if (this.#isClosed) return
    this.#urgent.push(run)
    this.#schedule()
  }

  deferred(peer: PeerId, run: () => void): void {
    if (this.#isClosed) return
    this.#deferred.push({ peer, run })
    this.#schedule()
  }

  /** Queues what ends a peer's link, after the frames that came before it. */
  last(peer: PeerId, run: () => void): void {
    const rest: Deferred[] = []
    for (const item of this.#deferred.slice(this.#head)) {
      if (item.peer === peer) this.#urgent.push(item.run)
      else rest.push(item)
    }
    this.#deferred = rest
    this.#head = 0
    this.urgent(run)
  }

  /** Drops everything: nothing is called any more. */
  close(): void {
    this.#isClosed = true
    this.#urgent = []
    this.#deferred = []
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    queueMicrotask(() => this.#turn())
  }

  #turn(): void {
    const endsAt = performance.now() + TURN_MS_MAX
    for (;;) {
      this.#runUrgent()
      const item = this.#deferred[this.#head]
      if (item === undefined) break
      this.#head += 1
      if (this.#head === COMPACT_AFTER) this.#compact()
      this.#call(item.run)
      if (performance.now() > endsAt) break
    }
    this.#runUrgent()
    this.#isScheduled = false
    if (this.#head === this.#deferred.length) {
      this.#deferred = []
      this.#head = 0
      return
    }
    if (this.#isClosed) return
    this.#isScheduled = true
    soon(() => this.#turn())
  }

  #compact(): void {
    this.#deferred = this.#deferred.slice(this.#head)
    this.#head = 0
  }

  #runUrgent(): void {
    while (this.#urgent.length > 0) {
      const batch = this.#urgent
      this.#urgent = []
      for (const run of batch) {
        if (this.#isClosed) return
        this.#call(run)
      }
    }
  }

  #call(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#report(error)
    }
  }
}
