import { hex } from '../../base/bytes.ts'
import { Writer } from '../../base/codec.ts'
import { sha256 } from '../../base/hash.ts'
import { parseReplicaId, type ReplicaId } from '../../base/ids.ts'
import type { RunReader } from '../../crdt/run-reader.ts'
import type { Group } from '../group/group.ts'
import { chainAt } from '../group/history.ts'

/** Begins the ids of branches, in hexadecimal. */
const BRANCH_TAG = 'f07c'
const END_DIGITS = 12
const HASH_BYTES = 8

/**
 * The id under which a writer's events above `n` are issued again. It follows from the first transaction
 * there, so that everybody finds the same one, and tells `n`: two bytes of a mark, six of `n`, and eight of a
 * hash over the writer and its chain after that transaction.
 * @returns undefined where there is none or the log does not reach back to it
 */
export function branchId(
  group: Group,
  writer: number,
  n: number,
  runs: RunReader,
): ReplicaId | undefined {
  const { log, state } = group
  const run = log.runAt(writer, log.indexAbove(writer, n))
  if (run === undefined || run.n0 > n + 1 || !runs.read(run.bytes).ok) return undefined
  if (runs.starts[n + 1 - run.n0] !== 1) return undefined
  let last = n + 1
  while (last < run.n0 + run.count - 1 && runs.starts[last + 1 - run.n0] !== 1) last += 1
  const chain = chainAt(group, writer, last, runs)
  if (chain === undefined) return undefined
  const body = new Writer(48).text(state.replicaAt(writer)).varint(n)
  body.uint32(chain.high >>> 0).uint32(chain.low >>> 0)
  const end = n.toString(16).padStart(END_DIGITS, '0')
  const hash = hex(sha256(body.finish()).subarray(0, HASH_BYTES))
  return parseReplicaId(`${BRANCH_TAG}${end}${hash}`)
}

/** Ids of branches that are looked at: anybody may invent some, and each may be any writer's. */
const BRANCHES_MAX = 256
/** Pairs of them that are compared at once: each costs a look into a run. */
const LOOKS_MAX = 64
/** Above all numbers of writers. */
const WRITERS = 1 << 14

/** The last event before the branch that an id may stand for; undefined for ids of stores. */
function endOf(id: ReplicaId): number | undefined {
  if (!id.startsWith(BRANCH_TAG)) return undefined
  return Number.parseInt(id.slice(BRANCH_TAG.length, BRANCH_TAG.length + END_DIGITS), 16)
}

/** A writer and its last event that is not issued under another id. */
export interface Issued {
  readonly replica: ReplicaId
  readonly n: number
}

/**
 * Finds what a group holds twice: events under their own id, and issued again under that of their branch by
 * somebody who met the other history. The latter stand.
 */
export class Branches {
  /** Writers looked at. */
  #seen = 0
  readonly #branches: { readonly index: number; readonly n: number }[] = []
  /** By branch and writer: it is not that one's. */
  readonly #others = new Set<number>()
  /** Whether the last search was cut short. */
  hasMore = false

  find(group: Group, runs: RunReader): Issued | undefined {
    const { state } = group
    for (; this.#seen < state.replicaCount; this.#seen++) {
      const n = endOf(state.replicaAt(this.#seen))
      if (n === undefined) continue
      this.#branches.push({ index: this.#seen, n })
      if (this.#branches.length > BRANCHES_MAX) this.#branches.shift()
    }
    let looks = 0
    this.hasMore = false
    for (const { index, n } of this.#branches) {
      if (state.have(index) === 0) continue
      for (let writer = 0; writer < state.replicaCount; writer++) {
        const pair = index * WRITERS + writer
        if (state.have(writer) <= n || writer === index || this.#others.has(pair)) continue
        looks += 1
        this.hasMore = looks > LOOKS_MAX
        if (this.hasMore) return undefined
        if (branchId(group, writer, n, runs) === state.replicaAt(index)) {
          return { replica: state.replicaAt(writer), n }
        }
        this.#others.add(pair)
      }
    }
    return undefined
  }

  /** A writer has ended earlier than before: its events are others from now on. */
  ended(): void {
    this.#others.clear()
  }
}
