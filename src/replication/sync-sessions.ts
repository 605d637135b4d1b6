import { compareText, equalBytes } from '../base/bytes.ts'
import { DecodeError } from '../base/codec.ts'
import type { Millis } from '../base/core.ts'
import { jitter } from '../base/random.ts'
import { Adopting, hasRoomFor, mayBuildAside } from './adopting.ts'
import { isEqualTo } from './dissemination.ts'
import type { Fragments } from './fragments.ts'
import type { DigestItem, SyncFrame, VectorEntry } from './frames.ts'
import type { Group } from './group.ts'
import type { Host } from './host.ts'
import type { Peer } from './peer.ts'
import { serve } from './serve.ts'
import { summaryHash } from './summary-hash.ts'

/** One group's pull from one peer: windows of events, each asked for with our vector of that moment. */
interface Pull {
  id: number
  readonly peer: Peer
  readonly group: Group
  readonly startedAt: Millis
  deadlineAt: Millis
  /** When it last asked or heard news. */
  quietSince: Millis
  /** News in this window, and in all of them. */
  hasNewsInWindow: boolean
  hasNews: boolean
  /** Our vector as the peer was told it. */
  asked: readonly VectorEntry[]
  /** Ask as if we had nothing: a whole base is wanted. */
  wantsWhole: boolean
  /** Ask for a base whatever the log holds. */
  readonly isRepair: boolean
  /** Times that it was asked again after silence. */
  retries: number
  adopting: Adopting | undefined
}

type Frame<Type extends SyncFrame['type']> = Extract<SyncFrame, { type: Type }>

/** Digests of a few groups travel whole at once; more are first compared by one hash. */
const WHOLE_DIGEST_GROUPS_MAX = 4
/** Bytes of items after which a digest frame is closed. */
const DIGEST_FRAME_BYTES = 128 << 10
const JITTER_SHARE = 0.3
const PULL_TIMEOUT_GROWTH_MAX = 4
const NOBODY: ReadonlySet<number> = new Set()
const PULL_RETRIES_MAX = 5
/** A peer that keeps differing is no reason to repeat an alarm more often than this. */
const ALARM_PAUSE_MS = 60_000
const REPAIR_PAUSE_MS = 10_000
const FROM_THE_START = { covered: [], cursor: { writer: 0, n: 1 } }

/**
 * Anti-entropy. One exchange:
 *
 *     A → B  summary or digest      equal: B → A equal; done
 *     B → A  pull (B's vector)      A answers with events … end, and pulls itself where B's vector is ahead
 *     A → B  pull (A's vector)      B answers with events … end
 *     then whoever finds itself equal says so by a digest that wants no answer
 *
 * Nothing is remembered between two frames that a loss could make wrong: a digest restarts everything, a
 * pull says all that its answer needs, a lost end is a timeout that leads to the next digest. Equal vectors
 * with different fingerprints must never happen and raise an alarm.
 */
export class SyncSessions {
  readonly #host: Host
  readonly #fragments: Fragments
  readonly #pulls = new Map<string, Pull>()
  /** Peers to pull from when a pull of the group ends. */
  readonly #wanted = new Map<string, Set<Peer>>()
  #nextId = 1
  #intervalMs: Millis
  #roundAt: Millis | undefined
  #roundPeer: Peer | undefined

  constructor(host: Host, fragments: Fragments) {
    this.#host = host
    this.#fragments = fragments
    this.#intervalMs = host.tunables.antiEntropyMs
  }

  nextDeadline(): Millis | undefined {
    let next = this.#roundAt
    for (const { deadlineAt } of this.#pulls.values()) {
      if (next === undefined || deadlineAt < next) next = deadlineAt
    }
    return next
  }

  peerUp(peer: Peer, now: Millis): void {
    this.compare(peer, now)
    this.disturb(now)
  }

