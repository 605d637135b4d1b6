import type { ReplicaId } from '../../base/ids.ts'
import type { RunReader } from '../../crdt/run-reader.ts'
import { type BaseCursor, type BaseItem, type BaseWriter, hasEntries, isMap } from '../base/base.ts'
import { BaseWalk, headOf } from '../base/base-walk.ts'
import { BLOCK_DOTS } from '../base/block-sums.ts'
import { briefRun } from '../group/brief-runs.ts'
import type { Group } from '../group/group.ts'
import { type Counts, reaches, visitMissing } from '../group/missing.ts'
import { type PackedRun, packedRuns } from '../group/repack.ts'
import { encodeFrame } from './frame-codec.ts'
import { FRAME_EVENTS_MAX, PAYLOAD_BYTES, type SyncFrame, type VectorEntry } from './frames.ts'
import { isLong, pieceFrames } from './item-pieces.ts'
import { type Answer, Packer, type Rest } from './packer.ts'

type Pull = Extract<SyncFrame, { type: 'pull' }>

export interface ServeOptions {
  /** Payload bytes at most. */
  readonly credit: number
  /** A writer whose events are not told now. */
  readonly withheld?: VectorEntry | undefined
  /** Whether writers that the vector names may be told by their hashes. @default false */
  readonly isBrief?: boolean
  /** Events or entries of one turn, about. @default all at once */
  readonly turnEvents?: number
  /** Set where this goes on with an answer: what it is based on must still be there. */
  readonly rest?: Rest | undefined
}

/**
 * Dots looked at for one answer, so that it holds nobody up; an item of entries counts a quarter of it. Dots
 * of sums count fourfold: their hashes are summed, and before that their maps were made and found too long.
 */
const BASE_WORK_MAX = 1 << 20
/** Bytes of maps of one writer after which sums of its blocks are told; and where little has happened. */
const MAP_BYTES_MAX = 16 << 10
const FEW_MAP_BYTES_MAX = 2 << 10
/** Items that travel together: few enough that taking them in holds nobody up. */
const BASE_PART_BYTES = 4_096
/** Dots of a map that are as much work as a byte of entries. */
const DOTS_PER_BYTE = 16
/** Entries that an item is counted as, and dots of maps that are as much work as one. */
const ITEM_EVENTS = 4_096
const DOTS_PER_EVENT = 64
/** Events that follow a complete base at once. */
const BASE_TAIL_BYTES = 1 << 20

/**
 * L mode: exactly the events that a version vector lacks, in each writer's order, at most `credit` bytes of
 * them. Nothing is remembered between two answers: the next pull's vector says where to go on.
 * @param runs scratch to read with
 */
export function serve(
  group: Group,
  pull: Pull,
  { credit, withheld, isBrief = false, turnEvents = Infinity, rest }: ServeOptions,
  runs: RunReader,
): Answer {
  // What is told of the state, its chains above all, includes the run that is open.
  group.close()
  const isBase = pull.base !== undefined || !reaches(group, countsOf(pull.vector))
  const isLogGone = rest !== undefined && pull.base === undefined
  if (isBase && withheld === undefined && !isLogGone) {
    return serveBase(group, pull, runs, { turnEvents, work: rest?.work ?? 0 })
  }
  const vector = withheld === undefined ? pull.vector : [...pull.vector, withheld]
  // Without the log nothing can be told of one writer and not of the other.
  const isCut = isBase && isLogGone
  const told = {
    credit: isBase ? 0 : credit,
    vector,
    before: [],
    isBrief,
    turnEvents,
    isCut,
    isBegun: rest !== undefined,
    until: rest?.until,
  }
  return serveLog(group, pull, told, runs)
}

/**
 * S mode: parts of a base from the cursor on, then, when it is complete, the events since its head. A head
 * that the log no longer reaches is given up for a new one.
 */
