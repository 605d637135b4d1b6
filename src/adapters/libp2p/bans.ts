import type { Millis } from '../../base/core.ts'
import type { HostLimits } from './options.ts'

/** Offenders remembered at once; the oldest is forgotten first. */
const OFFENDERS_MAX = 4096

interface Offender {
  offences: Millis[]
  bannedUntil: Millis
}

/** Counts malformed frames by peer id or address and bans who sends too many of them. */
export class Bans {
  readonly #limits: HostLimits
  readonly #now: () => Millis
  readonly #offenders = new Map<string, Offender>()

  /** @param now milliseconds that never go back */
  constructor(limits: HostLimits, now: () => Millis) {
    this.#limits = limits
    this.#now = now
  }

  isBanned(key: string): boolean {
    const offender = this.#offenders.get(key)
    return offender !== undefined && offender.bannedUntil > this.#now()
  }

  /** @returns true when this offence led to a ban */
  offend(key: string): boolean {
    const now = this.#now()
    const offender = this.#offenders.get(key) ?? { offences: [], bannedUntil: 0 }
    this.#offenders.delete(key)
    this.#offenders.set(key, offender)
    const since = now - this.#limits.offenceWindowMs
    offender.offences = [...offender.offences.filter((at) => at > since), now]
    if (this.#offenders.size > OFFENDERS_MAX) {
      for (const oldest of this.#offenders.keys()) {
        this.#offenders.delete(oldest)
        break
      }
    }
    if (offender.offences.length < this.#limits.offencesMax) return false
    offender.offences = []
    offender.bannedUntil = now + this.#limits.banMs
    return true
  }
}
