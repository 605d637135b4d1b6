import { compareBytes, equalBytes } from '../base/bytes.ts'
import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import { digestRumour } from './flood.ts'
import { DIGEST_BYTES, type DigestClaim, type OwnDigest } from './frame.ts'
import type { Link } from './link.ts'
import { COUNTER_MAX } from './record.ts'
import { isSlow, type Shared } from './shared.ts'
import type { Entry } from './table.ts'

/** A linked peer's different digest is told to the engine at most this often. */
const HINT_INTERVAL_MS = 200
/** Above this many members own changes are told less often, so that the flood stays flat. */
const FULL_RATE_MEMBERS = 16
/** How long digests wait for company at most: with many members each of many links carries all of them. */
const DELAY_MAX_MS = 200
/** … and while this node is slow. */
const DELAY_SLOW_MS = 500
/** A counter further ahead of the known one is a lie. */
const COUNTER_JUMP_MAX = 2 ** 32
/** A peer heard within this time speaks for itself: hearsay about its digest is ignored. */
const DIRECT_MS = 3_000

/**
 * Who holds which replicated state. Each member numbers its own digests by (epoch, counter); pings and
 * acks carry them, changes are flooded. Digests are hints and unsigned: a peer's own word on its link
 * overrules hearsay, and a member that hears a false digest of itself counts past it.
 */
export class Digests {
  readonly #shared: Shared
  #current: Uint8Array | undefined
  /** What others were told last, and under which epoch of ours. */
  #told: OwnDigest | undefined
  #counter = 0
  #publishAt: Millis | undefined
  #publishedAt: Millis = Number.NEGATIVE_INFINITY
  #hasChanged = false

  constructor(shared: Shared) {
    this.#shared = shared
  }

