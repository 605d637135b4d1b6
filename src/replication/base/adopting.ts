import { DecodeError } from '../../base/codec.ts'
import type { ReplicaId } from '../../base/ids.ts'
import { decodeRunHead } from '../../crdt/run-head.ts'
import type { RunReader } from '../../crdt/run-reader.ts'
import type { Group } from '../group/group.ts'
import type { ReplicationTunables } from '../options.ts'
import { type BaseRequest, BLOCKS_MAX, type VectorEntry } from '../sync/frames.ts'
import { adoptHead, applyItem, checkItem, deadThere } from './adoption.ts'
import { Aside, type Found, type Steps } from './aside.ts'
import { type BaseCursor, type BaseItem, type BaseWriter, hasEntries, isMap } from './base.ts'
import { BaseCost } from './base-cost.ts'
import { BLOCK_DOTS, differingBlocks } from './block-sums.ts'
import { swap } from './swap.ts'

/** Events that a group may have seen for a base to be taken as if there were none. */
const REPLAYED_EVENTS_MAX = 4_096
/** Bytes of events that came after the base while it was on its way, and what each run costs beside them. */
const TAIL_BYTES_MAX = 64 << 20
const RUN_OVERHEAD_BYTES = 160

/** How a base is merged. */
export type MergeLimits = Pick<ReplicationTunables, 'mergeInPlaceMax' | 'mergeStepEntries'>

/**
 * A base on its way in. It is applied when it is complete and the events since its head are here, as one
 * step: readers never see half of it. A replica without a past of its own builds the new state aside as parts
 * arrive. Others merge in place what is little, and build the union of both aside for what is much, so that
 * whatever comes is a swap.
 */
export class Adopting {
  readonly head: readonly BaseWriter[]
  /** Our vector when it began: what the sender leaves out. */
  readonly vector: readonly VectorEntry[]
  /** Items in order, kept to be stored. */
  readonly items: BaseItem[] = []
  /** Events since the head, as runs. */
  readonly tail: Uint8Array[] = []
  /** The writer whose events here the base takes the place of, or those whose events differ. */
  readonly replaces: ReplicaId | 'differing' | undefined
  readonly #group: Group
  readonly #runs: RunReader
  #aside: Aside | undefined
  readonly #limits: MergeLimits
  /** What of {@link step} is left to do. */
  #steps: Steps | undefined
  #cursor: BaseCursor = { writer: 0, n: 1 }
  /** First dots of blocks that differ, by writer of the head. */
  readonly #differing = new Map<number, Set<number>>()
  #tailBytes = 0
  readonly #cost = new BaseCost()
  #entries = 0
  /** What maps say is dead and lives here, or did when they came. */
  readonly #found: Found[] = []

  constructor(options: {
    readonly group: Group
    readonly head: readonly BaseWriter[]
    readonly vector: readonly VectorEntry[]
    readonly runs: RunReader
    readonly limits: MergeLimits
    readonly replaces?: ReplicaId | 'differing' | undefined
  }) {
    const { group, head, vector, runs, limits, replaces } = options
    this.#limits = limits
    this.replaces = replaces
    this.#group = group
    this.head = head
    this.vector = vector
    this.#runs = runs
    const isAside = mayBuildAside(group) && !this.hasKnown && replaces === undefined
    if (isAside) this.#aside = this.#newAside()
    this.#settle()
  }

  /** Whether the head speaks of writers that we had events of. */
  get hasKnown(): boolean {
    const known = new Map(this.vector.map(({ replica, n }) => [replica, n]))
    return this.head.some(({ replica }) => (known.get(replica) ?? 0) > 0)
  }

  get isComplete(): boolean {
    return this.#isWalked && this.#differing.size === 0
  }

