import {
  encodeFrame,
  FRAME_EVENTS_MAX,
  PAYLOAD_BYTES,
  type Partial,
  PIECE_BYTES,
  pieceCount,
  type SyncFrame,
} from './frames.ts'
import type { RunReader } from '../crdt/run-reader.ts'
import type { Group } from './group.ts'
import { packedRuns, type PackedRun } from './repack.ts'

/** Frames that answer a pull, its end included. */
export interface Answer {
  readonly frames: readonly Uint8Array[]
  /** Payload: bytes of runs and pieces. */
  readonly bytes: number
}

type Pull = Extract<SyncFrame, { type: 'pull' }>

/**
 * L mode: exactly the events that a version vector lacks, in each writer's order, at most `credit` bytes of
 * them. Nothing is remembered between two answers: the next pull's vector says where to go on.
 * @param runs scratch to read with
 */
export function serve(group: Group, pull: Pull, credit: number, runs: RunReader): Answer {
  const packer = new Packer(group.name, pull.session, credit)
  const has = new Map(pull.vector.map(({ replica, n }) => [replica, n]))
  const hasMore = !serveWriters(group, has, runs, (writer, { bytes, count, n0 }) => {
    if (bytes.length <= PAYLOAD_BYTES && count <= FRAME_EVENTS_MAX) return packer.add(bytes, count)
    const replica = group.state.replicaAt(writer)
    const partial = pull.partials.find(
      (held) => held.replica === replica && held.n0 === n0 && held.total === bytes.length,
    )
    return packer.addPieces({ replica, n0, bytes }, partial)
  })
  return packer.finish({
    type: 'end',
    group: group.name,
    session: pull.session,
    hasMore,
    isPartial: group.state.unapplied > 0,
    digest: group.digest(),
  })
}

/** Visits what is missing until `visit` says no; whether it went through. */
function serveWriters(
  group: Group,
  has: ReadonlyMap<string, number>,
  runs: RunReader,
  visit: (writer: number, run: PackedRun) => boolean,
): boolean {
  for (let writer = 0; writer < group.state.replicaCount; writer++) {
    const known = has.get(group.state.replicaAt(writer)) ?? 0
    if (known >= group.state.have(writer)) continue
    for (const run of packedRuns(group, writer, known, runs)) {
      if (!visit(writer, run)) return false
    }
  }
  return true
}

class Packer {
  readonly #group: string
  readonly #session: number
  readonly #credit: number
  readonly #frames: Uint8Array[] = []
  #runs: Uint8Array[] = []
  #pendingBytes = 0
  #pendingEvents = 0
  #bytes = 0

  constructor(group: string, session: number, credit: number) {
    this.#group = group
    this.#session = session
    this.#credit = credit
  }

  /** False when the credit is used up. */
  add(bytes: Uint8Array, count: number): boolean {
    if (!this.#take(bytes.length)) return false
    const isFull =
      this.#pendingBytes + bytes.length > PAYLOAD_BYTES ||
      this.#pendingEvents + count > FRAME_EVENTS_MAX
    if (isFull) this.#flush()
    this.#runs.push(bytes)
    this.#pendingBytes += bytes.length
    this.#pendingEvents += count
    return true
  }

  addPieces(
    run: Pick<Extract<SyncFrame, { type: 'piece' }>, 'replica' | 'n0' | 'bytes'>,
    partial: Partial | undefined,
  ): boolean {
    this.#flush()
    const { replica, n0, bytes: whole } = run
    const total = whole.length
    for (let index = 0; index < pieceCount(total); index++) {
      if ((((partial?.held[index >>> 3] ?? 0) >>> (index & 7)) & 1) === 1) continue
      const bytes = whole.subarray(index * PIECE_BYTES, (index + 1) * PIECE_BYTES)
      if (!this.#take(bytes.length)) return false
      const [group, session] = [this.#group, this.#session]
      this.#frames.push(
        encodeFrame({ type: 'piece', group, session, replica, n0, total, index, bytes }),
      )
    }
    return true
  }

  finish(end: Extract<SyncFrame, { type: 'end' }>): Answer {
    this.#flush()
    this.#frames.push(encodeFrame(end))
    return { frames: this.#frames, bytes: this.#bytes }
  }

  /** The first item always goes, or a small credit would never get anywhere. */
  #take(length: number): boolean {
    if (this.#bytes > 0 && this.#bytes + length > this.#credit) return false
    this.#bytes += length
    return true
  }

  #flush(): void {
    if (this.#runs.length === 0) return
    const [group, session, runs] = [this.#group, this.#session, this.#runs]
    this.#frames.push(encodeFrame({ type: 'events', group, session, sentTo: [], runs }))
    this.#runs = []
    this.#pendingBytes = 0
    this.#pendingEvents = 0
  }
}
