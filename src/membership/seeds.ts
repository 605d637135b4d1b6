import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import { jitter } from '../base/random.ts'
import { earlier, type Shared } from './shared.ts'
import { isLive } from './table.ts'

export const SEEDS_MAX = 64
const ADDRESS_CHARS_MAX = 512
/** A join without an outcome is taken for failed after this. */
const OUTCOME_MS = 15_000
/** A seed that was joined is looked at again this often. */
const CHECK_MS = 8_000
const JITTER_SHARE = 0.25

interface Seed {
  /** Who answered there, once somebody has. */
  peer: PeerId | undefined
  attempts: number
  nextAt: Millis
}

/**
 * Addresses to join by, tried at once and for ever, in any start order. One that answered rests
 * while its peer takes part and we are not alone; afterwards it is tried again.
 */
export class Seeds {
  readonly #shared: Shared
  readonly #self: PeerId
  readonly #seeds = new Map<string, Seed>()

  constructor(shared: Shared, self: PeerId) {
    this.#shared = shared
    this.#self = self
  }

  add(addresses: readonly string[], now: Millis): void {
    for (const address of addresses) {
      if (this.#seeds.has(address)) continue
      const isTooLong = address.length === 0 || address.length > ADDRESS_CHARS_MAX
      if (isTooLong || this.#seeds.size >= SEEDS_MAX) {
        this.#shared.outbox.push({ type: 'dropped', reason: isTooLong ? 'seed' : 'seeds-full' })
        continue
      }
      this.#seeds.set(address, { peer: undefined, attempts: 0, nextAt: now })
    }
  }

  failed(address: string, now: Millis): void {
    const seed = this.#seeds.get(address)
    if (seed === undefined) return
    const { tunables, options } = this.#shared
    const exponential = tunables.redialMinMs * 2 ** Math.min(seed.attempts, 16)
    seed.attempts += 1
    seed.peer = undefined
    seed.nextAt =
      now + jitter(options.random, Math.min(tunables.redialMaxMs, exponential), JITTER_SHARE)
  }

  /** The last link is gone, perhaps before it told of anybody: seeds that had answered do not rest now. */
  alone(now: Millis): void {
    for (const [address, { peer, nextAt }] of this.#seeds) {
      if (peer === undefined) continue
      this.failed(address, now)
      const seed = this.#seeds.get(address)
      if (seed !== undefined) seed.nextAt = Math.min(seed.nextAt, nextAt)
    }
  }

  joined(address: string, peer: PeerId, now: Millis): void {
    const seed = this.#seeds.get(address)
    if (seed === undefined) return
    seed.peer = peer
    seed.attempts = 0
    seed.nextAt = now + jitter(this.#shared.options.random, CHECK_MS, JITTER_SHARE)
  }

  work(now: Millis): void {
    for (const [address, seed] of this.#seeds) {
      if (seed.nextAt > now) continue
      if (this.#isResting(seed)) {
        seed.nextAt = now + jitter(this.#shared.options.random, CHECK_MS, JITTER_SHARE)
        continue
      }
      seed.nextAt = now + OUTCOME_MS
      this.#shared.outbox.push({ type: 'join-wanted', address })
    }
  }

  nextDeadline(): Millis | undefined {
    let earliest: Millis | undefined
    for (const { nextAt } of this.#seeds.values()) earliest = earlier(earliest, nextAt)
    return earliest
  }

  #isResting(seed: Seed): boolean {
    const { table, links } = this.#shared
    if (seed.peer === undefined) return false
    if (seed.peer === this.#self) return true
    const entry = table.of(seed.peer)
    return entry !== undefined && isLive(entry) && links.size > 0
  }
}
