import type { Millis } from '../base/core.ts'
import type { Shared } from './shared.ts'

/** A share of the members that fails at once is more likely cut off than dead. */
const SHARE = 0.25
/** Those that failed within this time failed at once: two suspicions of the fast kind. */
const WINDOW_MS = 5_000

/**
 * Notices that a quarter of the members failed within one suspicion's time: the network is cut rather than so
 * many processes dead. It is told once, and lasts as long as so many are failed; meanwhile they are dialled as
 * often as those that have just failed, however long it takes.
 */
export class Outage {
  readonly #shared: Shared
  /** When members failed lately. */
  #failedAt: Millis[] = []
  #isOn = false

  constructor(shared: Shared) {
    this.#shared = shared
  }

  get isOn(): boolean {
    return this.#isOn
  }

  /** A member has failed, and its state says so. */
  failed(now: Millis): void {
    if (this.#isOn) return
    this.#failedAt = this.#failedAt.filter((at) => at > now - WINDOW_MS)
    this.#failedAt.push(now)
    const members = this.#shared.table.liveCount + this.#failedAt.length
    if (this.#failedAt.length < members * SHARE) return
    this.#isOn = true
    this.#shared.outbox.push({
      type: 'partition-suspected',
      failed: this.#failedAt.length,
      members,
    })
    this.#failedAt = []
  }

  work(): void {
    if (!this.#isOn) return
    const { table } = this.#shared
    const failed = table.count('failed')
    this.#isOn = failed >= (table.liveCount + failed) * SHARE
  }
}
