import { equalBytes } from '../base/bytes.ts'
import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import type { Accusation } from './accusation.ts'
import { persistEpoch } from './book.ts'
import { bootNonce, isYounger } from './boot-nonce.ts'
import { compareTimes } from './claims.ts'
import { recordRumour } from './flood.ts'
import {
  compareRecords,
  fittingAddresses,
  type MemberRecord,
  type SignedRecord,
  signRecord,
} from './record.ts'
import { earlier, type Shared } from './shared.ts'
import type { Entry } from './table.ts'
import { TokenBucket } from './token-bucket.ts'

/** Records of our own are signed at most this often: an accuser cannot keep us signing. */
const SIGN_INTERVAL_MS = 100
/** How often other lives with our key are outbid at once, and as long as nothing shows that one of them runs. */
const OUTBIDS_BURST = 3
const OUTBIDS_PER_SECOND = 0.1
/** A second process is reported at most this often. */
const ALARM_INTERVAL_MS = 10_000
/** Accusers remembered: more than anybody asks for. */
const ACCUSERS_MAX = 16
/** An accuser counts if it was heard for so long without a gap, and … */
const SETTLED_MS = 10_000
/** … so lately: after a cut everybody is accused by everybody. */
const HEARD_MS = 5_000

/**
 * This node's own record. Nobody else can sign it, so nobody else raises its incarnation: an
 * accusation is answered by the next one.
 *
 * A record of our key from another boot at the same or a later epoch is an old life after a lost store,
 * or a second process with our key. It is outbid: the epoch is raised above it, and the new record names
 * the other's boot nonce. Only a process that runs while we do can name ours, and our nonce is younger
 * than every old life: that is the proof. Of two that run, the younger one (boot-nonce.ts) gives way at
 * once when it has that proof, and the older one goes on outbidding until it has; so no loss and no
 * order of frames ends both or none for good, and nothing that is replayed ends one.
 */
export class Identity {
  readonly #shared: Shared
  readonly #entry: Entry
  #record: SignedRecord
  #refuteAt: Millis | undefined
  /** Linked members that accused us, and when. */
  readonly #accusers = new Map<PeerId, Millis>()
  #signedAt: Millis
  /** Another life with our key that is ahead of us, and when it may be outbid. */
  #ahead: { readonly record: SignedRecord; readonly at: Millis } | undefined
  readonly #outbids: TokenBucket
  #hasGivenWay = false
  #alarmAt: Millis = Number.NEGATIVE_INFINITY

