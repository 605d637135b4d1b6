import type { HearsayNode } from '../index.ts'

/** Writes to a counter and a set, and remembers them, so that a loss can be told from outside. */
export class Ledger {
  readonly #counter: string
  readonly #set: string
  readonly #values = new Set<string>()
  /** What the counter held before; undefined until the first write. */
  #base: number | undefined
  #added = 0

  constructor(counter: string, set: string) {
    this.#counter = counter
    this.#set = set
  }

  /** What the counter must show. */
  get sum(): number {
    return (this.#base ?? 0) + this.#added
  }

  /** How many values of ours the set must hold. */
  get size(): number {
    return this.#values.size
  }

  /** Resolves when both writes are durable at the node. All nodes must agree before the first call. */
  async write(
    node: HearsayNode,
    entry: {
      readonly amount: number
      readonly values: readonly string[]
      readonly signal: AbortSignal
    },
  ): Promise<void> {
    const { amount, values, signal } = entry
    this.#base ??= Number(node.counter(this.#counter).value)
    await node.counter(this.#counter).add(amount, { signal })
    this.#added += amount
    await node.set(this.#set).add(values, { signal })
    for (const value of values) this.#values.add(value)
  }

  /** How many acknowledged writes a node does not hold. A counter that is off counts as one. */
  missingOn(node: HearsayNode): number {
    const set = node.set(this.#set)
    const values = [...this.#values].filter((value) => !set.has(value)).length
    return values + (node.counter(this.#counter).value === this.sum ? 0 : 1)
  }
}
