import type { KvCluster, KvNode } from '../kv-cluster.ts'

export function keysOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `key ${i}`)
}

/** An oracle beside the cluster: what was acknowledged of each key, and what a reader may see of it. */
export class Ledger {
  readonly #cluster: KvCluster
  /** The last acknowledged value of each key, by number, and the last one tried. */
  readonly #acknowledged = new Map<string, number>()
  #serial = 0
  acknowledged = 0

  constructor(cluster: KvCluster) {
    this.#cluster = cluster
  }

  /** A write that must be acknowledged. */
  write(key: string, writers: readonly KvNode[] = this.#cluster.nodes): void {
    if (!this.try(key, writers)) throw new Error(`Expected an acknowledgement: ${key}`)
  }

  /** A write that may fail: then it may or may not be seen. @returns whether a quorum acknowledged */
  try(key: string, writers: readonly KvNode[] = this.#cluster.nodes): boolean {
    const up = writers.filter(({ isUp }) => isUp)
    this.#serial += 1
    const writer = up[this.#serial % up.length]
    if (writer === undefined) return false
    const request = this.#cluster.put(writer, key, String(this.#serial))
    this.#cluster.until(() => writer.answers.has(request))
    if (writer.answers.get(request)?.type !== 'put-done') return false
    this.#acknowledged.set(key, this.#serial)
    this.acknowledged += 1
    return true
  }

  /** Reads acknowledged keys through nodes in turn. */
  check(keys: readonly string[]): { lost: number; stale: number } {
    let [lost, stale] = [0, 0]
    const up = this.#cluster.nodes.filter(({ isUp }) => isUp)
    for (const [i, key] of keys.entries()) {
      const least = this.#acknowledged.get(key)
      const reader = up[i % up.length]
      if (least === undefined || reader === undefined) continue
      const value = this.#cluster.getNow(reader, key)
      if (value === undefined) lost += 1
      else if (Number(value) < least) stale += 1
    }
    return { lost, stale }
  }
}

/** Keys that some replica in the view of now does not hold. */
export function unrepaired(cluster: KvCluster, keys: readonly string[]): number {
  return keys.filter((key) => {
    return cluster.replicas(key).some((node) => cluster.held(node, key) === undefined)
  }).length
}