function serveBase(
  group: Group,
  pull: Pull,
  runs: RunReader,
  budget: { readonly turnEvents: number; readonly work: number },
): Answer {
  const covered = pull.base === undefined ? undefined : coveredHead(group, pull.base.covered)
  const head = covered ?? headOf(group.state)
  const has = countsOf(pull.vector)
  const known = head.map(({ replica }) => has.get(replica) ?? 0)
  const cursor = covered === undefined ? undefined : pull.base?.cursor
  const walk = new BaseWalk(group.state, head, known, cursor, mapBytesMax(group, head, has))
  const frames: Uint8Array[] = []
  const [name, session] = [group.name, pull.session]
  let bytes = 0
  let told: readonly BaseWriter[] | undefined = covered === undefined ? head : undefined
  let items: BaseItem[] = []
  let gathered = 0
  const part = (): void => {
    if (told === undefined && items.length === 0) return
    frames.push(encodeFrame({ type: 'base', group: name, session, head: told, items }))
    told = undefined
    items = []
    gathered = 0
  }
  let { work } = budget
  let looked = 0
  let entries = 0
  const isTurnOver = (): boolean => entries + looked / DOTS_PER_EVENT >= budget.turnEvents
  const blocks = covered === undefined ? [] : [...(pull.base?.blocks ?? [])]
  while (blocks.length > 0 && !isTurnOver()) {
    const block = blocks.shift()
    if (block === undefined) break
    const item = walk.block(block)
    if (item === undefined) continue
    items.push(item)
    bytes += item.bytes.length
    looked += BLOCK_DOTS
    gathered += item.bytes.length
    if (gathered >= BASE_PART_BYTES) part()
  }
  // Set to the item that has not gone whole, at which the answer ends.
  let cut: BaseCursor | undefined
  while (!walk.isDone && work < BASE_WORK_MAX && !isTurnOver()) {
    const at = walk.cursor
    const item = walk.next()
    if (item === undefined) break
    if (hasEntries(item)) entries += ITEM_EVENTS
    if (isLong(item)) {
      part()
      const isNext = cursor?.writer === at.writer && cursor.n === at.n
      const held = isNext ? pull.base?.held : undefined
      const pieces = pieceFrames(item, { group: name, session }, held)
      frames.push(...pieces.frames)
      bytes += pieces.bytes
      // It was put together whole, however little of it is left.
      looked += item.bytes.length
      work += Math.max(BASE_WORK_MAX / 4, pieces.bytes)
      if (pieces.isWhole) continue
      cut = at
      break
    }
    items.push(item)
    bytes += item.bytes.length
    gathered += item.mode === 'sums' ? BASE_PART_BYTES : item.bytes.length
    if (isMap(item)) gathered += (item.to - item.from) / DOTS_PER_BYTE
    const dots = item.to - item.from + 1
    if (!hasEntries(item)) looked += Math.min(dots, BASE_WORK_MAX)
    work += hasEntries(item) ? BASE_WORK_MAX / 4 : item.mode === 'sums' ? dots * 4 : dots
    if (gathered >= BASE_PART_BYTES) part()
  }
  part()
  const { cursor: next } = walk
  const hasWork = blocks.length > 0 || (!walk.isDone && work < BASE_WORK_MAX)
  if (hasWork && cut === undefined) {
    const vector = head.map(({ replica, have }) => ({ replica, n: have }))
    const base = { covered: vector, cursor: next, blocks }
    return {
      frames,
      bytes,
      dots: looked,
      rest: { pull: { ...pull, base }, work, until: undefined },
    }
  }
  if (walk.isDone && cut === undefined) {
    const vector = head.map(({ replica, have }) => ({ replica, n: have }))
    const rest = serveLog(
      group,
      pull,
      { credit: BASE_TAIL_BYTES, vector, before: frames, isBrief: false, turnEvents: Infinity },
      runs,
    )
    return { frames: rest.frames, bytes: bytes + rest.bytes, dots: looked }
  }
  frames.push(
    encodeFrame({
      type: 'end',
      group: name,
      session,
      hasMore: true,
      isPartial: group.state.unapplied > 0,
      digest: group.digest(),
      cursor: cut ?? walk.cursor,
    }),
  )
  return { frames, bytes, dots: looked }
}

/**
 * From which size on maps are not told before sums were compared: these tell what differs where it is little,
 * at most one event in two blocks; otherwise they cost a round trip before the maps.
 */
