import { HearsayError } from '../../src/base/errors.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { Operation } from '../../src/crdt/operation.ts'
import { Replication } from '../../src/replication/replication.ts'
import { parseRow } from '../../src/replication/store/rows.ts'

export const NOW: number = Date.UTC(2026, 0, 1)

/** A replica alone, whose log is looked at. */
export class Writer {
  readonly core: Replication
  /** Encoded runs in the order in which they were written. */
  readonly log: Uint8Array[] = []
  #refusal: Error | undefined
  #request = 0

  constructor(seed: number = 1) {
    this.core = new Replication({ random: seededRandom(seed) })
    this.core.start(NOW)
    this.#drain()
  }

  /** @returns the encoded run @throws what the core refused with */
  write(operations: readonly Operation[], group: string = 'main'): Uint8Array | undefined {
    const before = this.log.length
    this.#refusal = undefined
    this.#request += 1
    this.core.handle({ type: 'transact', request: this.#request, group, operations }, NOW)
    this.core.handle({ type: 'flush' }, NOW)
    this.#drain()
    if (this.#refusal !== undefined) throw this.#refusal
    return this.log[before]
  }

  /** The code of a refusal, or the name of the error; undefined when it was written. */
  refusal(operations: readonly Operation[], group?: string): string | undefined {
    try {
      this.write(operations, group)
      return undefined
    } catch (error) {
      if (error instanceof HearsayError) return error.code
      return error instanceof Error ? error.name : String(error)
    }
  }

  #drain(): void {
    for (let output = this.core.poll(); output !== undefined; output = this.core.poll()) {
      if (output.type === 'refused') this.#refusal = output.error
      if (output.type !== 'persist') continue
      for (const { key, value } of output.writes) {
        if (value === undefined) continue
        const row = parseRow({ key, value })
        if (row.type === 'log') this.log.push(...row.runs.map((run) => run.slice()))
      }
    }
  }
}
