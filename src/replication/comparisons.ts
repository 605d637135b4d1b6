import { compareText, equalBytes } from '../base/bytes.ts'
import type { Millis } from '../base/core.ts'
import { jitter } from '../base/random.ts'
import type { DigestItem, SyncFrame } from './frames.ts'
import type { Group } from './group.ts'
import type { Host } from './host.ts'
import type { Peer } from './peer.ts'
import { summaryHash } from './summary-hash.ts'

type Frame<Type extends SyncFrame['type']> = Extract<SyncFrame, { type: Type }>

/** What a difference leads to. */
export interface Remedies {
  /** Asks a peer for what we lack. */
  pull(peer: Peer, group: Group, now: Millis): void
  /** Equal vectors and other states. */
  repair(peer: Peer, group: Group, now: Millis): void
}

/** What a peer's digest of a group says. */
export type Relation = 'equal' | 'vectors-differ' | 'fingerprints-differ'

/** Digests of a few groups travel whole at once; more are first compared by one hash. */
const WHOLE_DIGEST_GROUPS_MAX = 4
/** Bytes of items after which a digest frame is closed. */
const DIGEST_FRAME_BYTES = 128 << 10
const JITTER_SHARE = 0.3
/** A peer that keeps differing is no reason to repeat an alarm more often than this. */
const ALARM_PAUSE_MS = 60_000

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
      const relation = this.learn(peer, group, item, now)
      if (relation === 'equal') continue
      differs = true
      if (relation === 'fingerprints-differ') this.#remedies.repair(peer, group, now)
      if (!frame.wantsAnswer) continue
      if (relation === 'vectors-differ') this.#remedies.pull(peer, group, now)
      else this.tell(peer, group)
    }
    const upTo = frame.items.at(-1)?.group ?? frame.after
    for (const [name, group] of this.#host.groups) {
      const isInRange = name > frame.after && (frame.isLast || name <= upTo)
      if (!isInRange || listed.has(name) || group.isEmpty) continue
      differs = true
      if (frame.wantsAnswer) this.#remedies.pull(peer, group, now)
    }
    if (!frame.wantsAnswer) return
    if (differs) this.disturb(now)
    else if (frame.isLast && frame.after === '') {
      this.#host.send(peer, 'control', { type: 'equal', hash: summaryHash(this.#items()) })
      this.#backOff(peer)
    }
  }

  /** Tells our digest of one group and wants no answer. */
  tell(peer: Peer, group: Group): void {
    const items = [this.#item(group)]
    const frame = { type: 'digest', wantsAnswer: false, isLast: false, items } as const
    // `after` just below the name: the frame speaks of this group alone.
    this.#host.send(peer, 'control', { ...frame, after: group.name })
  }

  /** Notes what a peer says a group is like, and compares it with ours. */
  learn(peer: Peer, group: Group, item: DigestItem, now: Millis): Relation {
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
    this.#host.acked(group)
    const told = peer.group(name)
    if (told.pulled === undefined) return
    // A pull that only told our vector brought nothing worth telling.
    if (told.pulled.bytes > 0) this.#host.synced(peer, told.pulled)
    told.pulled = undefined
  }

  #allEqual(peer: Peer, now: Millis): void {
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