function mapBytesMax(
  { state }: Group,
  head: readonly BaseWriter[],
  has: ReadonlyMap<ReplicaId, number>,
): number {
  let events = 0
  let blocks = 0
  for (const { replica, have } of head) {
    const known = Math.min(have, has.get(replica) ?? 0)
    events += have - known
    blocks += known / BLOCK_DOTS
  }
  for (const [replica, n] of has) events += Math.max(0, n - state.haveOf(replica))
  return events * 2 <= blocks ? FEW_MAP_BYTES_MAX : MAP_BYTES_MAX
}

/** The head that a puller goes on with; undefined when it has none or events since then are gone from the log. */
function coveredHead(
  group: Group,
  covered: readonly VectorEntry[],
): readonly BaseWriter[] | undefined {
  if (covered.length === 0 || !reaches(group, countsOf(covered))) return undefined
  for (const { replica, n } of covered) if (n > group.state.haveOf(replica)) return undefined
  // Chains and waiting kills were told with the first part.
  return covered.map(({ replica, n }) => ({
    replica,
    have: n,
    chain: { high: 0, low: 0 },
    pendingKills: [],
  }))
}

interface LogAnswer {
  readonly credit: number
  readonly vector: readonly VectorEntry[]
  /** Frames that go first. */
  readonly before: readonly Uint8Array[]
  readonly isBrief: boolean
  readonly turnEvents: number
  /** Set where more is missing than the log tells. */
  readonly isCut?: boolean
  /** Set where this goes on with an answer, whose first item has gone. */
  readonly isBegun?: boolean
  /** What this answer told of when it began. */
  readonly until?: Counts | undefined
}

function serveLog(group: Group, pull: Pull, options: LogAnswer, runs: RunReader): Answer {
  const { credit, vector, before, isBrief, turnEvents, until } = options
  const { isCut = false, isBegun = false } = options
  const packer = new Packer(group.name, pull.session, { credit, before, isBegun })
  const has = countsOf(vector)
  const served = new Map(has)
  let events = 0
  let isPaused = false
  const visit = (writer: number, { bytes, count, n0, work }: PackedRun): boolean => {
    const replica = group.state.replicaAt(writer)
    if (bytes.length <= PAYLOAD_BYTES && count <= FRAME_EVENTS_MAX) {
      const knows = (id: number): boolean => has.has(group.state.replicaAt(id))
      const told = isBrief ? briefRun(bytes, group.state, runs, knows) : bytes
      if (!packer.add(bytes, { count, work }, told)) return false
      served.set(replica, n0 + count - 1)
      events += work
      isPaused = events >= turnEvents
      return !isPaused
    }
    const partial = pull.partials.find(
      (held) => held.replica === replica && held.n0 === n0 && held.total === bytes.length,
    )
    return packer.addPieces({ replica, n0, bytes }, partial)
  }
  const hasMore = !visitUntil(group, { has, until }, runs, visit)
  if (isPaused) {
    const told = [...served].map(([replica, n]) => ({ replica, n }))
    const rest = { pull: { ...pull, vector: told }, work: 0, until: until ?? countsHeld(group) }
    return { ...packer.pause(), rest }
  }
  return packer.finish({
    type: 'end',
    group: group.name,
    session: pull.session,
    hasMore: hasMore || isCut,
    isPartial: group.state.unapplied > 0,
    digest: group.digest(),
    cursor: undefined,
  })
}

/** Visits the runs that somebody lacks, see visitMissing, but for those that came later than `until`. */
function visitUntil(
  group: Group,
  { has, until }: { readonly has: Counts; readonly until: Counts | undefined },
  runs: RunReader,
  visit: (writer: number, run: PackedRun) => boolean,
): boolean {
  if (until === undefined) return visitMissing(group, has, runs, visit)
  for (const [replica, last] of until) {
    const known = has.get(replica) ?? 0
    const writer = group.state.indexOf(replica)
    if (writer === undefined || known >= last) continue
    for (const run of packedRuns(group, writer, known, runs, last)) {
      if (!visit(writer, run)) return false
    }
  }
  return true
}

/** Events held here of each replica. */
function countsHeld({ state }: Group): Counts {
  const counts = new Map<ReplicaId, number>()
  for (let writer = 0; writer < state.replicaCount; writer++) {
    counts.set(state.replicaAt(writer), state.have(writer))
  }
  return counts
}

function countsOf(vector: readonly VectorEntry[]): ReadonlyMap<ReplicaId, number> {
  return new Map(vector.map(({ replica, n }) => [replica, n]))
}
