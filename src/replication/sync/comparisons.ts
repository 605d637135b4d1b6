import { compareText, equalBytes, utf8 } from '../../base/bytes.ts'
import type { Millis } from '../../base/core.ts'
import { jitter } from '../../base/random.ts'
import type { Group } from '../group/group.ts'
import type { Host } from '../host.ts'
import { isEqualTo } from './dissemination.ts'
import {
  type BriefEntry,
  type DigestItem,
  PAST_WRITERS_MAX,
  type Past,
  type SyncFrame,
} from './frames.ts'
import type { Peer } from './peer.ts'
import { summaryHash } from './summary-hash.ts'

type Frame<Type extends SyncFrame['type']> = Extract<SyncFrame, { type: Type }>

/** What a difference leads to. */
export interface Remedies {
  /** Asks a peer for what we lack. */
  pull(peer: Peer, group: Group, now: Millis): boolean
  /** Takes a vector that came with a digest: gives what it lacks, gets what it is ahead by. */
  meet(peer: Peer, group: Group, past: Past, now: Millis): void
  /** Begins a pull that is asked for with our digest; 0 when none can begin. */
  askWithDigest(peer: Peer, group: Group, now: Millis): number
  /** A peer has nothing that we lack. */
  hasNothing(peer: Peer, group: Group, now: Millis): void
  /** Equal vectors and other states. */
  repair(peer: Peer, group: Group, now: Millis): void
}

/** What a peer's digest of a group says. */
export type Relation = 'equal' | 'vectors-differ' | 'fingerprints-differ'

/** Digests of a few groups travel whole at once; more are first compared by one hash. */
const WHOLE_DIGEST_GROUPS_MAX = 4
/** With a longer name the digest of even one group, and the word that it is equal, take more than 48 bytes. */
const SHORT_NAME_BYTES_MAX = 16
/** Bytes of items after which a digest frame is closed. */
const DIGEST_FRAME_BYTES = 128 << 10
/** What a look at a group's digest costs, as bytes served. */
const GROUP_COST_BYTES = 1_024
const JITTER_SHARE = 0.3

/** Compares digests with peers: one after the other while all is quiet, at once when something happened. */
export class Comparisons {
  readonly #host: Host
  readonly #remedies: Remedies
  #intervalMs: Millis
  #roundAt: Millis | undefined
  #roundPeer: Peer | undefined

  constructor(host: Host, remedies: Remedies) {
    this.#host = host
    this.#remedies = remedies
    this.#intervalMs = host.tunables.antiEntropyMs
  }

  nextDeadline(): Millis | undefined {
    return this.#roundAt
  }

