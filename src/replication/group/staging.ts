import type { ReplicaId } from '../../base/ids.ts'

/** A run whose writer's earlier events are missing here. */
export interface Staged {
  readonly n0: number
  readonly count: number
  readonly bytes: Uint8Array
}

export interface StagingLimits {
  readonly stagedEventsMax: number
  readonly stagedBytesMax: number
}

/** Runs that wait for a gap to close. A cache: what is dropped here is pulled again. */
export class Staging {
  readonly #limits: StagingLimits
  readonly #byWriter = new Map<ReplicaId, Map<number, Staged>>()
  #events = 0
  #bytes = 0

  constructor(limits: StagingLimits) {
    this.#limits = limits
  }

  get bytes(): number {
    return this.#bytes
  }

  /** False when there was no room: everything staged is forgotten then, so that junk cannot settle. */
  add(writer: ReplicaId, staged: Staged): boolean {
    const waiting = this.#byWriter.get(writer) ?? new Map<number, Staged>()
    const before = waiting.get(staged.n0)
    if (before !== undefined && before.count >= staged.count) return true
    const isFull =
      this.#events + staged.count > this.#limits.stagedEventsMax ||
      this.#bytes + staged.bytes.length > this.#limits.stagedBytesMax
    if (isFull) {
      this.clear()
      return false
    }
    if (before !== undefined) this.#left(before)
    waiting.set(staged.n0, staged)
    this.#byWriter.set(writer, waiting)
    this.#events += staged.count
    this.#bytes += staged.bytes.length
    return true
  }

  /** Takes a run that continues `have`, if one waits; forgets those that are covered by it. */
  take(writer: ReplicaId, have: number): Staged | undefined {
    const waiting = this.#byWriter.get(writer)
    if (waiting === undefined) return undefined
    let found: Staged | undefined
    for (const [n0, staged] of waiting) {
      if (n0 > have + 1) continue
      waiting.delete(n0)
      this.#left(staged)
      if (n0 + staged.count - 1 <= have) continue
      found = staged
      break
    }
    if (waiting.size === 0) this.#byWriter.delete(writer)
    return found
  }

  clear(): void {
    this.#byWriter.clear()
    this.#events = 0
    this.#bytes = 0
  }

  #left(staged: Staged): void {
    this.#events -= staged.count
    this.#bytes -= staged.bytes.length
  }
}
