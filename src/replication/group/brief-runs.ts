import { concatBytes, equalBytes } from '../../base/bytes.ts'
import { DecodeError, type Reader, type Writer } from '../../base/codec.ts'
import type { LiveState } from '../../crdt/live-state.ts'
import { replicaBytes } from '../../crdt/replica-bytes.ts'
import { REPLICA_BYTES } from '../../crdt/run-format.ts'
import { decodeRunHead } from '../../crdt/run-head.ts'
import type { RunReader } from '../../crdt/run-reader.ts'

/*
 * A run on its way to somebody who knows its writer: replica ids, sixteen bytes each, are left out and
 * told by four bytes of their hash. Single writes are mostly ids.
 *
 *   4 × length + ids left out (varint) · for each: hash (4), offset (varint) unless it is the first · rest
 *
 * The first id left out is always the writer's, behind the first byte; the offset of others counts from the end
 * of the one before.
 */

/** A run without some of its replica ids. */
export interface BriefRun {
  /** What is left of it. */
  readonly rest: Uint8Array
  /** What was left out, in order; the first one is the writer. */
  readonly ids: readonly BriefId[]
}

export interface BriefId {
  /** Where it belongs in the whole run. */
  readonly at: number
  /** The low half of the replica's hash. */
  readonly hash: number
}

/** Ids that one run may leave out: two bits of its length. */
const IDS_MAX = 3
const WRITER_AT = 1
/** Longer runs are not copied for the sake of twelve bytes. */
const BRIEF_BYTES_MAX = 4_096
/** Longer runs are not read for the sake of a second id. */
const READ_BYTES_MAX = 128

/**
 * Leaves out ids that a peer knows; the run itself when there are none.
 * @param run sound @param knows whether the peer has events of a writer, interned
 */
export function briefRun(
  run: Uint8Array,
  state: LiveState,
  runs: RunReader,
  knows: (writer: number) => boolean,
): Uint8Array | BriefRun {
  if (run.length > BRIEF_BYTES_MAX) return run
  const ids: BriefId[] = []
  let at = WRITER_AT
  for (const writer of mentioned(run, state, runs)) {
    const { low } = state.lanesOf(writer)
    // Whoever looks like another one is called by the whole id.
    const isPlain = state.indexOfHash(low) === writer && knows(writer)
    const found = isPlain ? find(run, replicaBytes(state.replicaAt(writer)), at) : -1
    // Without the writer's nothing is left out.
    if (ids.length === 0 && found !== WRITER_AT) break
    if (found < 0) continue
    ids.push({ at: found, hash: low })
    at = found + REPLICA_BYTES
    if (ids.length === IDS_MAX) break
  }
  return ids.length === 0 ? run : { rest: without(run, ids), ids }
}

/** The whole run; undefined when an id is not known here, or not which of two. */
export function wholeRun(run: Uint8Array | BriefRun, state: LiveState): Uint8Array | undefined {
  if (run instanceof Uint8Array) return run
  const parts: Uint8Array[] = []
  let taken = 0
  for (const [i, { at, hash }] of run.ids.entries()) {
    const writer = state.indexOfHash(hash)
    if (writer === undefined) return undefined
    const end = at - i * REPLICA_BYTES
    parts.push(run.rest.subarray(taken, end), replicaBytes(state.replicaAt(writer)))
    taken = end
  }
  parts.push(run.rest.subarray(taken))
  return concatBytes(parts)
}

export function writeRun(writer: Writer, run: Uint8Array | BriefRun): void {
  if (run instanceof Uint8Array) {
    writer.varint(run.length * (IDS_MAX + 1)).raw(run)
    return
  }
  const { rest, ids } = run
  writer.varint(rest.length * (IDS_MAX + 1) + ids.length)
  let past = WRITER_AT
  for (const [i, { at, hash }] of ids.entries()) {
    writer.uint32(hash >>> 0)
    if (i > 0) writer.varint(at - past)
    past = at + REPLICA_BYTES
  }
  writer.raw(rest)
}

/** @param bytesMax of a run @throws {DecodeError} */
export function readRun(reader: Reader, bytesMax: number): Uint8Array | BriefRun {
  const head = reader.varint(bytesMax * (IDS_MAX + 1) + IDS_MAX)
  const length = Math.floor(head / (IDS_MAX + 1))
  const count = head % (IDS_MAX + 1)
  if (count === 0) return reader.raw(length)
  const ids: BriefId[] = []
  let past = WRITER_AT
  for (let i = 0; i < count; i++) {
    const hash = reader.uint32() | 0
    const at = i === 0 ? WRITER_AT : past + reader.varint(bytesMax)
    if (at > length + i * REPLICA_BYTES) throw new DecodeError('id beyond its run')
    ids.push({ at, hash })
    past = at + REPLICA_BYTES
  }
  return { rest: reader.raw(length), ids }
}

/** Replicas that a run names, its writer first; of a longer one the writer alone. */
function mentioned(run: Uint8Array, state: LiveState, runs: RunReader): readonly number[] {
  const head = run.length > READ_BYTES_MAX ? decodeRunHead(run) : undefined
  if (head === undefined) runs.read(run)
  const ids = head === undefined ? runs.replicas : head.ok ? [head.value.replica] : []
  return ids.map((id) => state.indexOf(id)).filter((writer) => writer !== undefined)
}

function find(run: Uint8Array, id: Uint8Array, from: number): number {
  for (let at = from; at + id.length <= run.length; at++) {
    if (run[at] === id[0] && equalBytes(run.subarray(at, at + id.length), id)) return at
  }
  return -1
}

function without(run: Uint8Array, ids: readonly BriefId[]): Uint8Array {
  const rest = new Uint8Array(run.length - ids.length * REPLICA_BYTES)
  let from = 0
  let to = 0
  for (const { at } of ids) {
    rest.set(run.subarray(from, at), to)
    to += at - from
    from = at + REPLICA_BYTES
  }
  rest.set(run.subarray(from), to)
  return rest
}
