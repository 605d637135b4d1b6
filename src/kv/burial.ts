import type { Millis } from '../base/core.ts'
import type { KvContext } from './kv-context.ts'
import { pushRecord } from './push.ts'
import type { Held } from './record-store.ts'

/** Tombstones in question at a time. */
const AT_ONCE_MAX = 32

/**
 * Forgets tombstones: each after all replicas of its key have acknowledged it, so that none of them
 * still holds what it deleted. A replica that forgot it already acknowledges too.
 */
export class Burial {
  readonly #context: KvContext
  #underWay = 0
  #nextAt: Millis = 0

  constructor(context: KvContext) {
    this.#context = context
  }

  /** @param entries tombstones old enough */
  offer(entries: readonly Held[], now: Millis): void {
    if (entries.length === 0 || now < this.#nextAt || this.#context.lost() > 0) return
    this.#nextAt = now + this.#context.tunables.repairPeriodMs
    for (const entry of entries.slice(0, AT_ONCE_MAX - this.#underWay)) this.#confirm(entry, now)
  }

  #confirm({ id, name, record }: Held, now: Millis): void {
    const { replication, signer, store } = this.#context
    const replicas = this.#context.ring().closest(id, replication)
    if (replicas.some(({ isSuspect }) => isSuspect)) return
    const others = replicas.filter(({ peerId }) => peerId !== signer.peerId)
    let waiting = others.length
    let isHeldByAll = true
    const settle = (): void => {
      if (waiting > 0) return
      this.#underWay -= 1
      if (isHeldByAll) store.forget(name, record)
    }
    this.#underWay += 1
    for (const { peerId } of others) {
      pushRecord(this.#context, { record, peer: peerId }, now, (outcome) => {
        if (outcome !== 'held') isHeldByAll = false
        waiting -= 1
        settle()
      })
    }
    if (others.length === 0) settle()
  }
}
