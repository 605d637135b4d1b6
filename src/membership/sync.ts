import { equalBytes, hex } from '../base/bytes.ts'
import type { Millis } from '../base/core.ts'
import { jitter, randomInteger } from '../base/random.ts'
import { bucketOf } from './buckets.ts'
import { standingAccusations } from './claims.ts'
import {
  branchesOf,
  differingLeaves,
  differingParts,
  kindOf,
  type LeafMembers,
  membersOf,
} from './descent.ts'
import type { Branches, Leaf } from './descent-frames.ts'
import { accusationRumour, digestRumour, recordRumour } from './flood.ts'
import {
  BUCKET_HASH_BYTES,
  BUCKETS,
  branchesFrames,
  CLAIMS_PER_FRAME_MAX,
  claimsRoom,
  encodeBuckets,
  encodeClaimsHeader,
  encodeView,
  leavesFrames,
  withClaims,
} from './frame.ts'
import type { Link, Push } from './link.ts'
import { earlier, type Shared } from './shared.ts'
import { isLive } from './table.ts'

/** Pages of 4 KiB sent to one link at once, and the pause before the next ones. */
const PAGES_PER_TURN = 8
const TURN_MS = 20
/** The same state is pushed to the same peer at most this often. */
const REPEAT_MS = 1_000
/** Views are compared with one peer at most this often. */
const COMPARE_MS = 500
/** After something was refused or a link came up, views are compared again this soon. */
const SOON_MS = 1_000
/** Accusations told of a suspect; a failed member needs one. */
const CHARGES = 3
/** In tables of up to this many members a bucket holds so few that telling all of them is cheaper. */
const DESCENT_MEMBERS_MIN = 128
/** Of hashes of single members, in one answer; the next comparison finds what is left. */
const LEAF_FRAMES_MAX = 32
/** Twice a full table. */
const PUSH_QUEUE_MAX = 20_480

/**
 * Anti-entropy. `view` carries a hash of all members and one of all digests; whoever finds it different
 * answers with `buckets`, 32 hashes of each. Small tables then push what the differing buckets hold.
 * Large ones go down two levels more, `branches` (32 hashes for each differing bucket) and `leaves`
 * (one hash for each member of the differing branches), and push exactly the members that differ: k
 * differences cost k records and a few hashes each. Pages hold the living first. Equal views cost one
 * frame of 17 bytes.
 */
export class Sync {
  readonly #shared: Shared
  #nextAt: Millis

  constructor(shared: Shared, now: Millis) {
    this.#shared = shared
    this.#nextAt = now + this.#periodMs()
  }

  /** Starts a comparison with one peer. */
  compare(link: Link, now: Millis): void {
    if (now - link.viewSentAt < COMPARE_MS) return
    link.viewSentAt = now
    const { table } = this.#shared
    this.#send(link, encodeView(table.viewHash(), table.digestsHash()))
  }

  /** Something is missing: do not wait for the period. */
  soon(now: Millis): void {
    this.#nextAt = Math.min(this.#nextAt, now + SOON_MS)
  }

  viewed(
    link: Link,
    view: { readonly viewHash: Uint8Array; readonly digestsHash: Uint8Array },
  ): void {
    const { table } = this.#shared
    const isEqual =
      equalBytes(view.viewHash, table.viewHash()) &&
      equalBytes(view.digestsHash, table.digestsHash())
    if (!isEqual) this.#sendBuckets(link, false)
  }

  bucketsSeen(
    link: Link,
    theirs: {
      readonly isReply: boolean
      readonly views: readonly Uint8Array[]
      readonly digests: readonly Uint8Array[]
    },
    now: Millis,
  ): void {
    const { table } = this.#shared
    const views = differingBuckets(table.viewBuckets(), theirs.views)
    const digests = differingBuckets(table.digestBuckets(), theirs.digests)
    if (!theirs.isReply && table.size > DESCENT_MEMBERS_MIN) {
      const branches = branchesOf(table, differingParts({ views, digests }))
      for (const bytes of branchesFrames(branches)) this.#send(link, bytes)
      return
    }
    if (!theirs.isReply) this.#sendBuckets(link, true)
    if (views === 0 && digests === 0) return
    const key = `${hex(table.viewHash())}${hex(table.digestsHash())}${views}/${digests}`
    if (link.pushed?.key === key && now - link.pushed.at < REPEAT_MS) return
    link.pushed = { key, at: now }
    link.push.length = 0
    const chosen: Push[] = []
    for (const entry of table.entries()) {
      const bucket = bucketOf(entry.publicKey)
      const [hasView, hasDigest] = [isIn(views, bucket), isIn(digests, bucket)]
      if (hasView || hasDigest) chosen.push({ entry, hasView, hasDigest })
    }
    this.#push(link, chosen, now)
  }

  branchesSeen(link: Link, branches: readonly Branches[]): void {
    const { table } = this.#shared
    const own = membersOf(table, differingLeaves(table, branches))
    this.#sendLeaves(link, own.values(), false)
  }

