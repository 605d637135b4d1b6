import { Writer } from '../base/codec.ts'
import { EventDraft } from '../crdt/event-draft.ts'
import { hasStamp } from '../crdt/kinds.ts'
import type { LiveState } from '../crdt/live-state.ts'
import { RunWriter } from '../crdt/run-writer.ts'
import type { BaseCursor, BaseItem, BaseWriter } from './base.ts'
import { BLOCK_DOTS, blockSums, SUM_BYTES } from './block-sums.ts'

/** Entries gathered into one item: bounds the work of one step. */
const ITEM_ENTRIES_MAX = 4_096
const ITEM_BYTES_MAX = 32 << 10
/** Bytes of lengths after which another item begins, or bits take over. */
const MAP_BYTES_MAX = 4_096
/** A longer map of one writer's dots is not told before its blocks were compared. */
const WHOLE_MAP_BYTES_MAX = 16 << 10
/** Blocks of one item of sums. */
const ITEM_BLOCKS_MAX = MAP_BYTES_MAX / SUM_BYTES

/** The head of a state's base as it is now. */
export function headOf(state: LiveState): readonly BaseWriter[] {
  const head: BaseWriter[] = []
  for (let i = 0; i < state.replicaCount; i++) {
    const pendingKills = [...state.pendingKillsOf(i)].sort((a, b) => a - b)
    const have = state.have(i)
    if (have === 0 && pendingKills.length === 0) continue
    head.push({ replica: state.replicaAt(i), have, chain: state.chainOf(i), pendingKills })
  }
  return head
}

/**
 * Walks through a state's base, one item a step. The state may change between two steps: what is told of a
 * dot is then newer than the head, which is made good by the events after the head.
 */
export class BaseWalk {
  readonly #state: LiveState
  readonly #head: readonly BaseWriter[]
  readonly #known: readonly number[]
  readonly #out: RunWriter
  readonly #draft = new EventDraft()
  readonly #mapBytesMax: number
  #writer: number
  #n: number

  /**
   * @param known by writer of the head: dots up to here need no content @param from where to begin
   * @param mapBytesMax of one writer, before sums take over
   */
  constructor(
    state: LiveState,
    head: readonly BaseWriter[],
    known: readonly number[],
    from: BaseCursor = { writer: 0, n: 1 },
    mapBytesMax: number = WHOLE_MAP_BYTES_MAX,
  ) {
    this.#mapBytesMax = mapBytesMax
    this.#state = state
    this.#head = head
    this.#known = known
    this.#out = new RunWriter(state)
    this.#writer = from.writer
    this.#n = from.n
    this.#settle()
  }

  /** The next dot; past the last writer when all is told. */
  get cursor(): BaseCursor {
    return { writer: this.#writer, n: this.#n }
  }

  get isDone(): boolean {
    return this.#writer >= this.#head.length
  }

  /** The next item. */
  next(): BaseItem | undefined {
    const writer = this.#head[this.#writer]
    if (writer === undefined) return undefined
    const index = this.#writer
    const from = this.#n
    const known = Math.min(writer.have, this.#known[index] ?? 0)
    const id = this.#state.intern(writer.replica)
    const item =
      from <= known
        ? (this.#sums(id, index, from, known) ?? this.#map(id, index, from, known))
        : this.#entries(id, index, from, writer.have)
    this.#n = item.to + 1
    this.#settle()
    return item
  }

  /** The map of one block. */
  block({ writer, n }: BaseCursor): BaseItem | undefined {
    const { replica, have } = this.#head[writer] ?? { replica: undefined, have: 0 }
    const known = Math.min(have, this.#known[writer] ?? 0)
    if (replica === undefined || n > known) return undefined
    return this.#map(this.#state.intern(replica), writer, n, Math.min(known, n + BLOCK_DOTS - 1))
  }

  /** Fingerprints of blocks, unless a map is short. */
  #sums(id: number, writer: number, from: number, known: number): BaseItem | undefined {
    const isAligned = (from - 1) % BLOCK_DOTS === 0
    if (!isAligned || (known - from + 1) / 8 <= this.#mapBytesMax) return undefined
    // Each living stretch takes two lengths.
    let stretches = 0
    let past = 0
    this.#state.walk(id, from, known, (_slot, n) => {
      if (n !== past) stretches += 1
      past = n + 1
      return stretches * 2 <= this.#mapBytesMax
    })
    if (stretches * 2 <= this.#mapBytesMax) return undefined
    const to = Math.min(known, from + ITEM_BLOCKS_MAX * BLOCK_DOTS - 1)
    return { writer, from, to, mode: 'sums', bytes: blockSums(this.#state, id, from, to) }
  }

  #settle(): void {
    while (this.#writer < this.#head.length && this.#n > (this.#head[this.#writer]?.have ?? 0)) {
      this.#writer += 1
      this.#n = 1
    }
  }

  #entries(id: number, writer: number, from: number, have: number): BaseItem {
    const out = this.#out
    const draft = this.#draft
    let entries = 0
    let past = from
    let isCut = false
    this.#state.walk(id, from, have, (slot, n) => {
      this.#state.draftOf(slot, draft)
      const stamped = hasStamp(draft.kind)
      if (entries === 0) out.begin(id, from, stamped ? Math.max(0, draft.stamp - 1) : 0, true)
      const isFull = entries >= ITEM_ENTRIES_MAX || out.length >= ITEM_BYTES_MAX
      if (isFull || (stamped && !out.fits(draft.stamp))) {
        isCut = true
        return false
      }
      out.skip(n - past)
      out.add(draft, stamped)
      past = n + 1
      entries += 1
      return true
    })
    const to = isCut ? past - 1 : have
    if (entries === 0) return { writer, from, to: have, mode: 'entries', bytes: new Uint8Array(0) }
    out.skip(to + 1 - past)
    return { writer, from, to, mode: 'entries', bytes: out.finish(undefined) }
  }

  /** Lengths of living and dead stretches, or bits where the dots are too mixed. */
  #map(id: number, writer: number, from: number, known: number): BaseItem {
    const lengths = new Writer(64)
    // The stretch of living dots being gathered, and the dot after it.
    let start = from
    let past = from
    let isCut = false
    this.#state.walk(id, from, known, (_slot, n) => {
      if (n === past) {
        past += 1
        return true
      }
      if (lengths.length >= MAP_BYTES_MAX) {
        isCut = true
        return false
      }
      lengths.varint(past - start).varint(n - past)
      start = n
      past = n + 1
      return true
    })
    const to = isCut ? past - 1 : known
    if (past > start) lengths.varint(past - start)
    const dots = to - from + 1
    if (lengths.length <= Math.ceil(dots / 8)) {
      return { writer, from, to, mode: 'runs', bytes: lengths.finish() }
    }
    const bits = new Uint8Array(Math.ceil(dots / 8))
    this.#state.walk(id, from, to, (_slot, n) => {
      const i = n - from
      bits[i >>> 3] = (bits[i >>> 3] ?? 0) | (1 << (i & 7))
      return true
    })
    return { writer, from, to, mode: 'bits', bytes: bits }
  }
}
