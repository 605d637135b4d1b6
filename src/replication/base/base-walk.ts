import { present } from '../../base/assert.ts'
import { EventDraft } from '../../crdt/event-draft.ts'
import { hasStamp } from '../../crdt/kinds.ts'
import type { LiveState } from '../../crdt/live-state.ts'
import { RunWriter } from '../../crdt/run-writer.ts'
import { type BaseCursor, type BaseItem, type BaseWriter, thinnedBytes } from './base.ts'
import { BLOCK_DOTS, blockSums } from './block-sums.ts'
import {
  DotBits,
  fewStretches,
  type LivingMap,
  livingMap,
  MAP_DOTS_MAX,
  runsOfStretches,
} from './living-map.ts'

/** Entries gathered into one item: bounds the work of one step. */
const ITEM_ENTRIES_MAX = 4_096
const ITEM_BYTES_MAX = 32 << 10
/** An item whose dots span more than one map's ends from so many entries on. */
const SPARSE_ENTRIES_MIN = 256
/** Stretches of living dots that are told as they are, over any number of dots. */
const STRETCHES_MAX = 16
/** Dots of one writer for which it is decided at once how to tell of them. */
const PLAN_DOTS_MAX: number = 1 << 20
/** Bits come 32 in a word. */
const WORD_DOTS = 32
/** Blocks of one item of sums: what differs in them is found at once. */
const ITEM_BLOCKS_MAX = 64

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
  /** Maps of the next dots. */
  readonly #planned: BaseItem[] = []
  /** Dots of the writer up to here are told by sums. */
  #sumsTo = 0
  #writer: number
  #n: number

  /**
   * @param known by writer of the head: dots up to here need no content @param from where to begin
   * @param mapBytesMax of 2^20 dots of one writer, before sums take over
   */
  constructor(
    state: LiveState,
    head: readonly BaseWriter[],
    known: readonly number[],
    from: BaseCursor = { writer: 0, n: 1 },
    mapBytesMax: number = Infinity,
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
        ? this.#told(id, index, from, known)
        : this.#entries(id, index, from, writer.have)
    this.#n = item.to + 1
    this.#settle()
    return item
  }

  /** The map of one block. */
  block({ writer, n }: BaseCursor): BaseItem | undefined {
    const { replica, have } = this.#head[writer] ?? { replica: undefined, have: 0 }
    const known = Math.min(have, this.#known[writer] ?? 0)
    if (replica === undefined || n === 0 || n > known) return undefined
    const to = Math.min(known, n + BLOCK_DOTS - 1)
    return mapItem(this.#state.liveBits(this.#state.intern(replica), n, to), {
      writer,
      from: n,
      to,
    })
  }

  /** What to tell of dots that the reader has had: maps, or fingerprints of blocks where maps would be long. */
  #told(id: number, writer: number, from: number, known: number): BaseItem {
    const planned = this.#planned.shift()
    if (planned !== undefined) return planned
    if (from <= this.#sumsTo) return this.#sums(id, writer, from, this.#sumsTo)
    const to = Math.min(known, from + PLAN_DOTS_MAX - 1)
    const isAligned = (from - 1) % BLOCK_DOTS === 0
    const bits = this.#state.liveBits(id, from, to)
    let bytes = 0
    for (let at = from; at <= to; at = (this.#planned.at(-1)?.to ?? to) + 1) {
      const item = mapItem(bits.subarray((at - from) / WORD_DOTS), { writer, from: at, to })
      this.#planned.push(item)
      bytes += item.bytes.length
      if (!isAligned || bytes <= this.#mapBytesMax) continue
      this.#planned.length = 0
      this.#sumsTo = to
      return this.#sums(id, writer, from, to)
    }
    return present(this.#planned.shift(), 'map of the next dots')
  }

  #sums(id: number, writer: number, from: number, known: number): BaseItem {
    const to = Math.min(known, from + ITEM_BLOCKS_MAX * BLOCK_DOTS - 1)
    return { writer, from, to, mode: 'sums', bytes: blockSums(this.#state, id, from, to) }
  }

  #settle(): void {
    while (this.#writer < this.#head.length && this.#n > (this.#head[this.#writer]?.have ?? 0)) {
      this.#writer += 1
      this.#n = 1
      this.#sumsTo = 0
    }
  }

  #entries(id: number, writer: number, from: number, have: number): BaseItem {
    const out = this.#out
    const draft = this.#draft
    const dots: number[] = []
    let isCut = false
    this.#state.walk(id, from, have, (slot, n) => {
      this.#state.draftOf(slot, draft)
      const stamped = hasStamp(draft.kind)
      if (dots.length === 0) out.begin(id, from, stamped ? Math.max(0, draft.stamp - 1) : 0, true)
      const isFull =
        dots.length >= ITEM_ENTRIES_MAX ||
        out.length >= ITEM_BYTES_MAX ||
        (n - from >= MAP_DOTS_MAX && dots.length >= SPARSE_ENTRIES_MIN)
      if (isFull || (stamped && !out.fits(draft.stamp))) {
        isCut = true
        return false
      }
      out.add(draft, stamped)
      dots.push(n)
      return true
    })
    const last = dots.at(-1)
    if (last === undefined) {
      return { writer, from, to: have, mode: 'entries', bytes: new Uint8Array(0) }
    }
    const to = isCut ? last : have
    const run = out.finish(undefined)
    if (dots.length === to - from + 1) return { writer, from, to, mode: 'entries', bytes: run }
    return { writer, from, to, mode: 'thinned', bytes: thinnedBytes(mapOf(dots, from, to), run) }
  }
}

/**
 * Which dots of a range live: all of them at once where few stretches do, else as many as one map is for.
 * @param words a bit a dot, least first, those beyond the last 0
 */
function mapItem(
  words: Int32Array,
  { writer, from, to }: { readonly writer: number; readonly from: number; readonly to: number },
): BaseItem {
  const stretches = fewStretches(new DotBits(to - from + 1, words), from, STRETCHES_MAX)
  if (stretches !== undefined) {
    return { writer, from, to, mode: 'runs', bytes: runsOfStretches(stretches, from) }
  }
  const end = Math.min(to, from + MAP_DOTS_MAX - 1)
  const bits = new DotBits(end - from + 1, words.subarray(0, MAP_DOTS_MAX / WORD_DOTS))
  return { writer, from, to: end, ...livingMap(bits) }
}

/** The shortest map of a few dots. */
function mapOf(dots: readonly number[], from: number, to: number): LivingMap {
  if (to - from >= MAP_DOTS_MAX) {
    const stretches: number[] = []
    for (const n of dots) {
      if (n === (stretches.at(-1) ?? 0) + 1) stretches[stretches.length - 1] = n
      else stretches.push(n, n)
    }
    return { mode: 'runs', bytes: runsOfStretches(stretches, from) }
  }
  const bits = new DotBits(to - from + 1)
  for (const n of dots) bits.set(n - from)
  return livingMap(bits)
}
