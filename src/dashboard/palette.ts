/** Colours of page.css, `--state-0` and on. */
export const SLOTS = 8

/**
 * Gives every state (digest) that is shown a colour of its own, and keeps it as long as the state is shown. More
 * states than colours share the last ones; their digests still tell them apart.
 */
export class Palette {
  /** What each slot shows or showed last, and when it was shown last. */
  readonly #slots: { digest: string; usedAt: number }[] = Array.from({ length: SLOTS }, () => ({
    digest: '',
    usedAt: 0,
  }))
  #turn = 0

  /** Colours of all states shown now. @param digests the most common first */
  assign(digests: readonly string[]): ReadonlyMap<string, number> {
    const turn = ++this.#turn
    const found = new Map<string, number>()
    for (const [index, slot] of this.#slots.entries()) {
      if (slot.digest === '' || !digests.includes(slot.digest)) continue
      slot.usedAt = turn
      found.set(slot.digest, index)
    }
    for (const digest of digests) if (!found.has(digest)) found.set(digest, this.#take(digest))
    return found
  }

  /** The slot unused for longest. */
  #take(digest: string): number {
    let oldest = 0
    for (const [index, { usedAt }] of this.#slots.entries()) {
      if (usedAt < (this.#slots[oldest]?.usedAt ?? 0)) oldest = index
    }
    this.#slots[oldest] = { digest, usedAt: this.#turn }
    return oldest
  }
}
