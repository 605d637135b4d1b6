import { equalBytes } from '../../base/bytes.ts'
import type { Millis } from '../../base/core.ts'
import { hashText64 } from '../../base/hash.ts'
import type { PeerId } from '../../base/ids.ts'
import type { Group } from '../group/group.ts'
import type { VectorEntry } from './frames.ts'

/** What one linked peer is known to hold of one group. */
export interface PeerGroup {
  /** By interned writer: events up to here are durable there. */
  readonly known: number[]
  /** By interned writer: pushed up to here and not acked yet. */
  readonly outstanding: Map<number, number>
  /** Interned writers whose pushed events it waits to see acked. */
  readonly acks: Set<number>
  /** The digest it last told, 16 bytes. */
  digest: Uint8Array | undefined
  /** The digest that it was last told together with our vector, and when. */
  shown: Uint8Array | undefined
  shownAt: Millis
  /** Payload pulled from it since the last time both were equal; undefined when none. */
  pulled: { bytes: number; events: number } | undefined
  alarmedAt: Millis
  repairedAt: Millis
}

/** A linked peer. */
export class Peer {
  readonly id: PeerId
  /** It only reads: see observer-frames.ts. */
  readonly isObserver: boolean
  /** How frames name it briefly. */
  readonly hash: number
  readonly groups: Map<string, PeerGroup> = new Map()
  /** When it was last sent a digest. */
  comparedAt: Millis = Number.NEGATIVE_INFINITY
  /** It has told of all its groups at some time: those that it has not told of are empty there. */
  hasTold = false
  /** It was sent a digest and has sent none since. */
  awaitsDigest = false
  /** When outstanding pushes lead to a comparison. */
  ackDueAt: Millis | undefined
  /** An ack has come since the deadline was set. */
  hasAcked = false
  /** Pushed since the last ack, and between the two before: what may still be in flight. */
  #recentBytes = 0
  #earlierBytes = 0
  /** Pushes were withheld: it needs a comparison once it has acked. */
  isLagging = false
  pullTimeoutMs: Millis
  #tokens: number = Number.MAX_SAFE_INTEGER
  #tokensAt: Millis | undefined

  constructor(id: PeerId, pullTimeoutMs: Millis, isObserver = false) {
    this.id = id
    this.isObserver = isObserver
    this.hash = hashText64(id).low
    this.pullTimeoutMs = pullTimeoutMs
  }

  group(name: string): PeerGroup {
    let group = this.groups.get(name)
    if (group === undefined) {
      group = {
        known: [],
        outstanding: new Map(),
        acks: new Set(),
        digest: undefined,
        shown: undefined,
        shownAt: Number.NEGATIVE_INFINITY,
        pulled: undefined,
        alarmedAt: Number.NEGATIVE_INFINITY,
        repairedAt: Number.NEGATIVE_INFINITY,
      }
      this.groups.set(name, group)
    }
    return group
  }

  /** Whether a group is there as it is here, by what it has told last. @param digest ours */
  isAlike(group: string, digest: Uint8Array, isEmpty: boolean): boolean {
    const told = this.groups.get(group)?.digest
    return told === undefined ? isEmpty && this.hasTold : equalBytes(told, digest)
  }

  knows(group: string, writer: number, n: number): boolean {
    return (this.groups.get(group)?.known[writer] ?? 0) >= n
  }

  /** The same, where it counts: what an observer holds nobody gets from it. */
  vouches(group: string, writer: number, n: number): boolean {
    return !this.isObserver && this.knows(group, writer, n)
  }

  /** Learns that it holds a writer's events up to `n`. */
  learn(group: string, writer: number, n: number): void {
    const { known, outstanding } = this.group(group)
    if (n <= (known[writer] ?? 0)) return
    known[writer] = n
    const pushed = outstanding.get(writer)
    if (pushed === undefined) return
    this.hasAcked = true
    this.#earlierBytes = this.#recentBytes
    this.#recentBytes = 0
    if (pushed > n) return
    outstanding.delete(writer)
    if (this.hasOutstanding()) return
    this.ackDueAt = undefined
    this.#earlierBytes = 0
  }

  /** Pushed payload that may still be in flight. */
  get unackedBytes(): number {
    return this.#recentBytes + this.#earlierBytes
  }

  /** Notes a push. @param ackDueAt when a missing ack leads to a comparison */
  pushed(
    group: string,
    push: { readonly writer: number; readonly end: number; readonly bytes: number },
    ackDueAt: Millis,
  ): void {
    this.group(group).outstanding.set(push.writer, push.end)
    this.#recentBytes += push.bytes
    this.ackDueAt ??= ackDueAt
  }

  /** Forgets what it held of a writer above `n`. */
  unlearn(group: string, writer: number, n: number): void {
    const { known, outstanding } = this.group(group)
    known[writer] = Math.min(known[writer] ?? 0, n)
    outstanding.delete(writer)
  }

  /** Learns its whole vector, which may have shrunk: a restored store holds less than before. */
  learnVector(group: Group, vector: readonly VectorEntry[]): void {
    this.group(group.name).known.length = 0
    for (const { replica, n } of vector) {
      const writer = group.state.indexOf(replica)
      if (writer !== undefined)
        this.learn(group.name, writer, Math.min(n, group.state.have(writer)))
    }
  }

  /** Forgets what was pushed: a comparison will tell. */
  forgetOutstanding(): void {
    for (const { outstanding } of this.groups.values()) outstanding.clear()
    this.ackDueAt = undefined
    this.#recentBytes = 0
    this.#earlierBytes = 0
    this.isLagging = false
  }

  hasOutstanding(): boolean {
    for (const { outstanding } of this.groups.values()) if (outstanding.size > 0) return true
    return false
  }

  /** Whether it may be served `bytes` now; a token bucket that may go into debt once. */
  mayServe(now: Millis, bytesPerSecond: number): boolean {
    const burst = bytesPerSecond / 4
    const elapsed = now - (this.#tokensAt ?? now)
    this.#tokensAt = now
    this.#tokens = Math.min(burst, this.#tokens + (Math.max(0, elapsed) * bytesPerSecond) / 1000)
    return this.#tokens > 0
  }

  spend(bytes: number): void {
    this.#tokens -= bytes
  }
}
