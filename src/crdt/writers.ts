import { present } from '../base/assert.ts'
import { HASH64_ZERO, type Hash64 } from '../base/hash.ts'
import { mixNumber32 } from '../base/hash32.ts'
import type { ReplicaId } from '../base/ids.ts'
import type { Lanes } from './event-draft.ts'
import type { Contents } from './fingerprint.ts'
import { replicaLanes } from './lanes.ts'
import { type WriterPages, writerPages } from './slots.ts'

/** What is known of one replica's events. */
export interface Writer {
  readonly id: ReplicaId
  readonly high: number
  readonly low: number
  /** Highest integrated n: all of 1 … have are integrated. */
  have: number
  /** Hash over all its events up to `have`, from its id on. */
  chain: Lanes
  readonly live: WriterPages
  /** Events up to here are part of the fingerprint; the hashes of those above. */
  settled: number
  unsettled: Contents | undefined
  /** Kills that came before their add. Never merged with `have`: that loses adds (Akka #22188). */
  readonly pendingKills: Set<number>
}

const NO_CHAIN: Lanes = { high: 0, low: 0 }

/** The writers of one group, each with a small integer that stands for it here, and the version vector. */
export class Writers {
  readonly #writers: Writer[] = []
  readonly #indexes = new Map<ReplicaId, number>()
  /** By the low half of the hash of an id; −1 where two have the same. */
  readonly #byHash = new Map<number, number>()
  /** The one that was asked for last: most ask for it again. */
  #lastId: ReplicaId | undefined
  #lastIndex = -1
  #vectorHigh = 0
  #vectorLow = 0

  /** Replicas ever mentioned, with or without events. */
  get count(): number {
    return this.#writers.length
  }

  /** Order-free hash of the version vector. */
  get vectorHash(): Hash64 {
    return hash64Of(this.#vectorHigh, this.#vectorLow)
  }

  intern(id: ReplicaId): number {
    const known = this.indexOf(id)
    if (known !== undefined) return known
    const index = this.#writers.length
    const chain = replicaLanes(id)
    const { high, low } = chain
    this.#writers.push({
      id,
      high,
      low,
      have: 0,
      chain,
      live: writerPages(),
      settled: 0,
      unsettled: undefined,
      pendingKills: new Set(),
    })
    this.#indexes.set(id, index)
    this.#byHash.set(low, this.#byHash.has(low) ? -1 : index)
    return index
  }

  /** The one whose id's hash has this low half; undefined when there is none, or more than one. */
  indexOfHash(low: number): number | undefined {
    const index = this.#byHash.get(low)
    return index === -1 ? undefined : index
  }

  indexOf(id: ReplicaId): number | undefined {
    if (id === this.#lastId) return this.#lastIndex
    const index = this.#indexes.get(id)
    if (index === undefined) return undefined
    this.#lastId = id
    this.#lastIndex = index
    return index
  }

  each(): Iterable<Writer> {
    return this.#writers
  }

  at(index: number): Writer {
    return present(this.#writers[index], 'interned replica')
  }

  haveAt(index: number): number {
    return this.#writers[index]?.have ?? 0
  }

  chainAt(index: number): Lanes {
    return this.#writers[index]?.chain ?? NO_CHAIN
  }

  /** Moves the vector hash to a writer's `have`. @param before what it was when this was called last */
  advance(writer: Writer, before: number, chain: Lanes): void {
    const { high, low, have } = writer
    writer.chain = chain
    if (before > 0) {
      this.#vectorHigh = (this.#vectorHigh - mixNumber32(high, before)) | 0
      this.#vectorLow = (this.#vectorLow - mixNumber32(low, before)) | 0
    }
    if (have === 0) return
    this.#vectorHigh = (this.#vectorHigh + mixNumber32(high, have)) | 0
    this.#vectorLow = (this.#vectorLow + mixNumber32(low, have)) | 0
  }
}

/** Two lanes as one hash. */
export function hash64Of(high: number, low: number): Hash64 {
  return high === 0 && low === 0 ? HASH64_ZERO : { high: high >>> 0, low: low >>> 0 }
}