  constructor(shared: Shared, epoch: number, now: Millis) {
    this.#shared = shared
    const { options } = shared
    this.#record = signRecord(options.signer, options.network, {
      publicKey: options.signer.publicKey,
      epoch,
      incarnation: 0,
      status: 'alive',
      bootNonce: bootNonce(options.random, now),
      protocol: options.protocol,
      name: options.name,
      addresses: [],
      tags: options.tags ?? {},
    })
    this.#signedAt = Number.NEGATIVE_INFINITY
    this.#outbids = new TokenBucket({ perSecond: OUTBIDS_PER_SECOND, burst: OUTBIDS_BURST, now })
    this.#entry = shared.table.add(this.#record, now)
    persistEpoch(shared.outbox, epoch)
  }

  get entry(): Entry {
    return this.#entry
  }

  get hasLeft(): boolean {
    return this.#record.status === 'left'
  }

  /** True when an older process with our key runs: this one has nothing to say any more. */
  get hasGivenWay(): boolean {
    return this.#hasGivenWay
  }

  setAddresses(addresses: readonly string[], now: Millis): void {
    const fitting = fittingAddresses(addresses)
    const { addresses: before } = this.#record
    if (fitting.length === before.length && fitting.every((text, i) => text === before[i])) return
    this.#raise({ addresses: fitting }, now)
  }

  /** @param tags checked */
  setTags(tags: MemberRecord['tags'], now: Millis): void {
    const before = this.#record.tags
    const keys = Object.keys(tags)
    const isSame =
      keys.length === Object.keys(before).length &&
      keys.every((key) => Object.hasOwn(before, key) && before[key] === tags[key])
    if (!isSame) this.#raise({ tags: { ...tags } }, now)
  }

  /** Says in the record whether this node is fit to observe others. */
  setDegraded(isDegraded: boolean, now: Millis): void {
    if (!this.hasLeft) this.#raise({ status: isDegraded ? 'degraded' : 'alive' }, now)
  }

  /** How many linked members have accused us after `since`. */
  accusersSince(since: Millis): number {
    let count = 0
    for (const at of this.#accusers.values()) if (at > since) count += 1
    return count
  }

  /** What others said while this node did not run is no fault of its links. */
  forgetAccusers(): void {
    this.#accusers.clear()
  }

  leave(now: Millis): void {
    this.#raise({ status: 'left' }, now)
    this.#shared.table.setState(this.#entry, 'left', now)
  }

  /** Somebody accuses us: refute, unless it is old news, which the record we answer with shows. */
  accused(accusation: Accusation, now: Millis): void {
    if (this.hasLeft) return
    const order = compareTimes(accusation, this.#record)
    if (order > 0) {
      this.#shared.outbox.push({ type: 'dropped', reason: 'accusation-ahead' })
      return
    }
    this.noteAccuser(accusation, now)
    if (order < 0 || this.#refuteAt !== undefined) return
    this.#shared.health.worse()
    this.#refuteAt = Math.max(now, this.#signedAt + SIGN_INTERVAL_MS)
    this.work(now)
  }

  /** A verified record of our own key came from outside. */
  met(record: SignedRecord, now: Millis): void {
    if (this.hasLeft || this.#hasGivenWay) return
    const own = this.#record.bootNonce
    const isTwin = record.rival !== undefined && equalBytes(record.rival, own)
    if (isTwin && isYounger(own, record.bootNonce)) {
      this.#giveWay(record)
      return
    }
    if (isTwin || isYounger(record.bootNonce, own)) this.#alarm(now)
    const outbidAt = isTwin ? this.#signedAt + SIGN_INTERVAL_MS : this.#outbids.readyAt(now)
    const { record: ahead = record, at = outbidAt } = this.#ahead ?? {}
    this.#ahead = {
      record: compareRecords(ahead, record) > 0 ? ahead : record,
      at: Math.max(now, Math.min(at, outbidAt)),
    }
    this.work(now)
  }

  work(now: Millis): void {
    if (this.#hasGivenWay) return
    if (this.#ahead !== undefined && this.#ahead.at <= now) this.#outbid(this.#ahead.record, now)
    // A refutation waits for no company: where timers are late it would wait for them as well.
    if (this.#refuteAt !== undefined && this.#refuteAt <= now) this.#raise({}, now, 0)
  }

  nextDeadline(): Millis | undefined {
    return earlier(this.#refuteAt, this.#ahead?.at)
  }

  /** Whether it is about the life that we have refuted last. */
  isLatest({ epoch, incarnation }: Accusation): boolean {
    return epoch === this.#record.epoch && incarnation === this.#record.incarnation - 1
  }

  /** Remembers who accuses us. @param accusation verified */
  noteAccuser({ accuser }: Accusation, now: Millis): void {
    const { table, links } = this.#shared
    const peerId = table.find(accuser)?.peerId
    const link = peerId === undefined ? undefined : links.get(peerId)
    if (link === undefined || now - link.steadySince < SETTLED_MS) return
    if (now - link.lastHeardAt > HEARD_MS) return
    if (this.#accusers.size >= ACCUSERS_MAX && !this.#accusers.has(link.peerId)) return
    this.#accusers.set(link.peerId, now)
  }

  #outbid(record: SignedRecord, now: Millis): void {
    const { options, outbox } = this.#shared
    this.#ahead = undefined
    if (record.epoch < this.#record.epoch) return
    this.#outbids.take(now)
    // A snapshot of this very process runs: from here on they are two.
    const isSameBoot = equalBytes(record.bootNonce, this.#record.bootNonce)
    this.#raise(
      {
        epoch: record.epoch + 1,
        incarnation: 0,
        rival: record.bootNonce,
        ...(isSameBoot ? { bootNonce: bootNonce(options.random, now) } : {}),
      },
      now,
    )
    persistEpoch(outbox, this.#record.epoch)
  }

  #giveWay({ addresses }: SignedRecord): void {
    this.#hasGivenWay = true
    this.#ahead = undefined
    this.#refuteAt = undefined
    this.#shared.outbox.push({ type: 'gave-way', addresses })
  }

  #alarm(now: Millis): void {
    if (now < this.#alarmAt) return
    this.#alarmAt = now + ALARM_INTERVAL_MS
    const reason = 'another process runs with this identity: the one that started last ends'
    this.#shared.outbox.push({ type: 'alarm', reason })
  }

  #raise(change: Partial<MemberRecord>, now: Millis, floodDelayMs?: Millis): void {
    if (this.#hasGivenWay) return
    const { options, table, flood } = this.#shared
    const { bytes: _, ...record } = this.#record
    const incarnation = record.incarnation + 1
    this.#record = signRecord(options.signer, options.network, {
      ...record,
      incarnation,
      ...change,
    })
    this.#refuteAt = undefined
    this.#signedAt = now
    table.setClaims(this.#entry, { record: this.#record, accusations: [] })
    flood.spread(recordRumour(this.#entry, floodDelayMs), { now })
  }

  isSelf(publicKey: Uint8Array): boolean {
    return equalBytes(publicKey, this.#shared.options.signer.publicKey)
  }
}
