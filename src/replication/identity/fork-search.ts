import type { RunReader } from '../../crdt/run-reader.ts'
import type { Group } from '../group/group.ts'
import { isAlike, type Point, pointAt } from '../group/history.ts'
import { type DotChain, TRACE_DOTS_MAX } from '../sync/frames.ts'

/** The first event known to differ, here and there. */
export interface Parting {
  readonly n: number
  readonly ours: Point
  readonly theirs: Point
}

/** What a peer tells of a writer. */
export interface Answer {
  /** The last event of the question. */
  readonly asked: number
  /** Events that the peer has. */
  readonly have: number
  readonly chains: readonly DotChain[]
}

/**
 * Looks for the first event of a writer that a peer knows by another history than ours, by asking for chains:
 * both histories are alike before it and nowhere after it.
 */
export class ForkSearch {
  readonly #group: Group
  readonly #writer: number
  /** Alike there. */
  low = 0
  /** No event after it is known to be alike. */
  #high: number
  parting: Parting | undefined
  /** Events of the writer that the peer has. */
  theirs = 0
  /** Before it one of both cannot tell. */
  #floor = 0
  /** The last event asked for. */
  #asked: number

  constructor(group: Group, writer: number) {
    this.#group = group
    this.#writer = writer
    this.#high = group.state.have(writer)
    this.#asked = this.#high
  }

  /** The last event that may be alike. */
  get top(): number {
    return Math.min(this.#high, this.theirs)
  }

  /** Whether all is known that logs can tell. */
  get isOver(): boolean {
    return Math.max(this.low, this.#floor) >= this.top
  }

  /** Whether the last event that is alike is known. */
  get isExact(): boolean {
    return this.low >= this.top
  }

  /** Events to ask for, ascending; the same until an answer comes. */
  dots(): readonly number[] {
    const above = Math.max(this.low, this.#floor)
    const dots: number[] = []
    for (let i = 1; i <= TRACE_DOTS_MAX; i++) {
      const n = above + Math.ceil(((this.#asked - above) * i) / TRACE_DOTS_MAX)
      if (n > (dots.at(-1) ?? above)) dots.push(n)
    }
    return dots
  }

  /** Takes in an answer; false when it belongs to an earlier question. */
  learn({ asked, have, chains }: Answer, runs: RunReader): boolean {
    if (asked !== this.#asked) return false
    const told = new Map(chains.map((item) => [item.n, item]))
    this.theirs = have
    // The peer has ended its history before that.
    if (this.parting !== undefined && this.parting.n > have) this.parting = undefined
    for (const n of this.dots()) {
      if (n > have) break
      const theirs = told.get(n)
      const ours = theirs === undefined ? undefined : pointAt(this.#group, this.#writer, n, runs)
      if (ours === undefined || theirs === undefined) {
        this.#floor = n
      } else if (isAlike(ours.chain, theirs.chain)) {
        this.low = n
      } else {
        this.#high = n - 1
        this.parting = { n, ours, theirs }
        break
      }
    }
    this.#asked = this.top
    return true
  }
}

/**
 * Which of two histories of one writer keeps its id. Everybody decides alike, whoever asks: the one whose
 * first transaction of its own is older, as what a rolled-back store overlooks is older than what it writes
 * instead. Where logs do not tell that, the longer one.
 */
export function keepsId(search: ForkSearch, have: number): boolean {
  const { parting } = search
  if (parting === undefined) return have >= search.theirs
  const { ours, theirs } = parting
  if (search.isExact && ours.stamp > 0 && theirs.stamp > 0) {
    if (ours.stamp !== theirs.stamp) return ours.stamp < theirs.stamp
  } else if (have !== search.theirs) return have > search.theirs
  if (ours.chain.high !== theirs.chain.high) return ours.chain.high < theirs.chain.high
  return ours.chain.low < theirs.chain.low
}
