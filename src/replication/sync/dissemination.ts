import { present } from '../../base/assert.ts'
import { equalBytes } from '../../base/bytes.ts'
import type { Millis } from '../../base/core.ts'
import { type BriefRun, briefRun } from '../group/brief-runs.ts'
import type { Group } from '../group/group.ts'
import type { LoggedRun } from '../group/group-log.ts'
import { chainAtHand } from '../group/history.ts'
import type { Host } from '../host.ts'
import { encodeFrame } from './frame-codec.ts'
import { type AckEntry, FRAME_EVENTS_MAX, PAYLOAD_BYTES, SENT_TO_MAX } from './frames.ts'
import type { Peer } from './peer.ts'

/** A new run on its way out. */
interface Outgoing {
  readonly group: Group
  readonly run: LoggedRun
  /** Hashes of peers that have it or get it from others. */
  readonly served: ReadonlySet<number>
}

interface Batch {
  readonly group: string
  readonly sentTo: readonly number[]
  readonly runs: (Uint8Array | BriefRun)[]
  bytes: number
  events: number
}

/**
 * Pushes what is new here to all linked peers at once: own runs, and pushed ones that were new,
 * so that they flood a partial mesh. A frame names the peers that its sender serves, and they are left out
 * by whoever passes it on; peers whose known vector covers a run are left out too. A first push
 * leaves at once, the following ones gather for a moment, so that load makes frames fuller instead of more.
 * Pushed events are acked when durable; a push without ack, a large run and a peer that lags lead
 * to a comparison of digests instead of a second push.
 */
export class Dissemination {
  readonly #host: Host
  #outgoing: Outgoing[] = []
  readonly #announceTo = new Set<Peer>()
  #hasAcks = false
  #flushedAt: Millis = Number.NEGATIVE_INFINITY
  #flushAt: Millis | undefined

  constructor(host: Host) {
    this.#host = host
  }

  nextDeadline(): Millis | undefined {
    let next = this.#flushAt
    for (const { ackDueAt } of this.#host.peers.values()) {
      if (ackDueAt !== undefined && (next === undefined || ackDueAt < next)) next = ackDueAt
    }
    return next
  }

