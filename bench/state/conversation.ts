import type { Millis } from '../../src/base/core.ts'
import type { HearsayDocument } from './hearsay-document.ts'

/** A talk has ended when nothing is said for this long: late acks count, the next round does not. */
const SILENCE_MS = 50

/** What was said until all were equal and silent. */
export interface Talk {
  /** All frames together. */
  readonly bytes: number
  /** How many. */
  readonly frames: number
  /** Flights of frames, one after another, until all were equal. */
  readonly flights: number
  /** Virtual time until all were equal. */
  readonly ms: Millis
}

/** Documents with links between them, over virtual time: all that is said at one time flies together. */
export class Conversation {
  readonly #documents: readonly HearsayDocument[]
  readonly #byPeer: ReadonlyMap<string, HearsayDocument>
  readonly #flightMs: Millis
  readonly #onFrame: (to: HearsayDocument, frame: Uint8Array) => void
  /** `FROM TO`. */
  readonly #links = new Set<string>()

  constructor(
    documents: readonly HearsayDocument[],
    options: {
      /** How long a frame is on its way. @default 0 */
      readonly flightMs?: Millis
      readonly onFrame?: (to: HearsayDocument, frame: Uint8Array) => void
    } = {},
  ) {
    this.#documents = documents
    this.#onFrame = options.onFrame ?? ((): void => {})
    this.#byPeer = new Map(documents.map((document) => [document.peer, document]))
    this.#flightMs = options.flightMs ?? 0
    for (const document of documents) document.rest()
    // What was written before has been told to whoever was there then.
    this.#setNow(this.#now + SILENCE_MS)
    for (const document of documents) document.input({ type: 'tick' })
    this.#said()
  }

  isLinked(a: HearsayDocument, b: HearsayDocument): boolean {
    return this.#links.has(`${a.peer} ${b.peer}`)
  }

  link(a: HearsayDocument, b: HearsayDocument): void {
    this.#setNow(this.#now)
    this.mend(a, b)
    a.input({ type: 'peer-up', peer: b.peer })
    b.input({ type: 'peer-up', peer: a.peer })
  }

  unlink(a: HearsayDocument, b: HearsayDocument): void {
    this.cut(a, b)
    a.input({ type: 'peer-down', peer: b.peer })
    b.input({ type: 'peer-down', peer: a.peer })
    a.settle()
    b.settle()
  }

  /** From now on frames between the two are lost, and neither is told. */
  cut(a: HearsayDocument, b: HearsayDocument): void {
    this.#links.delete(`${a.peer} ${b.peer}`)
    this.#links.delete(`${b.peer} ${a.peer}`)
  }

  /** Frames arrive again, and neither is told. */
  mend(a: HearsayDocument, b: HearsayDocument): void {
    this.#links.add(`${a.peer} ${b.peer}`)
    this.#links.add(`${b.peer} ${a.peer}`)
  }

  /** Lets them talk for some time. */
  pass(ms: Millis): void {
    const end = this.#now + ms
    while (this.#now < end) {
      const said = this.#said()
      if (said.length > 0) this.#fly(said)
      else this.#setNow(Math.min(end, Math.max(this.#now, this.#nextDeadline())))
      this.#tick()
    }
  }

  /**
   * Lets them talk until all are silent, and those of each side equal.
   * @param sides that do not hear of each other @default one side
   */
  settle(sides: readonly (readonly HearsayDocument[])[] = [this.#documents]): Talk {
    const start = this.#now
    this.#setNow(start)
    let bytes = 0
    let frames = 0
    let flights = 0
    let equal: { readonly flights: number; readonly ms: Millis } | undefined
    let silentUntil = start + SILENCE_MS
    for (;;) {
      const said = this.#said()
      if (equal === undefined && sides.every(areEqual)) equal = { flights, ms: this.#now - start }
      if (said.length > 0) {
        flights += 1
        frames += said.length
        for (const { frame } of said) bytes += frame.length
        this.#fly(said)
        silentUntil = this.#now + SILENCE_MS
      } else {
        const next = this.#nextDeadline()
        if (equal !== undefined && next > silentUntil) return { bytes, frames, ...equal }
        if (next === Infinity) throw new Error('all are silent and differ')
        this.#setNow(Math.max(this.#now, next))
      }
      this.#tick()
    }
  }

  /** The latest of all clocks: each has talked to others too. */
  get #now(): Millis {
    return Math.max(...this.#documents.map(({ now }) => now))
  }

  #setNow(now: Millis): void {
    for (const document of this.#documents) document.now = now
  }

  #nextDeadline(): Millis {
    return Math.min(...this.#documents.map((document) => document.nextDeadline() ?? Infinity))
  }

  #tick(): void {
    if (this.#nextDeadline() > this.#now) return
    for (const document of this.#documents) document.input({ type: 'tick' })
  }

  #fly(said: readonly Said[]): void {
    this.#setNow(this.#now + this.#flightMs)
    for (const { to, from, frame } of said) {
      this.#onFrame(to, frame)
      to.input({ type: 'frame', peer: from.peer, bytes: frame })
    }
  }

  #said(): readonly Said[] {
    const said: Said[] = []
    for (const from of this.#documents) {
      from.drain({
        onSend: (peer, frame) => {
          const to = this.#byPeer.get(peer)
          const isLinked = this.#links.has(`${from.peer} ${peer}`)
          if (to !== undefined && isLinked) said.push({ from, to, frame })
        },
      })
    }
    return said
  }
}

interface Said {
  readonly from: HearsayDocument
  readonly to: HearsayDocument
  readonly frame: Uint8Array
}

function areEqual(documents: readonly HearsayDocument[]): boolean {
  const first = documents[0]?.digest()
  return documents.every((document) => document.digest() === first)
}