  peerDown(peer: Peer, now: Millis): void {
    for (const waiting of this.#wanted.values()) waiting.delete(peer)
    for (const pull of [...this.#pulls.values()]) {
      if (pull.peer === peer) this.#finish(pull, now)
    }
    if (this.#host.peers.size === 0) this.#roundAt = undefined
  }

  /** Something changed: compare often again. */
  disturb(now: Millis): void {
    this.#intervalMs = this.#host.tunables.antiEntropyMs
    this.#roundPeer = undefined
    if (this.#host.peers.size === 0) return
    const at = now + jitter(this.#host.random, this.#intervalMs, JITTER_SHARE)
    if (this.#roundAt === undefined || at < this.#roundAt) this.#roundAt = at
  }

  tick(now: Millis): void {
    for (const pull of [...this.#pulls.values()]) {
      if (pull.deadlineAt > now) continue
      const { peer } = pull
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
      this.compare(peer, now)
    }
    if (this.#roundAt === undefined || this.#roundAt > now) return
    this.#roundAt = undefined
    const peer = this.#longestUncompared()
    if (peer === undefined) return
    this.compare(peer, now)
    this.#roundPeer = peer
    this.#roundAt = now + jitter(this.#host.random, this.#intervalMs, JITTER_SHARE)
  }

  /** Sends our digest and wants an answer. */
  compare(peer: Peer, now: Millis): void {
    peer.comparedAt = now
    const items = this.#items()
    if (items.length > WHOLE_DIGEST_GROUPS_MAX) {
      this.#host.send(peer, 'control', { type: 'summary', hash: summaryHash(items) })
    } else this.#sendDigests(peer, items)
  }

  onSummary(peer: Peer, frame: Frame<'summary'>, now: Millis): void {
    const items = this.#items()
    const hash = summaryHash(items)
    if (equalBytes(hash, frame.hash)) {
      this.#host.send(peer, 'control', { type: 'equal', hash })
      this.#allEqual(peer, now)
    } else this.#sendDigests(peer, items)
  }

  onEqual(peer: Peer, frame: Frame<'equal'>, now: Millis): void {
    if (equalBytes(frame.hash, summaryHash(this.#items()))) this.#allEqual(peer, now)
  }

  onDigest(peer: Peer, frame: Frame<'digest'>, now: Millis): void {
    const listed = new Set<string>()
    let differs = false
    for (const item of frame.items) {
      listed.add(item.group)
      const group = this.#host.groupFrom(item.group)
      if (group === undefined) continue
      const relation = this.#learnDigest(peer, group, item, now)
      if (relation === 'equal') continue
      differs = true
      if (relation === 'fingerprints-differ') this.#repair(peer, group, now)
      if (!frame.wantsAnswer) continue
      if (relation === 'vectors-differ') this.pull(peer, group, now)
      else this.#tellDigest(peer, group)
    }
    const upTo = frame.items.at(-1)?.group ?? frame.after
    for (const [name, group] of this.#host.groups) {
      const isInRange = name > frame.after && (frame.isLast || name <= upTo)
      if (!isInRange || listed.has(name) || group.isEmpty) continue
      differs = true
      if (frame.wantsAnswer) this.pull(peer, group, now)
    }
    if (!frame.wantsAnswer) return
    if (differs) this.disturb(now)
    else if (frame.isLast && frame.after === '') {
      this.#host.send(peer, 'control', { type: 'equal', hash: summaryHash(this.#items()) })
      this.#backOff(peer)
    }
  }

  onPull(peer: Peer, frame: Frame<'pull'>, now: Millis): void {
    const group = this.#host.groupFrom(frame.group)
    if (group === undefined) return
    const { tunables } = this.#host
    if (!peer.mayServe(now, tunables.serveBytesPerSecond)) {
      this.#host.dropped('sync-rate')
      return
    }
    peer.learnVector(group, frame.vector)
    const self = this.#host.writerOf(group)
    let isBehind = false
    for (const { replica, n } of frame.vector) {
      const have = group.state.haveOf(replica)
      if (replica === self) group.ackedOwn = Math.max(group.ackedOwn, Math.min(n, have))
      if (n <= have) continue
      isBehind = true
      if (replica === self) this.#host.suspect(peer, group, now)
    }
    const credit = Math.min(frame.credit, tunables.windowBytes)
    const withheld = group.isDisputed ? { replica: self, n: group.state.haveOf(self) } : undefined
    const answer = serve(group, frame, { credit, withheld }, this.#host.runs)
    peer.spend(answer.bytes + frame.vector.length)
    for (const bytes of answer.frames) this.#host.sendBytes(peer, 'bulk', bytes)
    if (isBehind) this.pull(peer, group, now)
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
    const pull = this.#pulls.get(group.name)
    if (pull?.id !== payload.session || pull.peer !== peer || !payload.isNew) return
    pull.hasNewsInWindow = true
    pull.hasNews = true
    peer.pullTimeoutMs = this.#host.tunables.pullTimeoutMs
    this.#waitOn(pull, now)
  }

  onEnd(peer: Peer, frame: Frame<'end'>, now: Millis): void {
    const group = this.#host.groups.get(frame.group)
    const pull = this.#pulls.get(frame.group)
    if (group === undefined) return
    const { isPartial, digest } = frame
    const relation = this.#learnDigest(peer, group, { group: group.name, isPartial, digest }, now)
    if (pull?.id !== frame.session || pull.peer !== peer) return
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
    this.#tellDigest(peer, group)
  }

  /**
   * Equal vectors and other states: either another store has written as many events under our id, or
   * something is broken. Then each takes the other's base, and what is dead on one side is dead.
   */
  #repair(peer: Peer, group: Group, now: Millis): void {
    const self = group.state.haveOf(this.#host.writerOf(group))
    if (group.provenOwn < self) {
      this.#host.suspect(peer, group, now)
      return
    }
    const told = peer.group(group.name)
    if (now - told.repairedAt < REPAIR_PAUSE_MS || this.#pulls.has(group.name)) return
    told.repairedAt = now
    this.#begin(peer, group, { isRepair: true, now })
  }

  #tellDigest(peer: Peer, group: Group): void {
    const items = [this.#item(group)]
    const frame = { type: 'digest', wantsAnswer: false, isLast: false, items } as const
    // `after` just below the name: the frame speaks of this group alone.
    this.#host.send(peer, 'control', { ...frame, after: group.name })
  }

  #onBaseEnd(pull: Pull, adopting: Adopting, frame: Frame<'end'>, now: Millis): void {
    const isWhole = adopting.isComplete && !frame.hasMore && frame.cursor === undefined
    if (!isWhole) {
      if (pull.hasNewsInWindow) this.#continue(pull, now)
      else this.#finish(pull, now)
      return
    }
    pull.adopting = undefined
    pull.hasNews = true
    this.#host.adopt(
      pull.group,
      adopting,
      { peer: pull.peer, session: pull.id, served: NOBODY },
      now,
    )
    this.#finish(pull, now)
    this.compare(pull.peer, now)
  }

  /** Whether a session id belongs to the pull under way from this peer. */
  isPulling(peer: Peer, group: string, session: number): boolean {
    const pull = this.#pulls.get(group)
    return pull !== undefined && pull.peer === peer && pull.id === session
  }

  /** Asks a peer for what we lack, now or when the pulls under way leave room. */
  pull(peer: Peer, group: Group, now: Millis): void {
    const current = this.#pulls.get(group.name)
    if (current?.peer === peer) {
      // It is there and still differs: what was asked or answered is lost, whatever the timeout has grown to.
      const patience = Math.max(this.#host.tunables.pullTimeoutMs, peer.pullTimeoutMs / 2)
      if (now - current.quietSince < patience) return
      this.#waitOn(current, now)
      this.#ask(current)
      return
    }
    if (current !== undefined || this.#pulls.size >= this.#host.tunables.pullsMax) {
      const waiting = this.#wanted.get(group.name) ?? new Set()
      waiting.add(peer)
      this.#wanted.set(group.name, waiting)
      return
    }
    this.#begin(peer, group, { isRepair: false, now })
  }

  #begin(
    peer: Peer,
    group: Group,
    { isRepair, now }: { readonly isRepair: boolean; readonly now: Millis },
  ): void {
    const id = this.#nextId
    this.#nextId += 1
    const deadlineAt = now + peer.pullTimeoutMs
    const pull = {
      id,
      peer,
      group,
      startedAt: now,
      deadlineAt,
      quietSince: now,
      hasNewsInWindow: false,
      hasNews: false,
      asked: [],
      wantsWhole: false,
      isRepair,
      retries: 0,
      adopting: undefined,
    }
    this.#pulls.set(group.name, pull)
    peer.group(group.name).pulled ??= { bytes: 0, events: 0 }
    this.#ask(pull)
  }

  #continue(pull: Pull, now: Millis): void {
    const waiting = this.#wanted.get(pull.group.name)
    if (waiting !== undefined && waiting.size > 0) {
      if (now - pull.startedAt >= this.#host.tunables.pullTurnMs) {
        waiting.add(pull.peer)
        this.#finish(pull, now)
        return
      }
    }
    pull.hasNewsInWindow = false
    pull.retries = 0
    this.#waitOn(pull, now)
    this.#ask(pull)
  }

  #waitOn(pull: Pull, now: Millis): void {
    pull.quietSince = now
    pull.deadlineAt = now + pull.peer.pullTimeoutMs
  }

  #ask(pull: Pull): void {
    const { id, peer, group, adopting } = pull
    const isBase = adopting !== undefined && !adopting.isComplete
    if (adopting === undefined) pull.asked = pull.wantsWhole ? [] : group.vector()
    this.#host.send(peer, 'control', {
      type: 'pull',
      group: group.name,
      session: id,
      credit: this.#host.tunables.windowBytes,
      vector: adopting === undefined || isBase ? pull.asked : adopting.covered(),
      partials:
        adopting === undefined
          ? this.#fragments.partials(group.name, (replica) => group.state.haveOf(replica))
          : [],
      base: isBase
        ? { covered: adopting.covered(), cursor: adopting.cursor }
        : pull.isRepair && adopting === undefined
          ? FROM_THE_START
          : undefined,
    })
  }

  /** Part of a base. A first part begins anew: the peer no longer has what came after the one before. */
  onBase(peer: Peer, frame: Frame<'base'>, now: Millis): void {
    const pull = this.#pulls.get(frame.group)
    if (pull?.id !== frame.session || pull.peer !== peer) {
      this.#host.dropped('sync-base-unasked')
      return
    }
    // What is in dispute is not merged: it may be ours to issue again.
    if (pull.group.isDisputed) return
    if (frame.head !== undefined && !this.#beginBase(pull, frame.head, now)) return
    const { adopting } = pull
    if (adopting === undefined) return
    try {
      for (const item of frame.items) {
        if (!adopting.add(item)) continue
        const payload = { session: pull.id, bytes: item.bytes.length, events: 0, isNew: true }
        this.onPayload(peer, pull.group, payload, now)
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#host.dropped('sync-base-malformed')
      this.#finish(pull, now)
    }
  }

  /** Takes runs that belong to a base on its way; false when there is none. */
  keepTail(peer: Peer, group: string, session: number, runs: readonly Uint8Array[]): boolean {
    const pull = this.#pulls.get(group)
    const adopting = pull?.adopting
    if (pull?.id !== session || pull.peer !== peer || adopting === undefined) return false
    for (const bytes of runs) if (!adopting.addTail(bytes)) pull.adopting = undefined
    pull.hasNewsInWindow = true
    return true
  }

  /** Ends a group's pull: what it is based on is no longer so. */
  abandon(group: Group, now: Millis): void {
    const pull = this.#pulls.get(group.name)
    if (pull !== undefined) this.#finish(pull, now)
  }

  #beginBase(pull: Pull, head: Frame<'base'>['head'] & {}, now: Millis): boolean {
    const { group, asked } = pull
    const self = this.#host.writerOf(group)
    if (head.some(({ replica, have }) => replica === self && have > group.state.haveOf(self))) {
      this.#host.suspect(pull.peer, group, now)
      return false
    }
    const isFork = head.some(({ replica, have, chain }) => {
      const writer = group.state.indexOf(replica)
      if (writer === undefined || have !== group.state.have(writer)) return false
      const own = group.state.chainOf(writer)
      return own.high !== chain.high || own.low !== chain.low
    })
    if (isFork || !hasRoomFor(group, head)) {
      this.#host.dropped(isFork ? 'replica-forked' : 'replicas-limit')
      return false
    }
    const adopting = new Adopting({ group, head, vector: asked, runs: this.#host.runs })
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

  /** Notes what a peer says a group is like, and compares it with ours. */
  #learnDigest(
    peer: Peer,
    group: Group,
    item: DigestItem,
    now: Millis,
  ): 'equal' | 'vectors-differ' | 'fingerprints-differ' {
    const told = peer.group(group.name)
    told.digest = item.digest.slice()
    const ours = group.digest()
    if (!equalBytes(ours.subarray(0, 8), item.digest.subarray(0, 8))) return 'vectors-differ'
    const isEqual = equalBytes(ours, item.digest)
    if (isEqual || item.isPartial) this.#equalVectors(peer, group)
    if (isEqual) {
      group.provenOwn = group.state.haveOf(this.#host.writerOf(group))
      return 'equal'
    }
    if (item.isPartial || group.state.unapplied > 0) return 'equal'
    if (now - told.alarmedAt >= ALARM_PAUSE_MS) {
      told.alarmedAt = now
      this.#host.alarm(`state-differs: group ${group.name}: equal vectors, other fingerprint`)
    }
    return 'fingerprints-differ'
  }

  #equalVectors(peer: Peer, group: Group): void {
    const { state, name } = group
    for (let writer = 0; writer < state.replicaCount; writer++) {
      peer.learn(name, writer, state.have(writer))
    }
    group.ackedOwn = Math.max(group.ackedOwn, state.haveOf(this.#host.writerOf(group)))
    const told = peer.group(name)
    if (told.pulled === undefined) return
    // A pull that only told our vector brought nothing worth telling.
    if (told.pulled.bytes > 0) this.#host.synced(peer, told.pulled)
    told.pulled = undefined
  }

  #allEqual(peer: Peer, now: Millis): void {
    for (const group of this.#host.groups.values()) {
      if (!group.isEmpty) this.#learnDigest(peer, group, this.#item(group), now)
    }
    this.#backOff(peer)
  }

  #backOff(peer: Peer): void {
    if (peer !== this.#roundPeer) return
    this.#roundPeer = undefined
    this.#intervalMs = Math.min(this.#host.tunables.antiEntropyMsMax, this.#intervalMs * 2)
  }

  #items(): readonly DigestItem[] {
    const groups = [...this.#host.groups.values()].filter((group) => !group.isEmpty)
    return groups.sort((a, b) => compareText(a.name, b.name)).map((group) => this.#item(group))
  }

  #item(group: Group): DigestItem {
    return { group: group.name, isPartial: group.state.unapplied > 0, digest: group.digest() }
  }

  #sendDigests(peer: Peer, items: readonly DigestItem[]): void {
    let after = ''
    let batch: DigestItem[] = []
    let bytes = 0
    for (const item of items) {
      const itemBytes = item.group.length * 3 + 20
      if (bytes + itemBytes > DIGEST_FRAME_BYTES) {
        this.#sendDigest(peer, { after, items: batch, isLast: false })
        after = batch.at(-1)?.group ?? ''
        batch = []
        bytes = 0
      }
      batch.push(item)
      bytes += itemBytes
    }
    this.#sendDigest(peer, { after, items: batch, isLast: true })
  }

  #sendDigest(peer: Peer, part: Pick<Frame<'digest'>, 'after' | 'items' | 'isLast'>): void {
    this.#host.send(peer, 'control', { type: 'digest', wantsAnswer: true, ...part })
  }

  #longestUncompared(): Peer | undefined {
    let chosen: Peer | undefined
    for (const peer of this.#host.peers.values()) {
      if (chosen === undefined || peer.comparedAt < chosen.comparedAt) chosen = peer
    }
    return chosen
  }
}