  leavesSeen(
    link: Link,
    theirs: { readonly isReply: boolean; readonly leaves: readonly Leaf[] },
    now: Millis,
  ): void {
    const { table } = this.#shared
    const own = membersOf(table, new Set(theirs.leaves.map(({ leaf }) => leaf)))
    const behind: LeafMembers[] = []
    const chosen: Push[] = []
    for (const { leaf, hashes } of theirs.leaves) {
      const members = own.get(leaf)
      if (members === undefined) continue
      const { lacking, isBehind } = members.compare(hashes)
      if (isBehind) behind.push(members)
      const hasView = kindOf(leaf) === 'view'
      for (const entry of lacking) chosen.push({ entry, hasView, hasDigest: !hasView })
    }
    if (!theirs.isReply) this.#sendLeaves(link, behind, true)
    if (chosen.length > 0) this.#push(link, chosen, now)
  }

  work(now: Millis): void {
    const { links, options } = this.#shared
    for (const link of links.values()) {
      if (link.pushAt !== undefined && link.pushAt <= now) this.#pushPages(link, now)
    }
    if (this.#nextAt > now) return
    this.#nextAt = now + this.#periodMs()
    const candidates = [...links.values()]
    const link = candidates[randomInteger(options.random, candidates.length)]
    if (link !== undefined) this.compare(link, now)
  }

  nextDeadline(): Millis | undefined {
    let earliest: Millis | undefined = this.#nextAt
    for (const { pushAt } of this.#shared.links.values()) earliest = earlier(earliest, pushAt)
    return earliest
  }

  #periodMs(): Millis {
    return jitter(this.#shared.options.random, this.#shared.tunables.antiEntropyMs, 0.2)
  }

  #sendBuckets(link: Link, isReply: boolean): void {
    const { table } = this.#shared
    const views = table.viewBuckets()
    this.#send(link, encodeBuckets({ isReply, views, digests: table.digestBuckets() }))
  }

  #sendLeaves(link: Link, leaves: Iterable<LeafMembers>, isReply: boolean): void {
    const told: Leaf[] = []
    for (const members of leaves) told.push(members.told())
    const frames = leavesFrames(told, isReply)
    for (const bytes of frames.slice(0, LEAF_FRAMES_MAX)) this.#send(link, bytes)
  }

  /** Pages are taken from the end: the living come last here, so that accusers are known before accused. */
  #push(link: Link, chosen: readonly Push[], now: Millis): void {
    const allowed = chosen.filter(() => link.pushes.take(now))
    if (allowed.length < chosen.length) {
      this.#shared.outbox.push({ type: 'dropped', reason: 'push-rate' })
    }
    for (const push of allowed) if (!isLive(push.entry)) link.push.push(push)
    for (const push of allowed) if (isLive(push.entry)) link.push.push(push)
    link.push.splice(0, link.push.length - PUSH_QUEUE_MAX)
    this.#pushPages(link, now)
  }

  #pushPages(link: Link, now: Millis): void {
    const header = encodeClaimsHeader()
    for (let page = 0; page < PAGES_PER_TURN && link.push.length > 0; page++) {
      const claims: Uint8Array[] = []
      let room = claimsRoom(header.length)
      for (let push = link.push.at(-1); push !== undefined; push = link.push.at(-1)) {
        const told = claimsOf(push)
        let length = 0
        for (const bytes of told) length += bytes.length
        if (length > room || claims.length + told.length > CLAIMS_PER_FRAME_MAX) break
        claims.push(...told)
        room -= length
        link.push.pop()
      }
      if (claims.length > 0) this.#send(link, withClaims(header, claims))
    }
    link.pushAt = link.push.length > 0 ? now + TURN_MS : undefined
  }

  #send(link: Link, bytes: Uint8Array): void {
    this.#shared.outbox.push({ type: 'send', peer: link.peerId, lane: 'control', bytes })
  }
}

/** At most one record, three accusations and a digest: always less than a frame. */
function claimsOf({ entry, hasView, hasDigest }: Push): Uint8Array[] {
  const told: Uint8Array[] = []
  if (hasView) {
    told.push(recordRumour(entry).bytes)
    const charges = entry.state === 'failed' ? 1 : CHARGES
    for (const accusation of standingAccusations(entry.claims).slice(0, charges)) {
      told.push(accusationRumour(entry, accusation).bytes)
    }
  }
  const digest = hasDigest ? digestRumour(entry) : undefined
  if (digest !== undefined) told.push(digest.bytes)
  return told
}

/** One bit per bucket. */
function differingBuckets(ours: Uint8Array, theirs: readonly Uint8Array[]): number {
  let mask = 0
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const at = bucket * BUCKET_HASH_BYTES
    const other = theirs[bucket]
    const own = ours.subarray(at, at + BUCKET_HASH_BYTES)
    if (other === undefined || !equalBytes(own, other)) mask |= 1 << bucket
  }
  return mask
}

function isIn(mask: number, bucket: number): boolean {
  return ((mask >>> bucket) & 1) === 1
}