  get #isWalked(): boolean {
    return this.#cursor.writer >= this.head.length
  }

  get cursor(): BaseCursor {
    return this.#cursor
  }

  /** How to ask for the rest of it, and for the events after its head. */
  request(): BaseRequest {
    const covered = this.covered()
    // Writers that came after the head have come whole.
    const end = { writer: covered.length, n: 1 }
    if (!this.#isWalked) return { covered, cursor: this.#cursor, blocks: [] }
    const blocks = [...this.#differing].flatMap(([writer, starts]) =>
      [...starts].map((n) => ({ writer, n })),
    )
    return { covered, cursor: end, blocks: blocks.slice(0, BLOCKS_MAX) }
  }

  /** Takes the next item; false when it is not the next one. @throws {DecodeError} */
  add(item: BaseItem): boolean {
    if (this.#isWalked) return this.#addBlock(item)
    if (item.writer !== this.#cursor.writer || item.from !== this.#cursor.n) return false
    // A view into a frame would keep the whole frame in memory.
    const own = { ...item, bytes: item.bytes.slice() }
    checkItem(own, this.head, this.#runs)
    const known = this.#known(item)
    if (!hasEntries(item) ? item.to > known : item.from <= known)
      throw new DecodeError('item of another kind')
    this.#cost.add(own, this.#runs.events)
    if (item.mode === 'sums') this.#compare(item)
    else this.#keep(own)
    if (hasEntries(own) && own.bytes.length > 0) this.#entries += this.#runs.events
    this.#aside?.addItem(own, this.head)
    this.#cursor = { writer: item.writer, n: item.to + 1 }
    this.#settle()
    return true
  }

  /** What is added from here on came together. */
  beginPart(): void {
    this.#cost.beginPart()
  }

  #compare(item: BaseItem): void {
    const { state } = this.#group
    const replica = this.head[item.writer]?.replica
    const id = replica === undefined ? undefined : state.indexOf(replica)
    if (id === undefined) throw new DecodeError('sums of a writer unknown here')
    const starts = this.#differing.get(item.writer) ?? new Set()
    for (const { from, to, map } of differingBlocks(state, id, item)) {
      if (map === undefined) starts.add(from)
      else this.#keep({ writer: item.writer, from, to, ...map })
    }
    if (starts.size > 0) this.#differing.set(item.writer, starts)
  }

  /**
   * Keeps an item, and looks at once for what it kills, so that little is left for the last step. What is
   * found may die by then, but nothing else may come to live: all dots of maps are dots that we have had.
   */
  #keep(item: BaseItem): void {
    this.items.push(item)
    const { state } = this.#group
    const replica = this.head[item.writer]?.replica
    const id = replica === undefined ? undefined : state.indexOf(replica)
    if (id === undefined) return
    const dots = deadThere(state, id, item)
    if (dots.length > 0) this.#found.push({ writer: id, dots })
  }

  /** The map of a block that was asked for. */
  #addBlock(item: BaseItem): boolean {
    const starts = this.#differing.get(item.writer)
    if (starts?.has(item.from) !== true) return false
    checkItem(item, this.head, this.#runs)
    const to = Math.min(item.from + BLOCK_DOTS - 1, this.#known(item))
    if (!isMap(item) || item.to !== Math.min(to, this.head[item.writer]?.have ?? 0)) {
      throw new DecodeError('map of another block')
    }
    this.#cost.add(item, 0)
    this.#keep({ ...item, bytes: item.bytes.slice() })
    starts.delete(item.from)
    if (starts.size === 0) this.#differing.delete(item.writer)
    return true
  }

  /** What is covered by the head and the events that came after it. */
  covered(): readonly VectorEntry[] {
    const covered = new Map(this.head.map(({ replica, have }) => [replica, have]))
    for (const bytes of this.tail) {
      const run = decodeRunHead(bytes)
      if (!run.ok) continue
      const { replica, n0, count } = run.value
      if (n0 <= (covered.get(replica) ?? 0) + 1) {
        covered.set(replica, Math.max(covered.get(replica) ?? 0, n0 + count - 1))
      }
    }
    return [...covered].map(([replica, n]) => ({ replica, n }))
  }

  /** Takes a run that follows the head; false when there is no room. */
  addTail(bytes: Uint8Array): boolean {
    this.#tailBytes += bytes.length + RUN_OVERHEAD_BYTES
    if (this.#tailBytes > TAIL_BYTES_MAX) return false
    this.tail.push(bytes.slice())
    return true
  }

  /**
   * Does a part of what {@link apply} would otherwise do at once, with the base complete.
   * @returns whether more is left
   */
  step(): boolean {
    this.#steps ??= this.#build()
    return this.#steps.next().done !== true
  }

  /** Makes the group's state the union of its own and the base. */
  apply(): void {
    while (this.step());
    const group = this.#group
    const aside = this.#aside
    if (aside?.finish() === true) {
      swap(group, aside.state, this.head, aside.changed)
    } else {
      group.close()
      group.changes.origin = 'remote'
      for (const { writer, dots } of this.#found) {
        for (const n of dots) if (n <= group.state.have(writer)) group.state.kill(writer, n)
      }
      applyBase(group, this.head, this.items.filter(hasEntries), this.#runs)
    }
  }

  *#build(): Steps {
    const isBegun = this.#aside !== undefined
    const aside = this.#aside ?? (this.#isLarge ? this.#newAside() : undefined)
    if (aside === undefined) return
    if (!isBegun) {
      yield* aside.copy()
      yield* aside.kill(this.#found)
      yield* aside.add(this.items.filter(hasEntries), this.head)
    }
    aside.adopt(this.head)
    // What the log has forgotten meanwhile, only the state in place knows.
    this.#aside = (yield* aside.follow()) ? aside : undefined
  }

  /** Whether a merge in place would hold everybody up. */
  get #isLarge(): boolean {
    if (this.replaces !== undefined) return false
    let changes = this.#entries
    for (const { dots } of this.#found) changes += dots.length
    return changes > this.#limits.mergeInPlaceMax
  }

  #newAside(): Aside {
    const { state } = this.#group
    for (const { replica } of this.head) state.intern(replica)
    return new Aside(this.#group, this.#limits.mergeStepEntries)
  }

  #known(item: BaseItem): number {
    const replica = this.head[item.writer]?.replica
    return this.vector.find((entry) => entry.replica === replica)?.n ?? 0
  }

  #settle(): void {
    let { writer, n } = this.#cursor
    while (writer < this.head.length && n > (this.head[writer]?.have ?? 0)) {
      writer += 1
      n = 1
    }
    this.#cursor = { writer, n }
  }
}

/** Merges a whole base into a group's state, and notes that the log does not hold what was adopted. */
export function applyBase(
  group: Group,
  head: readonly BaseWriter[],
  items: readonly BaseItem[],
  runs: RunReader,
): void {
  const { state, log } = group
  for (const item of items) applyItem(state, item, head, runs)
  for (const { replica, have, chain } of head) {
    const writer = state.intern(replica)
    if (have > state.have(writer)) log.truncate(writer, have, chain)
  }
  adoptHead(state, head)
  state.sweep()
}

/** Whether all that a group has seen is a few events, all in its log. */
export function mayBuildAside(group: Group): boolean {
  if (group.state.events > REPLAYED_EVENTS_MAX) return false
  for (let i = 0; i < group.state.replicaCount; i++) {
    if (group.log.truncatedAt(i) > 0) return false
  }
  return true
}
