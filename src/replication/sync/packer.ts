import type { BriefRun } from '../group/brief-runs.ts'
import type { Counts } from '../group/missing.ts'
import type { PackedRun } from '../group/repack.ts'
import { encodeFrame } from './frame-codec.ts'
import {
  FRAME_EVENTS_MAX,
  PAYLOAD_BYTES,
  type Partial,
  PIECE_BYTES,
  pieceCount,
  type SyncFrame,
} from './frames.ts'

/** Frames that answer a pull, its end included. */
export interface Answer {
  readonly frames: readonly Uint8Array[]
  /** Payload: bytes of runs and pieces. */
  readonly bytes: number
  /** Dots that were looked at for maps and sums: a few bytes tell of very many. */
  readonly dots: number
  /** What to ask for the rest, where the work of one turn was not enough: the end is with that. */
  readonly rest?: Rest
}

/** An answer that was begun. */
export interface Rest {
  readonly pull: Pull
  /** Of the budget of a base. */
  readonly work: number
  /** Events of the log that were there when it began: later ones may have come from the puller itself. */
  readonly until: Counts | undefined
}

type Pull = Extract<SyncFrame, { type: 'pull' }>

/** Events and kills of runs in one frame, unless one run alone has more. */
const FRAME_WORK_MAX = 2 * FRAME_EVENTS_MAX

interface PackerOptions {
  /** Payload bytes at most. */
  readonly credit: number
  /** Frames that go first. */
  readonly before: readonly Uint8Array[]
  /** Set where this goes on with an answer, whose first item has gone. */
  readonly isBegun: boolean
}

/** Packs runs and pieces into frames, no more of them than a puller has room for. */
export class Packer {
  readonly #group: string
  readonly #session: number
  readonly #credit: number
  readonly #frames: Uint8Array[]
  /** Whether an item has gone. */
  #isBegun: boolean
  #runs: (Uint8Array | BriefRun)[] = []
  #pendingBytes = 0
  #pendingEvents = 0
  #pendingWork = 0
  #bytes = 0

  constructor(group: string, session: number, { credit, before, isBegun }: PackerOptions) {
    this.#frames = [...before]
    this.#isBegun = isBegun
    this.#group = group
    this.#session = session
    this.#credit = credit
  }

  /** False when the credit is used up. */
  add(
    bytes: Uint8Array,
    { count, work }: Pick<PackedRun, 'count' | 'work'>,
    told: Uint8Array | BriefRun,
  ): boolean {
    if (!this.#take(bytes.length)) return false
    const isFull =
      this.#pendingBytes + bytes.length > PAYLOAD_BYTES ||
      this.#pendingEvents + count > FRAME_EVENTS_MAX ||
      this.#pendingWork + work > FRAME_WORK_MAX
    if (isFull) this.#flush()
    this.#runs.push(told)
    this.#pendingBytes += bytes.length
    this.#pendingEvents += count
    this.#pendingWork += work
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

  /** What has gathered, without an end. */
  pause(): Answer {
    this.#flush()
    return { frames: this.#frames, bytes: this.#bytes, dots: 0 }
  }

  finish(end: Extract<SyncFrame, { type: 'end' }>): Answer {
    this.#flush()
    this.#frames.push(encodeFrame(end))
    return { frames: this.#frames, bytes: this.#bytes, dots: 0 }
  }

  /** The first item of an answer always goes, or a small credit would never get anywhere. */
  #take(length: number): boolean {
    if (this.#isBegun && this.#bytes + length > this.#credit) return false
    this.#isBegun = true
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
    this.#pendingWork = 0
  }
}