  /** @param served hashes of peers that have the run or get it from others */
  push(group: Group, run: LoggedRun, served: ReadonlySet<number>): void {
    // Nobody would take it in.
    if (this.#host.isObserver) return
    this.#outgoing.push({ group, run, served })
  }

  /** Has every peer that is not known to be equal compare with us soon: what they lack they pull. */
  announce(group: Group, except: Peer | undefined): void {
    const digest = group.digest()
    for (const peer of this.#host.peers.values()) {
      if (peer === except || isEqualTo(peer, group, digest)) continue
      this.#announceTo.add(peer)
    }
  }

  /** Events of a writer came from this peer by push: tell it once they are durable. */
  owesAck(peer: Peer, group: Group, writer: number): void {
    peer.group(group.name).acks.add(writer)
    this.#hasAcks = true
  }

  acked(peer: Peer, group: Group, vector: readonly AckEntry[], now: Millis): void {
    let isOurs = false
    for (const { hash, n, check } of vector) {
      const writer = group.state.indexOfHash(hash)
      if (writer === undefined) continue
      const durable = Math.min(n, group.state.have(writer))
      peer.learn(group.name, writer, durable)
      if (peer.isObserver) continue
      if (group.state.replicaAt(writer) !== this.#host.writerOf(group)) continue
      // Whoever acks has taken in whole runs; in between nothing is looked up, however many acks a frame holds.
      const chain = chainAtHand(group, writer, n)
      if (chain !== undefined && chain.low !== check) {
        this.#host.suspect(peer, group, now)
        continue
      }
      group.ackedOwn = Math.max(group.ackedOwn, durable)
      isOurs = true
      if (chain !== undefined) group.provenOwn = Math.max(group.provenOwn, durable)
    }
    if (isOurs) this.#host.acked(group)
    if (peer.isLagging && !peer.hasOutstanding()) {
      peer.isLagging = false
      this.#announceTo.add(peer)
    }
  }

  forget(peer: Peer): void {
    this.#announceTo.delete(peer)
  }

  /**
   * Sends what is due; called at the end of every input.
   * @param compare sends a peer our digest
   */
  flush(now: Millis, compare: (peer: Peer, now: Millis) => void): void {
    // Each input comes by here.
    if (this.#host.peers.size > 0) this.#giveUp(now)
    const hasWork = this.#outgoing.length > 0 || this.#announceTo.size > 0 || this.#hasAcks
    if (!hasWork) {
      this.#flushAt = undefined
      return
    }
    const dueAt = this.#flushedAt + this.#host.tunables.flushMs
    if (now < dueAt && now >= this.#flushedAt) {
      this.#flushAt = dueAt
      return
    }
    this.#flushAt = undefined
    this.#flushedAt = now
    this.#sendPushes(now)
    this.#sendAcks()
    for (const peer of this.#announceTo) compare(peer, now)
    this.#announceTo.clear()
  }

  /** Has peers that owe acks for too long compare with us. */
  #giveUp(now: Millis): void {
    for (const peer of this.#host.peers.values()) {
      if (peer.ackDueAt === undefined || peer.ackDueAt > now) continue
      if (peer.hasAcked) {
        peer.hasAcked = false
        peer.ackDueAt = now + this.#host.tunables.ackTimeoutMs
        continue
      }
      peer.forgetOutstanding()
      this.#announceTo.add(peer)
    }
  }

  #sendPushes(now: Millis): void {
    const outgoing = this.#outgoing
    this.#outgoing = []
    const batches = new Map<Peer, Batch>()
    for (const item of outgoing) {
      const { group, run } = item
      // It may turn out not to be what its dots stand for elsewhere; an announcement follows.
      if (group.isDisputed && run.replica === this.#host.writerOf(group)) continue
      const targets = this.#targets(item)
      const sentTo = sentToList(item.served, targets)
      for (const peer of targets) {
        if (!this.#mayPush(peer, item, now)) continue
        let batch = batches.get(peer)
        if (batch === undefined || !fits(batch, item, sentTo)) {
          if (batch !== undefined) this.#sendBatch(peer, batch)
          batch = { group: item.group.name, sentTo, runs: [], bytes: 0, events: 0 }
          batches.set(peer, batch)
        }
        this.#add(peer, batch, item)
      }
    }
    for (const [peer, batch] of batches) this.#sendBatch(peer, batch)
  }

  #targets({ group, run, served }: Outgoing): readonly Peer[] {
    const { writer, n0, count } = run
    const targets: Peer[] = []
    for (const peer of this.#host.peers.values()) {
      if (served.has(peer.hash) || peer.knows(group.name, writer, n0 + count - 1)) continue
      targets.push(peer)
    }
    return targets
  }

  #mayPush(peer: Peer, { group, run }: Outgoing, now: Millis): boolean {
    const { bytes, count, writer, n0 } = run
    const { pushBytesMax, windowBytes, ackTimeoutMs } = this.#host.tunables
    if (bytes.length > pushBytesMax || count > FRAME_EVENTS_MAX) {
      this.#announceTo.add(peer)
      return false
    }
    if (peer.isLagging || peer.unackedBytes + bytes.length > windowBytes) {
      peer.isLagging = true
      return false
    }
    const push = { writer, end: n0 + count - 1, bytes: bytes.length }
    peer.pushed(group.name, push, now + ackTimeoutMs)
    return true
  }

  #add(peer: Peer, batch: Batch, { group, run }: Outgoing): void {
    const knows = (writer: number): boolean => peer.knows(group.name, writer, 1)
    batch.runs.push(briefRun(run.bytes, group.state, this.#host.runs, knows))
    batch.bytes += run.bytes.length
    batch.events += run.count
  }

  #sendBatch(peer: Peer, batch: Batch): void {
    const { group, sentTo, runs } = batch
    this.#host.sendBytes(
      peer,
      'user',
      encodeFrame({ type: 'events', group, session: 0, sentTo, runs }),
    )
  }

  #sendAcks(): void {
    if (!this.#hasAcks) return
    this.#hasAcks = false
    for (const peer of this.#host.peers.values()) {
      for (const [name, { acks }] of peer.groups) {
        if (acks.size === 0) continue
        const group = present(this.#host.groups.get(name), 'group of an ack')
        group.close()
        const { state } = group
        const vector = [...acks]
          .map((writer) => ({
            hash: state.lanesOf(writer).low,
            n: state.have(writer),
            check: state.chainOf(writer).low,
          }))
          .filter(({ n }) => n > 0)
        acks.clear()
        if (vector.length === 0) continue
        this.#host.send(peer, 'control', { type: 'ack', group: name, vector })
      }
    }
  }
}

/** Whether the digest that a peer last told is this one. */
export function isEqualTo(peer: Peer, group: Group, digest: Uint8Array): boolean {
  const told = peer.groups.get(group.name)?.digest
  return told !== undefined && equalBytes(told, digest)
}

function sentToList(served: ReadonlySet<number>, targets: readonly Peer[]): readonly number[] {
  // With one target and nobody served there is nobody to leave out.
  if (targets.length === 1 && served.size === 0) return []
  const list = new Set(targets.map((peer) => peer.hash))
  for (const hash of served) list.add(hash)
  return [...list].slice(0, SENT_TO_MAX)
}

function fits(batch: Batch, item: Outgoing, sentTo: readonly number[]): boolean {
  return (
    batch.group === item.group.name &&
    batch.bytes + item.run.bytes.length <= PAYLOAD_BYTES &&
    batch.events + item.run.count <= FRAME_EVENTS_MAX &&
    batch.sentTo.length === sentTo.length &&
    batch.sentTo.every((hash, i) => hash === sentTo[i])
  )
}
