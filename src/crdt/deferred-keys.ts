const NOTHING = new Int32Array(0)
const PAIRS_MIN = 16
/** Pairs that are looked at in one step: some hundred microseconds. */
const STEP_PAIRS = 8_192

/**
 * Slots with the hashes of their keys that an index will take in, in order. One that goes before is only
 * noted: its key may be gone by the time anybody looks.
 */
export class DeferredKeys {
  /** A hash and a slot each; where a slot goes, 0 and ~slot. */
  #pairs = NOTHING
  #count = 0
  #removals = 0

  get isEmpty(): boolean {
    return this.#count === 0
  }

  add(hash: number, slot: number): void {
    this.#push(hash, slot)
  }

  /** A slot that was added goes again. */
  remove(slot: number): void {
    this.#push(0, ~slot)
    this.#removals += 1
  }

  /** What is left: hashes and slots in turn, in the order in which they were added. Looks for it in steps. */
  *pairs(): Generator<void, Int32Array, void> {
    yield* this.#cancel()
    return this.#pairs.subarray(0, this.#count * 2)
  }

  clear(): void {
    this.#pairs = NOTHING
    this.#count = 0
    this.#removals = 0
  }

  #push(hash: number, slot: number): void {
    if (this.#count * 2 === this.#pairs.length) this.#makeRoom()
    const at = this.#count * 2
    this.#pairs[at] = hash
    this.#pairs[at + 1] = slot
    this.#count += 1
  }

  #makeRoom(): void {
    // As many as a third are worth a look: what comes and goes takes no more room than what stays.
    if (this.#removals * 3 > this.#count) for (const _step of this.#cancel());
    if (this.#count * 3 < this.#pairs.length) return
    const grown = new Int32Array(Math.max(PAIRS_MIN * 2, this.#pairs.length * 2))
    grown.set(this.#pairs)
    this.#pairs = grown
  }

  /** Drops removals and what they remove. */
  *#cancel(): Generator<void, void, void> {
    if (this.#removals === 0) return
    const pairs = this.#pairs
    const end = this.#count * 2
    const gone = new Removed(pairs.subarray(0, end))
    let to = end
    for (let from = end; from > 0; from -= STEP_PAIRS * 2) {
      to = gone.cancel(pairs, { from: Math.max(0, from - STEP_PAIRS * 2), end: from, to })
      yield
    }
    pairs.copyWithin(0, to, end)
    this.#count = (end - to) / 2
    this.#removals = 0
  }
}

/** Slots that were removed later than what is looked at. */
class Removed {
  readonly #bits: Int32Array

  constructor(pairs: Int32Array) {
    let highest = 0
    for (let at = 1; at < pairs.length; at += 2) highest = Math.max(highest, pairs[at] ?? 0)
    this.#bits = new Int32Array((highest >>> 5) + 1)
  }

  /** Goes through pairs from `end` back, and moves those that stay to before `to`. @returns where they begin */
  cancel(
    pairs: Int32Array,
    part: { readonly from: number; readonly end: number; readonly to: number },
  ): number {
    const bits = this.#bits
    let { to } = part
    for (let at = part.end - 1; at > part.from; at -= 2) {
      const slot = pairs[at] ?? 0
      if (slot < 0) {
        const word = ~slot >>> 5
        bits[word] = (bits[word] ?? 0) | (1 << (~slot & 31))
        continue
      }
      // Whatever came into the slot before went, too.
      if ((((bits[slot >>> 5] ?? 0) >>> (slot & 31)) & 1) === 1) continue
      pairs[to - 1] = slot
      pairs[to - 2] = pairs[at - 1] ?? 0
      to -= 2
    }
    return to
  }
}

/** Pairs in parts of which each is looked at in one step. */
export function* stepsOf(pairs: Int32Array): Generator<Int32Array, void, void> {
  for (let at = 0; at < pairs.length; at += STEP_PAIRS * 2) {
    yield pairs.subarray(at, at + STEP_PAIRS * 2)
  }
}

/** Sorts pairs by leading bits of their hashes, in steps; those of the same bits keep their order. */
export function* sortedByPrefix(
  pairs: Int32Array,
  bits: number,
): Generator<void, { readonly sorted: Int32Array; readonly counts: Uint32Array }, void> {
  const counts = new Uint32Array(1 << bits)
  for (const part of stepsOf(pairs)) {
    count(part, bits, counts)
    yield
  }
  const ends = new Uint32Array(counts.length)
  for (let i = 1; i < ends.length; i++) ends[i] = (ends[i - 1] ?? 0) + (counts[i - 1] ?? 0)
  const sorted = new Int32Array(pairs.length)
  for (const part of stepsOf(pairs)) {
    distribute(part, bits, ends, sorted)
    yield
  }
  return { sorted, counts }
}

/** A hash's leading bits. */
function prefixOf(hash: number, bits: number): number {
  return bits === 0 ? 0 : hash >>> (32 - bits)
}

function count(pairs: Int32Array, bits: number, counts: Uint32Array): void {
  for (let at = 0; at < pairs.length; at += 2) {
    const prefix = prefixOf(pairs[at] ?? 0, bits)
    counts[prefix] = (counts[prefix] ?? 0) + 1
  }
}

/** @param ends where the next pair of each prefix goes */
function distribute(pairs: Int32Array, bits: number, ends: Uint32Array, sorted: Int32Array): void {
  for (let at = 0; at < pairs.length; at += 2) {
    const hash = pairs[at] ?? 0
    const prefix = prefixOf(hash, bits)
    const to = ends[prefix] ?? 0
    sorted[to * 2] = hash
    sorted[to * 2 + 1] = pairs[at + 1] ?? 0
    ends[prefix] = to + 1
  }
}
