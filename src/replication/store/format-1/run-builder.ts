import { DecodeError } from '../../../base/codec.ts'
import type { ReplicaId } from '../../../base/ids.ts'
import { EventDraft, type Lanes } from '../../../crdt/event-draft.ts'
import { KIND_NONE, KIND_UNKNOWN, objectTypeOf } from '../../../crdt/kinds.ts'
import { chainStep, killShare, objectLanes, replicaLanes } from '../../../crdt/lanes.ts'
import { KILLS_MAX } from '../../../crdt/limits.ts'
import { RunReader } from '../../../crdt/run-reader.ts'
import { type RunNames, RunWriter } from '../../../crdt/run-writer.ts'
import { FRAME_EVENTS_MAX } from '../../sync/frames.ts'
import type { OldEvent, OldTransaction } from './transaction.ts'

/** Small transactions gather in a run up to this many bytes: several runs fit one frame. */
const GATHERED_BYTES_MAX = 48 << 10
const NO_OBJECT: Lanes = { high: 0, low: 0 }

/** Makes runs of one writer's transactions of format 1. Used again for the next run. */
export class RunBuilder implements RunNames {
  readonly #out = new RunWriter(this)
  readonly #draft = new EventDraft()
  readonly #check = new RunReader()
  readonly #objects: { readonly name: string; readonly lanes: Lanes }[] = []
  readonly #objectNumbers = new Map<string, number>()
  readonly #replicas: { readonly id: ReplicaId; readonly lanes: Lanes }[] = []
  readonly #replicaNumbers = new Map<ReplicaId, number>()
  #high = 0
  #low = 0

  /** Events gathered. */
  get count(): number {
    return this.#out.count
  }

  /** The writer's chain after what was added. */
  get chain(): Lanes {
    return { high: this.#high, low: this.#low }
  }

  objectName(object: number): string {
    return this.#objects[object]?.name ?? ''
  }

  replicaAt(replica: number): ReplicaId {
    const known = this.#replicas[replica]
    if (known === undefined) throw new Error('Broken invariant: replicas of a run are numbered')
    return known.id
  }

  /** Starts a run. @param chain the writer's before it @param stamp of its first transaction */
  begin(writer: ReplicaId, n0: number, chain: Lanes, stamp: number): void {
    this.#objects.length = 0
    this.#objectNumbers.clear()
    this.#replicas.length = 0
    this.#replicaNumbers.clear()
    this.#high = chain.high
    this.#low = chain.low
    this.#out.begin(this.#replica(writer), n0, Math.max(0, stamp - 1))
  }

  /** Whether the writer's next transaction may join the run. @param bytes what it takes, roughly */
  hasRoom({ events, stamp }: OldTransaction, bytes: number): boolean {
    const { count, length, killed } = this.#out
    return (
      length + bytes <= GATHERED_BYTES_MAX &&
      count + events.length <= FRAME_EVENTS_MAX &&
      killed + killsOf(events) <= KILLS_MAX &&
      this.#out.fits(stamp)
    )
  }

  /** Adds the next transaction of the run's writer. */
  add({ replicas, events, stamp }: OldTransaction): void {
    const table = replicas.map((id) => this.#replica(id))
    events.forEach((event, i) => {
      this.#event(event, table, { stamp, starts: i === 0 })
    })
  }

  /** Ends the run. @throws {DecodeError} when it is none that this version can read */
  finish(): Uint8Array {
    const bytes = this.#out.finish(this.chain)
    const read = this.#check.read(bytes)
    if (!read.ok) throw new DecodeError(read.reason)
    this.#out.begin(0, 1, 0)
    return bytes
  }

  #event(
    event: OldEvent,
    table: readonly number[],
    { stamp, starts }: { readonly stamp: number; readonly starts: boolean },
  ): void {
    const { kind, key, payload, killReplicas, killDots } = event
    const draft = this.#draft
    draft.clear()
    draft.kind = kind
    draft.stamp = stamp
    draft.keyBytes = key
    draft.keyEnd = key.length
    draft.payloadBytes = payload
    draft.payloadEnd = payload.length
    const isBare = kind === KIND_NONE || kind === KIND_UNKNOWN
    if (!isBare) draft.object = this.#object(kind, event.object)
    if (kind !== KIND_NONE) draft.seal(this.#objects[draft.object]?.lanes ?? NO_OBJECT)
    let killsHigh = 0
    let killsLow = 0
    killDots.forEach((n, k) => {
      const replica = table[killReplicas[k] ?? 0] ?? 0
      const lanes = this.#replicas[replica]?.lanes ?? NO_OBJECT
      draft.kill(replica, n)
      killsHigh = (killsHigh + killShare(lanes.high, n)) | 0
      killsLow = (killsLow + killShare(lanes.low, n)) | 0
    })
    this.#high = chainStep(this.#high, draft.high, killsHigh, starts ? stamp : -1)
    this.#low = chainStep(this.#low, draft.low, killsLow, starts ? stamp : -1)
    this.#out.add(draft, starts)
  }

  #object(kind: number, name: string): number {
    const type = objectTypeOf(kind)
    const key = `${type}:${name}`
    let number = this.#objectNumbers.get(key)
    if (number === undefined) {
      number = this.#objects.length
      this.#objects.push({ name, lanes: objectLanes(type, name) })
      this.#objectNumbers.set(key, number)
    }
    return number
  }

  #replica(id: ReplicaId): number {
    let number = this.#replicaNumbers.get(id)
    if (number === undefined) {
      number = this.#replicas.length
      this.#replicas.push({ id, lanes: replicaLanes(id) })
      this.#replicaNumbers.set(id, number)
    }
    return number
  }
}

/** Dots that events kill. */
export function killsOf(events: readonly OldEvent[]): number {
  let kills = 0
  for (const { killDots } of events) kills += killDots.length
  return kills
}
