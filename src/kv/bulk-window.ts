import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import { Alarm, type Timers } from './timers.ts'

/** What may be under way to one peer: two frames of the largest, below what a link keeps for a peer. */
const PEER_BYTES_MAX = 589_824

/** A large frame on its way to a peer. */
export interface Passage {
  readonly peer: PeerId
  readonly bytes: number
  /** Its turn has come. */
  readonly start: (now: Millis) => void
}

interface Peer {
  bytes: number
  readonly started: Set<Passage>
  /** In the order in which they came. */
  readonly waiting: Set<Passage>
}

/**
 * Lets large frames out to each peer one after the other: beyond what a link keeps for a peer frames are
 * dropped, and sent again only after seconds. Whoever writes faster than a peer reads waits here.
 */
export class BulkWindow {
  readonly #timers: Timers
  readonly #peers = new Map<PeerId, Peer>()
  /** Room was made at a moment that nobody told. */
  readonly #alarm: Alarm = new Alarm((now) => {
    for (const peer of [...this.#peers.values()]) this.#startNext(peer, now)
  })

  constructor(timers: Timers) {
    this.#timers = timers
  }

  enter(passage: Passage, now: Millis): void {
    const known = this.#peers.get(passage.peer)
    const peer = known ?? { bytes: 0, started: new Set(), waiting: new Set() }
    if (known === undefined) this.#peers.set(passage.peer, peer)
    peer.waiting.add(passage)
    this.#startNext(peer, now)
  }

  /** Its answer came, or nobody waits for one. @param now undefined: the next may wait for a tick */
  leave(passage: Passage, now: Millis | undefined): void {
    const peer = this.#peers.get(passage.peer)
    if (peer === undefined) return
    peer.waiting.delete(passage)
    if (peer.started.delete(passage)) peer.bytes -= passage.bytes
    if (peer.started.size + peer.waiting.size === 0) this.#peers.delete(passage.peer)
    else if (now === undefined) this.#timers.set(this.#alarm, 0)
    else this.#startNext(peer, now)
  }

  #startNext(peer: Peer, now: Millis): void {
    for (const passage of peer.waiting) {
      if (peer.bytes > 0 && peer.bytes + passage.bytes > PEER_BYTES_MAX) return
      peer.waiting.delete(passage)
      peer.started.add(passage)
      peer.bytes += passage.bytes
      passage.start(now)
    }
  }
}
