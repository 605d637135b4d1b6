import type { PeerId } from '../base/ids.ts'
import type { DhtRecord } from '../records/record.ts'
import type { KvContext } from './kv-context.ts'

/** Full rounds without a change of members before anything is pruned. */
const STABLE_ROUNDS_MIN = 2

/**
 * Forgets records that we are no replica of, once every replica has said that it holds them: nothing is
 * lost by it, and a member that comes back soon finds them here still.
 */
export class Pruning {
  readonly #context: KvContext
  /** Who holds what we offered, since the members changed. */
  #confirmed = new Map<string, { readonly record: DhtRecord; readonly by: Set<PeerId> }>()
  #rounds = 0

  constructor(context: KvContext) {
    this.#context = context
  }

  viewChanged(): void {
    this.#confirmed.clear()
    this.#rounds = 0
  }

  roundBegins(): void {
    this.#confirmed.clear()
    this.#rounds += 1
  }

  /** Whether the members have been the same for long enough. */
  get isDue(): boolean {
    return this.#rounds > STABLE_ROUNDS_MIN
  }

  /** A peer holds the record of a name, or a newer one. */
  confirmed(name: string, peer: PeerId): void {
    const { replication, signer, store } = this.#context
    const entry = store.heldByName(name)
    if (entry === undefined || entry.sharedWith.length > 0) return
    const { record } = entry
    const known = this.#confirmed.get(name)
    const by = known?.record === record ? known.by : new Set<PeerId>()
    this.#confirmed.set(name, { record, by: by.add(peer) })
    if (!this.isDue) return
    const replicas = this.#context.ring().closest(entry.id, replication)
    const isSafe = replicas.every(({ peerId, isSuspect }) => {
      return peerId !== signer.peerId && !isSuspect && by.has(peerId)
    })
    if (!isSafe) return
    this.#confirmed.delete(name)
    store.forget(name, record)
  }
}
