import { compareBytes } from '../../base/bytes.ts'
import { DecodeError } from '../../base/codec.ts'
import type { Millis } from '../../base/core.ts'
import type { ReplicaId } from '../../base/ids.ts'
import { Adopting, mayBuildAside } from '../base/adopting.ts'
import type { Group } from '../group/group.ts'
import type { Host } from '../host.ts'
import { mayTake } from './base-head.ts'
import { isEqualTo } from './dissemination.ts'
import type { Fragments } from './fragments.ts'
import type { SyncFrame } from './frames.ts'
import type { Peer } from './peer.ts'
import { baseRequest, type Digests, newPull, type Pull } from './pull.ts'

type Frame<Type extends SyncFrame['type']> = Extract<SyncFrame, { type: Type }>

const PULL_TIMEOUT_GROWTH_MAX = 4
const PULL_RETRIES_MAX = 5
/** Others are pulled from when a peer asked on a guess is silent for so long: a slow answer comes twice then. */
const GUESS_MS = 250
/** A base that is given up begins anew: it may take so many turns. */
const BASE_TURNS = 12
/** Bases that one answer may begin; a second one where a question was asked twice. */
const HEADS_MAX = 8
const REPAIR_PAUSE_MS = 10_000
const NOBODY: ReadonlySet<number> = new Set()

/** Gets from peers what is missing here: events while their logs hold them, else a base. */
export class Pulls {
  readonly #host: Host
  readonly #fragments: Fragments
  readonly #digests: Digests
  readonly #pulls = new Map<string, Pull>()
  /** Peers to pull from when a pull of the group ends. */
  readonly #wanted = new Map<string, Set<Peer>>()
  #nextId = 1

  constructor(host: Host, fragments: Fragments, digests: Digests) {
    this.#host = host
    this.#fragments = fragments
    this.#digests = digests
  }

  nextDeadline(): Millis | undefined {
    let next: Millis | undefined
    for (const { deadlineAt } of this.#pulls.values()) {
      if (next === undefined || deadlineAt < next) next = deadlineAt
    }
    return next
  }

