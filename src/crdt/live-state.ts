import { assert, present } from '../base/assert.ts'
import { add64, HASH64_ZERO, type Hash64, hashText64, mix64, subtract64 } from '../base/hash.ts'
import type { Stamp } from '../base/hybrid-clock.ts'
import type { ReplicaId } from '../base/ids.ts'
import { type Entry, entryHash } from './entry.ts'
import type { Content, Event } from './event.ts'
import { LiveObject } from './live-object.ts'
import type { ObjectType } from './operation.ts'

/** What one applied event did, to be taken back in reverse order. */
type Change =
  | { readonly type: 'inserted' | 'removed'; readonly entry: Entry }
  | { readonly type: 'unborn'; readonly replica: number; readonly n: number }

/** Collects what a transaction did. */
export interface Effects {
  /** Objects whose live entries changed. */
  readonly touched: Set<LiveObject>
  /** Only when the transaction may be taken back. */
  readonly changes?: Change[]
}

interface Writer {
  readonly id: ReplicaId
  readonly hash: Hash64
  /** Highest integrated n: all of 1 … have are integrated. */
  have: number
  readonly live: Map<number, Entry>
  /** Kills that came before their add. Never merged with `have`: that loses adds (Akka #22188). */
  readonly pendingKills: Set<number>
}

/**
 * State as a function of a set of events, closed under each writer's prefix:
 *
 *     live(E) = { dots with an entry in E } minus { dots killed by an event in E }
 *
 * Applying events in any order that is FIFO per writer gives the same state. A dot's life is monotone:
 * unseen → live → dead, or unseen → dead. See Bieniusa et al., "An optimized conflict-free replicated
 * set" (2012), and Almeida et al., "Delta state replicated data types" (2018).
 */
export class LiveState {
  readonly #writers: Writer[] = []
  readonly #indexes = new Map<ReplicaId, number>()
  readonly #objects = new Map<string, LiveObject>()
  #vectorHash: Hash64 = HASH64_ZERO
  #fingerprint: Hash64 = HASH64_ZERO
  #events = 0
  #unapplied = 0

  /** Replicas ever mentioned, with or without events. */
  get replicaCount(): number {
    return this.#writers.length
  }

  /** Order-free hash of the version vector. */
  get vectorHash(): Hash64 {
    return this.#vectorHash
  }

  /** Order-free hash of the live entries. */
  get fingerprint(): Hash64 {
    return this.#fingerprint
  }

  /** Events integrated. */
  get events(): number {
    return this.#events
  }

  /** Events of kinds that only a newer version can apply. */
  get unapplied(): number {
    return this.#unapplied
  }

  /** The small integer that stands for a replica in this group. */
  intern(id: ReplicaId): number {
    const known = this.#indexes.get(id)
    if (known !== undefined) return known
    const index = this.#writers.length
    const hash = hashText64(id)
    this.#writers.push({ id, hash, have: 0, live: new Map(), pendingKills: new Set() })
    this.#indexes.set(id, index)
    return index
  }

  indexOf(id: ReplicaId): number | undefined {
    return this.#indexes.get(id)
  }

  replicaAt(index: number): ReplicaId {
    return this.#writer(index).id
  }

  have(index: number): number {
    return this.#writers[index]?.have ?? 0
  }

  haveOf(id: ReplicaId): number {
    const index = this.#indexes.get(id)
    return index === undefined ? 0 : this.have(index)
  }

  pendingKillCount(): number {
    let count = 0
    for (const writer of this.#writers) count += writer.pendingKills.size
    return count
  }

  object(type: ObjectType, name: string): LiveObject | undefined {
    return this.#objects.get(objectKey(type, name))
  }

  /** Objects with live entries, unordered. */
  objects(): Iterable<LiveObject> {
    return this.#objects.values()
  }

  get objectCount(): number {
    return this.#objects.size
  }

  /**
   * Applies the next event of a writer.
   * @param table interned replica of each index that the event's kills use
   */
  apply(dot: AppliedDot, event: Event, table: readonly number[], effects: Effects): void {
    const writer = this.#writer(dot.replica)
    assert(dot.n === writer.have + 1, 'events of a writer are applied in order')
    writer.have = dot.n
    this.#events += 1
    if (event.unknown !== undefined) this.#unapplied += 1
    for (const kill of event.kills) {
      this.#kill(present(table[kill.replica], 'interned replica of a kill'), kill.n, effects)
    }
    if (writer.pendingKills.delete(dot.n)) {
      effects.changes?.push({ type: 'unborn', replica: dot.replica, n: dot.n })
      return
    }
    if (event.content === undefined) return
    const entry = {
      replica: dot.replica,
      n: dot.n,
      stamp: dot.stamp,
      content: event.content,
      hash: entryHash(writer.hash, dot.n, dot.stamp, event.content),
      next: undefined,
    }
    this.#insert(entry, effects)
    effects.changes?.push({ type: 'inserted', entry })
  }

  /** Closes a transaction: moves the vector hash over its events. @param before `have` before the first */
  advance(replica: number, before: number): void {
    const writer = this.#writer(replica)
    if (before > 0) {
      this.#vectorHash = subtract64(this.#vectorHash, mix64(writer.hash, before))
    }
    this.#vectorHash = add64(this.#vectorHash, mix64(writer.hash, writer.have))
  }

  /** Takes back a transaction that was applied and not yet advanced over. */
  takeBack(replica: number, before: number, effects: Effects): void {
    const writer = this.#writer(replica)
    this.#events -= writer.have - before
    writer.have = before
    for (const change of (effects.changes ?? []).toReversed()) {
      switch (change.type) {
        case 'inserted':
          this.#remove(change.entry, effects)
          break
        case 'removed':
          this.#insert(change.entry, effects)
          break
        case 'unborn':
          this.#writer(change.replica).pendingKills.add(change.n)
      }
    }
  }

  #writer(index: number): Writer {
    return present(this.#writers[index], 'interned replica')
  }

  #kill(replica: number, n: number, effects: Effects): void {
    const writer = this.#writer(replica)
    const entry = writer.live.get(n)
    if (entry !== undefined) {
      this.#remove(entry, effects)
      effects.changes?.push({ type: 'removed', entry })
    } else if (n > writer.have) {
      writer.pendingKills.add(n)
    }
  }

  #insert(entry: Entry, effects: Effects): void {
    const object = this.#objectFor(entry.content)
    object.insert(entry)
    this.#writer(entry.replica).live.set(entry.n, entry)
    this.#fingerprint = add64(this.#fingerprint, entry.hash)
    effects.touched.add(object)
  }

  #remove(entry: Entry, effects: Effects): void {
    const object = this.#objectFor(entry.content)
    object.remove(entry)
    if (object.isEmpty) this.#objects.delete(objectKey(object.type, object.name))
    this.#writer(entry.replica).live.delete(entry.n)
    this.#fingerprint = subtract64(this.#fingerprint, entry.hash)
    effects.touched.add(object)
  }

  #objectFor(content: Content): LiveObject {
    const key = objectKey(content.type, content.object)
    let object = this.#objects.get(key)
    if (object === undefined) {
      object = new LiveObject(content.type, content.object)
      this.#objects.set(key, object)
    }
    return object
  }
}

/** The dot of an event that is applied, with its transaction's stamp. */
export interface AppliedDot {
  readonly replica: number
  readonly n: number
  readonly stamp: Stamp
}

function objectKey(type: ObjectType, name: string): string {
  return `${type}:${name}`
}
