import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import { signAccusation } from './accusation.ts'
import { compareTimes, standingAccusations, withAccusation } from './claims.ts'
import { accusationRumour } from './flood.ts'
import { earlier, type Shared } from './shared.ts'
import type { Entry } from './table.ts'

/** An observer declares a failure within this, … */
const OBSERVERS_WITHIN_MS = 200
/** … anybody else after this, when no observer has, and within as long again. */
const OTHERS_AFTER_MS = 500

interface Planned {
  readonly epoch: number
  readonly incarnation: number
  readonly at: Millis
}

/**
 * Failures that this node has seen and that nobody has declared yet. All see most failures at one moment, from the
 * same accusations: each waits a time of chance, the member's observers a shorter one, and says nothing when
 * another one has said it. Of 31 members all declared a killed one; each took in 240 claims of it, and 30 signatures.
 */
export class Declarations {
  readonly #shared: Shared
  readonly #planned = new Map<PeerId, Planned>()

  constructor(shared: Shared) {
    this.#shared = shared
  }

  /** A member has failed here. */
  plan(entry: Entry, now: Millis): void {
    if (isDeclared(entry)) return
    const { options, table } = this.#shared
    const { epoch, incarnation } = entry.claims.record
    const self = table.find(options.signer.publicKey)
    const isObserver = self !== undefined && table.neighbours(entry).includes(self)
    const afterMs = isObserver ? 0 : OTHERS_AFTER_MS
    const withinMs = isObserver ? OBSERVERS_WITHIN_MS : OTHERS_AFTER_MS
    const at = now + afterMs + options.random.next() * withinMs
    this.#planned.set(entry.peerId, { epoch, incarnation, at })
  }

  work(now: Millis): void {
    const { options, table, flood } = this.#shared
    for (const [peerId, planned] of this.#planned) {
      const entry = table.of(peerId)
      const isOver =
        entry?.state !== 'failed' ||
        compareTimes(planned, entry.claims.record) !== 0 ||
        isDeclared(entry)
      if (isOver || planned.at <= now) this.#planned.delete(peerId)
      if (isOver || planned.at > now) continue
      const { epoch, incarnation } = planned
      const accusation = signAccusation(options.signer, options.network, {
        kind: 'failed',
        subject: entry.publicKey,
        epoch,
        incarnation,
      })
      table.setClaims(entry, withAccusation(entry.claims, accusation))
      flood.spread(accusationRumour(entry, accusation), { now })
    }
  }

  nextDeadline(): Millis | undefined {
    let earliest: Millis | undefined
    for (const { at } of this.#planned.values()) earliest = earlier(earliest, at)
    return earliest
  }
}

function isDeclared(entry: Entry): boolean {
  return standingAccusations(entry.claims).some(({ kind }) => kind === 'failed')
}
