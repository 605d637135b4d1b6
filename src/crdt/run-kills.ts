import { DecodeError } from '../base/codec.ts'
import type { ReplicaId } from '../base/ids.ts'
import { KILLS_MAX, REPLICAS_MAX } from './limits.ts'
import { replicaOf } from './replica-bytes.ts'
import type { RunBytes } from './run-bytes.ts'
import { REPLICA_BYTES } from './run-format.ts'

/** Replicas of a run that are looked through one by one. */
const FEW_REPLICAS = 16

/** Reads the kills of a run's events into columns, and the replicas that they name. */
export class RunKills {
  /** The run's writer first, then writers of killed dots. */
  readonly replicas: ReplicaId[] = []
  /** Index into {@link replicas} of each kill, and its number; the first `count` count. */
  readonly killReplicas: number[] = []
  readonly killDots: number[] = []
  count = 0
  readonly #source: RunBytes
  /** The same as {@link replicas}, once they are many. */
  readonly #seen = new Set<ReplicaId>()
  /** The last event in whose list of kills each replica stood. */
  readonly #listedIn: number[] = []
  #lastReplica = 0
  #lastDot = 0

  constructor(source: RunBytes) {
    this.#source = source
  }

  begin(replica: ReplicaId, n0: number): void {
    this.replicas.length = 0
    this.replicas.push(replica)
    this.#listedIn.length = 0
    this.#seen.clear()
    this.count = 0
    this.#lastReplica = 0
    this.#lastDot = n0
  }

  /** The only kill of event `n`, counted from the last one. @throws {DecodeError} */
  one(n: number): void {
    const code = this.#source.varint(Number.MAX_SAFE_INTEGER)
    const distance = code % 2 === 0 ? code / 2 : -(code + 1) / 2
    this.#kill(this.#lastReplica, this.#lastDot + distance, n)
  }

  /** A list of kills of event `n`. @throws {DecodeError} */
  list(n: number): void {
    const source = this.#source
    const replicas = source.varint(source.left)
    if (replicas === 0) throw new DecodeError('empty list of kills')
    for (let r = 0; r < replicas; r++) {
      const replica = source.varint(this.replicas.length)
      if (replica === this.replicas.length) this.#newReplica()
      // One spelling: who passes a list on writes each dot once, and the chain counts them.
      if (this.#listedIn[replica] === n) {
        throw new DecodeError('replica twice in a list of kills')
      }
      this.#listedIn[replica] = n
      const ranges = source.varint(source.left)
      if (ranges === 0) throw new DecodeError('empty list of kills')
      let last = 0
      for (let k = 0; k < ranges; k++) {
        const code = source.varint(Number.MAX_SAFE_INTEGER)
        const from = last + 1 + Math.floor(code / 2)
        const length = code % 2 === 1 ? source.varint(KILLS_MAX) + 2 : 1
        for (let d = 0; d < length; d++) this.#kill(replica, from + d, n)
        last = from + length - 1
      }
    }
  }

  #kill(replica: number, dot: number, n: number): void {
    if (this.count >= KILLS_MAX) throw new DecodeError('too many kills')
    if (dot < 1 || !Number.isSafeInteger(dot)) throw new DecodeError('kill of no dot')
    if (replica === 0 && dot === n) throw new DecodeError('event kills itself')
    this.killReplicas[this.count] = replica
    this.killDots[this.count] = dot
    this.count += 1
    this.#lastReplica = replica
    this.#lastDot = dot
  }

  #newReplica(): void {
    const source = this.#source
    const start = source.take(REPLICA_BYTES)
    const id = replicaOf(source.bytes.subarray(start, source.at))
    const { replicas } = this
    if (replicas.length === FEW_REPLICAS) for (const known of replicas) this.#seen.add(known)
    const isFew = replicas.length < FEW_REPLICAS
    if (isFew ? replicas.includes(id) : this.#seen.has(id)) {
      throw new DecodeError('replica has a second spelling')
    }
    if (replicas.length >= REPLICAS_MAX) throw new DecodeError('too many replicas')
    replicas.push(id)
    if (!isFew) this.#seen.add(id)
  }
}
