import type { ReplicaId } from '../../base/ids.ts'
import { decodeRunHead } from '../../crdt/run-head.ts'

/** Runs of the store that wait for events which the disk has lost. All of them are kept: they may be the only ones. */
export class HeldRuns {
  readonly #byWriter = new Map<ReplicaId, Uint8Array[]>()

  /** False when it is no run. */
  add(bytes: Uint8Array): boolean {
    const head = decodeRunHead(bytes)
    if (!head.ok || head.value.isEntries) return false
    const { replica } = head.value
    const held = this.#byWriter.get(replica)
    const copy = bytes.slice()
    if (held === undefined) this.#byWriter.set(replica, [copy])
    else held.push(copy)
    return true
  }

  /** Those that can follow now, in order. @param restore undefined when one still cannot */
  *after<Run>(
    replica: ReplicaId,
    restore: (bytes: Uint8Array) => Run | undefined,
  ): Generator<Run, void, void> {
    const held = this.#byWriter.get(replica)
    if (held === undefined) return
    while (held.length > 0) {
      const run = restore(held[0] ?? new Uint8Array(0))
      if (run === undefined) return
      held.shift()
      yield run
    }
    this.#byWriter.delete(replica)
  }

  writers(): readonly ReplicaId[] {
    return [...this.#byWriter.keys()]
  }

  /** Those that still wait. */
  rest(): readonly Uint8Array[] {
    return [...this.#byWriter.values()].flat()
  }
}