  peerDown(peer: Peer, now: Millis): void {
    for (const waiting of this.#wanted.values()) waiting.delete(peer)
    for (const pull of [...this.#pulls.values()]) {
      if (pull.peer === peer) this.#finish(pull, now)
    }
  }

  tick(now: Millis): void {
    for (const pull of [...this.#pulls.values()]) {
      if (pull.deadlineAt > now) continue
      const { peer } = pull
      if (pull.merging !== undefined) {
        this.#merge(pull, pull.merging, now)
        // One step a turn, however many groups there are.
        return
      }
      if (pull.isGuess) {
        // The next comparison will tell.
        this.#finish(pull, now)
        continue
      }
      const max = this.#host.tunables.pullTimeoutMs * PULL_TIMEOUT_GROWTH_MAX
      peer.pullTimeoutMs = Math.min(max, peer.pullTimeoutMs * 2)
      // Asking again is one round trip, a new comparison two; unless others could be asked meanwhile.
      const isAlone = (this.#wanted.get(pull.group.name)?.size ?? 0) === 0
      const isWorthIt = isAlone || pull.adopting !== undefined || pull.wantsWhole
      if (isWorthIt && pull.retries < PULL_RETRIES_MAX) {
        pull.retries += 1
        this.#waitOn(pull, now)
        this.#ask(pull)
        continue
      }
      this.#finish(pull, now)
      this.#digests.compare(peer, now)
    }
  }

  /** Runs or pieces came in answer to a pull; `isNew` when any was missing here. */
  onPayload(
    peer: Peer,
    group: Group,
    payload: {
      readonly session: number
      readonly bytes: number
      readonly events: number
      readonly isNew: boolean
    },
    now: Millis,
  ): void {
    if (payload.session === 0) return
    const told = peer.group(group.name)
    const pulled = told.pulled ?? { bytes: 0, events: 0 }
    told.pulled = { bytes: pulled.bytes + payload.bytes, events: pulled.events + payload.events }
    const pull = this.#heard(peer, group.name, payload.session)
    if (pull === undefined || !payload.isNew) return
    pull.hasNewsInWindow = true
    pull.hasNews = true
    pull.isGuess = false
    peer.pullTimeoutMs = this.#host.tunables.pullTimeoutMs
    this.#waitOn(pull, now)
    // Whoever never ends its answer has no longer a turn than others.
    this.#yields(pull, now)
  }

  onEnd(peer: Peer, frame: Frame<'end'>, now: Millis): void {
    const group = this.#host.groups.get(frame.group)
    const pull = this.#heard(peer, frame.group, frame.session)
    if (group === undefined) return
    if (pull !== undefined) pull.isGuess = false
    const { isPartial, digest } = frame
    const relation = this.#digests.learn(peer, group, { group: group.name, isPartial, digest }, now)
    if (pull === undefined) return
    peer.pullTimeoutMs = this.#host.tunables.pullTimeoutMs
    if (pull.adopting !== undefined) {
      this.#onBaseEnd(pull, pull.adopting, frame, now)
      return
    }
    if (frame.hasMore && pull.hasNewsInWindow) {
      this.#continue(pull, now)
      return
    }
    this.#finish(pull, now)
    if (relation === 'vectors-differ') return
    this.#digests.tell(peer, group)
  }

  /**
   * Equal vectors and other states: either another store has written as many events under our id, or
   * something is broken. Then each takes the other's base, and what is dead on one side is dead.
   */
  repair(peer: Peer, group: Group, now: Millis): void {
    const self = group.state.haveOf(this.#host.writerOf(group))
    if (group.provenOwn < self && this.#host.suspect(peer, group, now)) return
    const told = peer.group(group.name)
    if (now - told.repairedAt < REPAIR_PAUSE_MS || this.#pulls.has(group.name)) return
    const isFirst = told.repairedAt === Number.NEGATIVE_INFINITY
    told.repairedAt = now
    if (isFirst) this.#ask(this.#begin(peer, group, { isRepair: true, now }))
    // Other entries under one dot: one of both gives way.
    else if (told.digest !== undefined && compareBytes(group.digest(), told.digest) < 0) {
      this.#ask(this.#begin(peer, group, { isRepair: true, replaces: 'differing', now }))
    }
  }

  /**
   * Begins a pull that is asked for with our digest, in the hope that the peer is ahead.
   * @returns its number, 0 when others are under way
   */
  askWithDigest(peer: Peer, group: Group, now: Millis): number {
    const isBusy = this.#pulls.has(group.name) || this.#pulls.size >= this.#host.tunables.pullsMax
    if (isBusy || peer.isObserver || this.#host.isFull()) return 0
    const pull = this.#begin(peer, group, { isRepair: false, now })
    pull.asked = group.vector()
    pull.isGuess = true
    pull.deadlineAt = now + Math.min(GUESS_MS, peer.pullTimeoutMs)
    return pull.id
  }

  /** A peer has nothing that we lack: what was asked for with a digest will not come. */
  hasNothing(peer: Peer, group: Group, now: Millis): void {
    const pull = this.#pulls.get(group.name)
    if (pull?.peer === peer && pull.isGuess) this.#finish(pull, now)
  }

  /** Asks for a base whose events of one writer take the place of ours. */
  replace(peer: Peer, group: Group, replica: ReplicaId, now: Millis): void {
    this.abandon(group, now)
    const current = this.#pulls.get(group.name)
    if (current !== undefined) this.#finish(current, now)
    this.#ask(this.#begin(peer, group, { isRepair: true, replaces: replica, now }))
  }

  #onBaseEnd(pull: Pull, adopting: Adopting, frame: Frame<'end'>, now: Millis): void {
    const isWhole = adopting.isComplete && !frame.hasMore && frame.cursor === undefined
    if (!isWhole) {
      if (pull.hasNewsInWindow) this.#continue(pull, now)
      else this.#finish(pull, now)
      return
    }
    pull.merging = adopting
    this.#merge(pull, adopting, now)
  }

  /** Does a part of a merge; the next one is due at once, behind whatever else waits for its turn. */
  #merge(pull: Pull, merging: Adopting, now: Millis): void {
    const { group, peer, id } = pull
    pull.deadlineAt = now
    if (merging.step()) return
    pull.adopting = undefined
    pull.merging = undefined
    // As when parts come: what is in dispute is not merged.
    if (!this.#host.isInDispute(group) || pull.replaces !== undefined) {
      pull.hasNews = true
      this.#host.adopt(group, merging, { peer, session: id, served: NOBODY }, now)
    }
    this.#finish(pull, now)
    this.#digests.compare(peer, now)
  }

  /** Whether a session id belongs to the pull under way from this peer. */
  isPulling(peer: Peer, group: string, session: number): boolean {
    const pull = this.#pulls.get(group)
    return pull !== undefined && pull.peer === peer && pull.id === session
  }

  /**
   * Asks a peer for what we lack, now or when the pulls under way leave room.
   * @returns whether it was asked now
   */
  pull(peer: Peer, group: Group, now: Millis): boolean {
    const current = this.#pulls.get(group.name)
    if (current?.peer === peer) {
      if (current.merging !== undefined) return false
      // It is there and still differs: what was asked or answered is lost, whatever the timeout has grown to.
      const patience = Math.max(this.#host.tunables.pullTimeoutMs, peer.pullTimeoutMs / 2)
      if (now - current.quietSince < patience) return false
      this.#waitOn(current, now)
      this.#ask(current)
      return true
    }
    if (current !== undefined || this.#pulls.size >= this.#host.tunables.pullsMax) {
      const waiting = this.#wanted.get(group.name) ?? new Set()
      waiting.add(peer)
      this.#wanted.set(group.name, waiting)
      return false
    }
    this.#ask(this.#begin(peer, group, { isRepair: false, now }))
    return true
  }

  #begin(
    peer: Peer,
    group: Group,
    options: Pick<Pull, 'isRepair'> & Partial<Pick<Pull, 'replaces'>> & { readonly now: Millis },
  ): Pull {
    const { isRepair, replaces, now } = options
    const pull = newPull({ id: this.#nextId, peer, group, isRepair, replaces, now })
    this.#nextId += 1
    this.#pulls.set(group.name, pull)
    peer.group(group.name).pulled ??= { bytes: 0, events: 0 }
    return pull
  }

  #continue(pull: Pull, now: Millis): void {
    if (this.#yields(pull, now)) return
    pull.hasNewsInWindow = false
    pull.retries = 0
    this.#waitOn(pull, now)
    this.#ask(pull)
  }

  /** Ends a pull that has had its turn, if another one waits for that; a base in parts is of no use to others. */
  #yields(pull: Pull, now: Millis): boolean {
    const { group, peer, startedAt, adopting } = pull
    const { pullTurnMs, pullsMax } = this.#host.tunables
    const turns = adopting === undefined && !pull.wantsWhole ? 1 : BASE_TURNS
    if (now - startedAt < turns * pullTurnMs) return false
    const isFull = this.#pulls.size >= pullsMax && this.#wanted.size > 0
    if (!isFull && (this.#wanted.get(group.name)?.size ?? 0) === 0) return false
    // Behind all that wait already.
    this.#finish(pull, now)
    this.pull(peer, group, now)
    return true
  }

  #waitOn(pull: Pull, now: Millis): void {
    pull.quietSince = now
    pull.deadlineAt = now + pull.peer.pullTimeoutMs
  }

  #ask(pull: Pull): void {
    const { id, peer, group, adopting } = pull
    pull.isGuess = false
    pull.heads = 0
    if (adopting === undefined) {
      const vector = pull.wantsWhole || pull.replaces === 'differing' ? [] : group.vector()
      pull.asked = vector.filter(({ replica }) => replica !== pull.replaces)
    }
    this.#host.send(peer, 'control', {
      type: 'pull',
      group: group.name,
      session: id,
      credit: this.#host.tunables.windowBytes,
      vector: pull.asked,
      partials:
        adopting === undefined
          ? this.#fragments.partials(group.name, (replica) => group.state.haveOf(replica))
          : [],
      base: baseRequest(pull),
    })
  }

  /** Part of a base. A first part begins anew: the peer no longer has what came after the one before. */
  onBase(peer: Peer, frame: Frame<'base' | 'base-piece'>, now: Millis): void {
    const pull = this.#heard(peer, frame.group, frame.session)
    if (pull === undefined) {
      this.#host.dropped('sync-base-unasked')
      return
    }
    // What is in dispute is not merged: it may be ours to issue again.
    if (this.#host.isInDispute(pull.group) && pull.replaces === undefined) return
    if (frame.type === 'base' && frame.head !== undefined) {
      pull.heads += 1
      if (pull.heads > HEADS_MAX) {
        this.#host.dropped('sync-base-malformed')
        this.#finish(pull, now)
        return
      }
      if (!this.#beginBase(pull, frame.head, now)) return
    }
    const { adopting } = pull
    if (adopting === undefined) return
    const onPayload = (bytes: number): void => {
      const payload = { session: pull.id, bytes, events: 0, isNew: true }
      this.onPayload(peer, pull.group, payload, now)
    }
    try {
      const items = frame.type === 'base' ? frame.items : pull.pieces.add(frame)
      if (items === undefined) this.#host.dropped('sync-base-piece-stray')
      else if (frame.type === 'base-piece') onPayload(0)
      adopting.beginPart()
      for (const item of items ?? []) if (adopting.add(item)) onPayload(item.bytes.length)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#host.dropped('sync-base-malformed')
      this.#finish(pull, now)
    }
  }

  /** Takes runs that belong to a base on its way; false when there is none. */
  keepTail(peer: Peer, group: string, session: number, runs: readonly Uint8Array[]): boolean {
    const pull = this.#heard(peer, group, session)
    const adopting = pull?.adopting
    if (pull === undefined || adopting === undefined) return false
    for (const bytes of runs) if (!adopting.addTail(bytes)) pull.adopting = undefined
    pull.hasNewsInWindow = true
    return true
  }

  /** The pull that a session belongs to, while it waits for anything. */
  #heard(peer: Peer, group: string, session: number): Pull | undefined {
    const pull = this.#pulls.get(group)
    const isIts = pull?.id === session && pull.peer === peer
    return isIts && pull.merging === undefined ? pull : undefined
  }

  /** Ends a group's pull: what it is based on is no longer so. */
  abandon(group: Group, now: Millis): void {
    const pull = this.#pulls.get(group.name)
    if (pull !== undefined) this.#finish(pull, now)
  }

  #beginBase(pull: Pull, head: Frame<'base'>['head'] & {}, now: Millis): boolean {
    const { group, asked, replaces } = pull
    const { runs, tunables } = this.#host
    if (!mayTake(this.#host, pull, head, now)) return false
    const adopting = new Adopting({ group, head, vector: asked, runs, limits: tunables, replaces })
    if (adopting.hasKnown && !pull.isRepair && mayBuildAside(group)) {
      // A few events of ours are cheaper to get again than a merge that holds everybody up.
      pull.wantsWhole = true
      pull.adopting = undefined
      // The rest of this answer is not wanted: it belongs to a session that is over.
      pull.id = this.#nextId
      this.#nextId += 1
      this.#ask(pull)
      return false
    }
    pull.adopting = adopting
    return true
  }

  #finish(pull: Pull, now: Millis): void {
    this.#pulls.delete(pull.group.name)
    if (pull.replaces !== undefined) this.#host.settled(pull.group)
    if (pull.hasNews) this.#host.announce(pull.group, pull.peer)
    for (const [name, waiting] of [...this.#wanted]) {
      if (this.#pulls.size >= this.#host.tunables.pullsMax) return
      if (this.#pulls.has(name)) continue
      const group = this.#host.groups.get(name)
      for (const peer of [...waiting]) {
        waiting.delete(peer)
        if (group === undefined || isEqualTo(peer, group, group.digest())) continue
        this.pull(peer, group, now)
        break
      }
      if (waiting.size === 0) this.#wanted.delete(name)
    }
  }
}
