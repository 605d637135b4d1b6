import type { Millis } from '../../base/core.ts'
import { STORE_AGE_MS, STORE_BYTES_MAX, STORE_CASTS_MAX } from './cast-limits.ts'
import type { WholeCast } from './sender.ts'

/** Entries dropped from the front before the list is cut. */
const COMPACT_AFTER = 256

/** The casts of the last minutes, for neighbours that lack them: bounded in number, bytes and age. */
export class CastStore {
  #casts: WholeCast[] = []
  #head = 0
  #bytes = 0
  /** Dropped before their time, for want of room. */
  forgotten = 0

  get size(): number {
    return this.#casts.length - this.#head
  }

  get bytes(): number {
    return this.#bytes
  }

  add(whole: WholeCast, now: Millis): void {
    whole.sender.held.set(whole.cast.sequence, whole)
    this.#casts.push(whole)
    this.#bytes += sizeOf(whole)
    this.expire(now)
    while (this.size > STORE_CASTS_MAX || this.#bytes > STORE_BYTES_MAX) {
      this.#dropOldest()
      this.forgotten += 1
    }
  }

  /** When the oldest is dropped. */
  get expiresAt(): Millis | undefined {
    const oldest = this.#casts[this.#head]
    return oldest === undefined ? undefined : oldest.at + STORE_AGE_MS
  }

  expire(now: Millis): void {
    for (let oldest = this.#casts[this.#head]; oldest !== undefined; ) {
      if (now - oldest.at < STORE_AGE_MS) return
      this.#dropOldest()
      oldest = this.#casts[this.#head]
    }
  }

  #dropOldest(): void {
    const oldest = this.#casts[this.#head]
    if (oldest === undefined) return
    this.#head += 1
    this.#bytes -= sizeOf(oldest)
    const { held } = oldest.sender
    // A later boot of the sender may have used the number again.
    if (held.get(oldest.cast.sequence) === oldest) held.delete(oldest.cast.sequence)
    if (this.#head < COMPACT_AFTER) return
    this.#casts = this.#casts.slice(this.#head)
    this.#head = 0
  }
}

function sizeOf(whole: WholeCast): number {
  return whole.cast.bytes.length + (whole.pieces.length === 0 ? 0 : whole.payload.length)
}
