/** Distinct reasons kept; cores name a few dozen. Beyond it they count as `other`. */
const DROP_REASONS_MAX = 256

/** How often what was dropped, by reason: bounded, though reasons come from many places. */
export class DropCounts {
  readonly #byReason: Map<string, number> = new Map()

  get byReason(): ReadonlyMap<string, number> {
    return this.#byReason
  }

  /** @returns the reason it was counted under */
  count(reason: string): string {
    const isKept = this.#byReason.has(reason) || this.#byReason.size < DROP_REASONS_MAX
    const kept = isKept ? reason : 'other'
    this.#byReason.set(kept, (this.#byReason.get(kept) ?? 0) + 1)
    return kept
  }
}
