import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import { TokenBucket } from './token-bucket.ts'

/** Accusations of one member that may prove false, in a row and per minute. */
const FALSE_BURST = 30
const FALSE_PER_SECOND = 0.5
const MUTED_MS = 60_000
/**
 * What a falsehood counts of one that was cut off itself: it was true where it was. Not nothing, for who lies can
 * make others doubt it.
 */
const EXCUSED_SHARE = 0.1
/** Accusers remembered; beyond it the oldest is forgotten. */
const ACCUSERS_MAX = 1_024

interface Accuser {
  readonly falsehoods: TokenBucket
  mutedUntil: Millis
}

/**
 * Who accuses too many that refute: a member that lies, or one whose links are so bad that it had better
 * not be asked. It is not listened to for a minute. Each member judges by what it has seen itself.
 */
export class Accusers {
  readonly #accusers = new Map<PeerId, Accuser>()

  /**
   * A subject refuted what this member said of it.
   * @param options.isExcused a cut explains it
   * @returns true when the member is muted for it
   */
  refuted(
    peerId: PeerId,
    { isExcused, now }: { readonly isExcused: boolean; readonly now: Millis },
  ): boolean {
    const accuser = this.#accuser(peerId, now)
    const isFew = accuser.falsehoods.take(now, isExcused ? EXCUSED_SHARE : 1)
    if (isFew || accuser.mutedUntil > now) return false
    accuser.mutedUntil = now + MUTED_MS
    return true
  }

  isMuted(peerId: PeerId, now: Millis): boolean {
    const accuser = this.#accusers.get(peerId)
    return accuser !== undefined && accuser.mutedUntil > now
  }

  #accuser(peerId: PeerId, now: Millis): Accuser {
    const known = this.#accusers.get(peerId)
    if (known !== undefined) return known
    if (this.#accusers.size >= ACCUSERS_MAX) {
      for (const oldest of this.#accusers.keys()) {
        this.#accusers.delete(oldest)
        break
      }
    }
    const falsehoods = new TokenBucket({ perSecond: FALSE_PER_SECOND, burst: FALSE_BURST, now })
    const accuser = { falsehoods, mutedUntil: Number.NEGATIVE_INFINITY }
    this.#accusers.set(peerId, accuser)
    return accuser
  }
}
