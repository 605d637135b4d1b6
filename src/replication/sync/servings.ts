import type { Millis } from '../../base/core.ts'
import type { Group } from '../group/group.ts'
import type { Host } from '../host.ts'
import type { SyncFrame } from './frames.ts'
import type { Rest } from './packer.ts'
import type { Peer } from './peer.ts'
import { serve } from './serve.ts'

type Pull = Extract<SyncFrame, { type: 'pull' }>

/** Answers under way; beyond it they are given at once. */
const SERVINGS_MAX = 1_024
/** What an answer costs whatever it brings, as bytes served; a dot looked at counts as a byte. */
const PULL_COST_BYTES = 4_096

interface Serving {
  readonly peer: Peer
  readonly group: Group
  readonly isBrief: boolean
  /** Bytes left. */
  readonly credit: number
  readonly rest: Rest
}

/**
 * Answers pulls, long ones a part a turn. A new question takes the place of what is left of the answer to an
 * earlier one about the same group: it says what has come.
 */
export class Servings {
  readonly #host: Host
  readonly #waiting = new Map<string, Serving>()
  #dueAt: Millis = 0

  constructor(host: Host) {
    this.#host = host
  }

  nextDeadline(): Millis | undefined {
    return this.#waiting.size > 0 ? this.#dueAt : undefined
  }

  /** Begins an answer. */
  begin(peer: Peer, group: Group, pull: Pull, isBrief: boolean, now: Millis): void {
    this.#waiting.delete(keyOf(peer, group))
    peer.spend(pull.vector.length + PULL_COST_BYTES)
    const credit = Math.min(pull.credit, this.#host.tunables.windowBytes)
    this.#serve({ peer, group, isBrief, credit, pull, rest: undefined }, now)
  }

  /** Goes on with the one that has waited longest. */
  tick(now: Millis): void {
    const [next] = this.#waiting
    if (next === undefined || this.#dueAt > now) return
    const [key, serving] = next
    this.#waiting.delete(key)
    this.#serve({ ...serving, pull: serving.rest.pull }, now)
  }

  peerDown(peer: Peer): void {
    for (const [key, serving] of this.#waiting) {
      if (serving.peer === peer) this.#waiting.delete(key)
    }
  }

  #serve(
    serving: Omit<Serving, 'rest'> & { readonly pull: Pull; readonly rest: Rest | undefined },
    now: Millis,
  ): void {
    const { peer, group, isBrief, credit, pull, rest } = serving
    const { tunables, runs } = this.#host
    const self = this.#host.writerOf(group)
    const withheld = group.isDisputed ? { replica: self, n: group.state.haveOf(self) } : undefined
    const mayWait = this.#waiting.size < SERVINGS_MAX
    const turnEvents = mayWait ? tunables.serveTurnEvents : Infinity
    const answer = serve(group, pull, { credit, withheld, isBrief, turnEvents, rest }, runs)
    peer.spend(answer.bytes + answer.dots)
    if (answer.rest !== undefined) {
      const left = { peer, group, isBrief, credit: credit - answer.bytes, rest: answer.rest }
      this.#waiting.set(keyOf(peer, group), left)
      this.#dueAt = now
    }
    for (const bytes of answer.frames) this.#host.sendBytes(peer, 'bulk', bytes)
  }
}

function keyOf(peer: Peer, group: Group): string {
  return `${peer.id} ${group.name}`
}