  peerDown(): void {
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
    if (this.#roundAt === undefined || this.#roundAt > now) return
    this.#roundAt = undefined
    const peer = this.#longestUncompared()
    if (peer === undefined) return
    this.compare(peer, now)
    this.#roundPeer = peer
    this.#roundAt = now + jitter(this.#host.random, this.#intervalMs, JITTER_SHARE)
  }

  /**
   * Sends our digest and wants an answer. Where the peer may differ and our vector is short, it goes along.
   * @param asks also to be sent what the vector lacks @default false
   */
  compare(peer: Peer, now: Millis, asks: boolean = false): void {
    peer.comparedAt = now
    const groups = this.#groups()
    const items = groups.map((group) => this.#item(group))
    const isKnown = groups.every((group) => isEqualTo(peer, group, group.digest()))
    if (items.length > WHOLE_DIGEST_GROUPS_MAX || (isKnown && !isShort(items))) {
      this.#host.send(peer, 'control', { type: 'summary', hash: summaryHash(items) })
      return
    }
    peer.awaitsDigest = true
    const told = groups.map((group) => this.#withPast(peer, group, now, asks))
    this.#sendDigest(peer, { after: '', items: told, isLast: true })
  }

  /** Shows a peer our vector, which lacks some of its own or is ahead of it, unless it has just seen it. */
  show(peer: Peer, group: Group, now: Millis): void {
    const { shown, shownAt } = peer.group(group.name)
    const isShown = shown !== undefined && equalBytes(shown, group.digest())
    if (isShown && now - shownAt < this.#host.tunables.pullTimeoutMs) return
    this.#sendAlone(peer, this.#withPast(peer, group, now, false))
  }

  onSummary(peer: Peer, frame: Frame<'summary'>, now: Millis): void {
    if (!this.#mayAsk(peer, now)) return
    const items = this.#items()
    const hash = summaryHash(items)
    if (equalBytes(hash, frame.hash)) {
      this.#host.send(peer, 'control', { type: 'equal', hash })
      this.#allEqual(peer, now)
    } else this.#sendDigests(peer, items)
  }

  /** Whether a peer may have us look at all groups: a word of nine bytes may be answered by a digest of each. */
  #mayAsk(peer: Peer, now: Millis): boolean {
    const { groups, tunables } = this.#host
    if (!peer.mayServe(now, tunables.serveBytesPerSecond)) {
      this.#host.dropped('sync-rate')
      return false
    }
    peer.spend(groups.size * GROUP_COST_BYTES)
    return true
  }

  onEqual(peer: Peer, frame: Frame<'equal'>, now: Millis): void {
    if (!this.#mayAsk(peer, now)) return
    if (equalBytes(frame.hash, summaryHash(this.#items()))) this.#allEqual(peer, now)
  }

  onDigest(peer: Peer, frame: Frame<'digest'>, now: Millis): void {
    const listed = new Set<string>()
    let differs = false
    for (const item of frame.items) {
      listed.add(item.group)
      const group = this.#host.groupFrom(item.group, peer)
      if (group === undefined) continue
      const relation = this.learn(peer, group, item, now)
      if (relation === 'equal') continue
      differs = true
      if (relation === 'fingerprints-differ') this.#remedies.repair(peer, group, now)
      if (relation === 'vectors-differ' && item.past !== undefined) {
        this.#remedies.meet(peer, group, item.past, now)
      } else if (!frame.wantsAnswer) continue
      else if (relation === 'vectors-differ') this.#pull(peer, group, now)
      else this.tell(peer, group)
    }
    if (frame.isLast) peer.hasTold = true
    const upTo = frame.items.at(-1)?.group ?? frame.after
    for (const [name, group] of this.#host.groups) {
      const isInRange = name > frame.after && (frame.isLast || name <= upTo)
      if (!isInRange || listed.has(name) || group.isEmpty) continue
      differs = true
      if (frame.wantsAnswer) this.#pull(peer, group, now)
    }
    if (!frame.wantsAnswer) return
    if (differs) this.disturb(now)
    else if (frame.isLast && frame.after === '') {
      const isAnswer =
        peer.awaitsDigest && now - peer.comparedAt < this.#host.tunables.pullTimeoutMs
      // Both have asked at once: each has the other's answer.
      if (!isAnswer) {
        this.#host.send(peer, 'control', { type: 'equal', hash: summaryHash(this.#items()) })
      }
      this.#backOff(peer)
    }
    peer.awaitsDigest = false
  }

  /** Tells our digest of one group and wants no answer; a shorter word when all groups are equal. */
  tell(peer: Peer, group: Group): void {
    const items = this.#items()
    const isEqual =
      items.length <= WHOLE_DIGEST_GROUPS_MAX &&
      items.every((item) => {
        const known = this.#host.groups.get(item.group)
        return known !== undefined && isEqualTo(peer, known, item.digest)
      })
    if (isEqual) this.#host.send(peer, 'control', { type: 'equal', hash: summaryHash(items) })
    else this.#sendAlone(peer, this.#item(group))
  }

  #sendAlone(peer: Peer, item: DigestItem): void {
    const frame = { type: 'digest', wantsAnswer: false, isLast: false, items: [item] } as const
    // `after` is the name itself: the frame speaks of this group alone.
    this.#host.send(peer, 'control', { ...frame, after: item.group })
  }

  /** Notes what a peer says a group is like, and compares it with ours. */
  learn(peer: Peer, group: Group, item: DigestItem, now: Millis): Relation {
    const told = peer.group(group.name)
    told.digest = item.digest.slice()
    const ours = group.digest()
    if (!equalBytes(ours.subarray(0, 8), item.digest.subarray(0, 8))) return 'vectors-differ'
    const isEqual = equalBytes(ours, item.digest)
    if (peer.isObserver) {
      // What differs it gets from us, also where vectors are equal.
      if (!isEqual && !item.isPartial) return 'vectors-differ'
      this.#knowsAll(peer, group)
      return 'equal'
    }
    if (isEqual || item.isPartial) this.#equalVectors(peer, group)
    if (isEqual) {
      group.provenOwn = group.state.haveOf(this.#host.writerOf(group))
    }
    if (isEqual || item.isPartial || group.state.unapplied > 0) {
      this.#remedies.hasNothing(peer, group, now)
      return 'equal'
    }
    return 'fingerprints-differ'
  }

  /** Pulls from a peer; an observer is shown what it lacks instead, and pulls itself. */
  #pull(peer: Peer, group: Group, now: Millis): void {
    if (peer.isObserver) this.show(peer, group, now)
    else this.#remedies.pull(peer, group, now)
  }

  #knowsAll(peer: Peer, { name, state }: Group): void {
    for (let writer = 0; writer < state.replicaCount; writer++) {
      peer.learn(name, writer, state.have(writer))
    }
  }

  #equalVectors(peer: Peer, group: Group): void {
    const { state, name } = group
    this.#knowsAll(peer, group)
    group.ackedOwn = Math.max(group.ackedOwn, state.haveOf(this.#host.writerOf(group)))
    this.#host.acked(group)
    const told = peer.group(name)
    if (told.pulled === undefined) return
    // A pull that only told our vector brought nothing worth telling.
    if (told.pulled.bytes > 0) this.#host.synced(peer, told.pulled)
    told.pulled = undefined
  }

  #allEqual(peer: Peer, now: Millis): void {
    peer.hasTold = true
    for (const group of this.#host.groups.values()) {
      if (!group.isEmpty) this.learn(peer, group, this.#item(group), now)
    }
    this.#backOff(peer)
  }

  #backOff(peer: Peer): void {
    if (peer !== this.#roundPeer) return
    this.#roundPeer = undefined
    this.#intervalMs = Math.min(this.#host.tunables.antiEntropyMsMax, this.#intervalMs * 2)
  }

  #groups(): readonly Group[] {
    const groups = [...this.#host.groups.values()].filter((group) => !group.isEmpty)
    return groups.sort((a, b) => compareText(a.name, b.name))
  }

  #items(): readonly DigestItem[] {
    return this.#groups().map((group) => this.#item(group))
  }

  #item(group: Group): DigestItem {
    const [digest, isPartial] = [group.digest(), group.state.unapplied > 0]
    return { group: group.name, isPartial, digest, past: undefined }
  }

  /** A group's digest with its vector, unless the peer is known to be equal or the vector is long. */
  #withPast(peer: Peer, group: Group, now: Millis, asks: boolean): DigestItem {
    const item = this.#item(group)
    if (isEqualTo(peer, group, item.digest)) return item
    const { state } = group
    const vector: BriefEntry[] = []
    for (let writer = 0; writer < state.replicaCount; writer++) {
      const n = state.have(writer)
      if (n === 0) continue
      if (vector.length === PAST_WRITERS_MAX) return item
      vector.push({ hash: state.lanesOf(writer).low, n })
    }
    const told = peer.group(group.name)
    told.shown = item.digest
    told.shownAt = now
    const session = asks ? this.#remedies.askWithDigest(peer, group, now) : 0
    return { ...item, past: { session, vector } }
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

/** Whether whole digests and their answer take 48 bytes. */
function isShort([only, second]: readonly DigestItem[]): boolean {
  if (only === undefined) return true
  return second === undefined && utf8(only.group).length <= SHORT_NAME_BYTES_MAX
}