  /** This node's digest changed. */
  set(digest: Uint8Array, self: Entry, now: Millis): void {
    if (digest.length !== DIGEST_BYTES) {
      this.#shared.outbox.push({ type: 'dropped', reason: 'digest-length' })
      return
    }
    if (this.#current !== undefined && equalBytes(this.#current, digest)) return
    this.#current = digest.slice()
    const { digestIntervalMs } = this.#shared.tunables
    this.#publishAt ??= Math.max(now, this.#publishedAt + digestIntervalMs * this.#scale())
    this.work(self, now)
  }

  /** The digest last told to others, as probes carry it. */
  told(self: Entry): OwnDigest {
    const { epoch, status } = self.claims.record
    if (this.#told?.epoch === epoch && status !== 'left') return this.#told
    return { epoch, counter: 0, digest: undefined }
  }

  work(self: Entry, now: Millis): void {
    // A new epoch of ours began: the digest is told again under it.
    const isUntold = this.#current !== undefined && this.#told?.epoch !== self.claims.record.epoch
    if (isUntold) this.#publish(self, now)
    if (this.#publishAt !== undefined && this.#publishAt <= now) this.#publish(self, now)
    if (this.#hasChanged) {
      this.#hasChanged = false
      this.#shared.outbox.push({ type: 'digests' })
    }
  }

  nextDeadline(): Millis | undefined {
    return this.#publishAt
  }

  /** A peer's own digest, from its own probe. */
  heardFrom(link: Link, subject: Entry, digest: OwnDigest, now: Millis): void {
    if (digest.digest === undefined) return
    this.#hint(link, digest.digest, now)
    // What nearly every frame says: the same as the frame before.
    if (this.#shared.table.isDirectDigest(subject, digest)) return
    const claim = {
      subject: subject.publicKey,
      epoch: digest.epoch,
      counter: digest.counter,
      digest: digest.digest,
    }
    const known = subject.digest
    // Only an older word of its own outweighs what a peer says of itself.
    const isNews = known === undefined || !known.isDirect || compareDigests(claim, known) > 0
    if (isNews && claim.epoch === subject.claims.record.epoch) {
      this.#adopt(subject, claim, { from: link.peerId, isDirect: true, now })
    }
  }

  /** A digest claim that somebody passed on. */
  heardOf(
    subject: Entry,
    claim: DigestClaim,
    options: { from: Link; self: Entry; now: Millis },
  ): void {
    const { from, self, now } = options
    if (subject === self) {
      this.#refute(claim, self, now)
      return
    }
    if (subject.peerId === from.peerId) {
      this.heardFrom(from, subject, claim, now)
      return
    }
    if (claim.epoch !== subject.claims.record.epoch || subject.state === 'left') return
    const link = this.#shared.links.get(subject.peerId)
    if (link !== undefined && subject.digest?.isDirect && now - link.lastHeardAt < DIRECT_MS) return
    const known = subject.digest
    if (known !== undefined && compareDigests(claim, known) <= 0) return
    if (claim.counter - (known?.counter ?? 0) > COUNTER_JUMP_MAX) {
      this.#shared.outbox.push({ type: 'dropped', reason: 'digest-jump' })
      return
    }
    this.#adopt(subject, claim, { from: from.peerId, isDirect: false, now })
  }

  #adopt(
    subject: Entry,
    claim: DigestClaim,
    options: { from: PeerId; isDirect: boolean; now: Millis },
  ): void {
    const { from, isDirect, now } = options
    const known = subject.digest
    const isSame = known !== undefined && compareDigests(claim, known) === 0
    if (isSame && known.isDirect === isDirect) return
    const { table, flood } = this.#shared
    // Own copies: the claim's bytes are a view of a frame.
    table.setDigest(subject, {
      subject: subject.publicKey,
      epoch: claim.epoch,
      counter: claim.counter,
      digest: claim.digest.slice(),
      isDirect,
    })
    if (isSame) return
    if (known === undefined || !equalBytes(known.digest, claim.digest)) this.#hasChanged = true
    const rumour = digestRumour(subject, this.#delayMs(now))
    if (rumour !== undefined) flood.spread(rumour, { from, now })
  }

  /** Hearsay about ourselves that is newer than what we said: count past it. */
  #refute(claim: DigestClaim, self: Entry, now: Millis): void {
    const known = self.digest
    if (claim.epoch !== self.claims.record.epoch || this.#current === undefined) return
    if (known !== undefined && compareDigests(claim, known) <= 0) return
    if (claim.counter - this.#counter > COUNTER_JUMP_MAX) return
    this.#counter = claim.counter
    this.#publish(self, now)
  }

  #publish(self: Entry, now: Millis): void {
    this.#publishAt = undefined
    const digest = this.#current
    if (digest === undefined || this.#counter >= COUNTER_MAX) return
    this.#publishedAt = now
    this.#counter += 1
    const { epoch } = self.claims.record
    const { publicKey: subject } = self
    const counter = this.#counter
    this.#told = { epoch, counter, digest }
    this.#shared.table.setDigest(self, { ...this.#told, subject, digest, isDirect: true })
    this.#hasChanged = true
    const rumour = digestRumour(self, this.#delayMs(now))
    if (rumour !== undefined) this.#shared.flood.spread(rumour, { now })
  }

  #scale(): number {
    return Math.max(1, this.#shared.table.liveCount / FULL_RATE_MEMBERS)
  }

  #delayMs(now: Millis): Millis {
    if (isSlow(this.#shared.pulse, now)) return DELAY_SLOW_MS
    return Math.min(DELAY_MAX_MS, this.#shared.tunables.floodDelayMs * this.#scale() ** 2)
  }

  #hint(link: Link, digest: Uint8Array, now: Millis): void {
    if (this.#current === undefined || equalBytes(digest, this.#current)) return
    if (now - link.hintedAt < HINT_INTERVAL_MS) return
    link.hintedAt = now
    this.#shared.outbox.push({ type: 'digest-differs', peer: link.peerId })
  }
}

function compareDigests(a: DigestClaim, b: DigestClaim): number {
  return a.epoch - b.epoch || a.counter - b.counter || compareBytes(a.digest, b.digest)
}
