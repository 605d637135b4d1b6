import { equalBytes } from '../base/bytes.ts'
import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import { randomBytes } from '../base/random.ts'
import type { Accusation } from './accusation.ts'
import { persistEpoch } from './book.ts'
import { compareTimes } from './claims.ts'
import { recordRumour } from './flood.ts'
import {
  BOOT_NONCE_BYTES,
  fittingAddresses,
  isSameBoot,
  type MemberRecord,
  type SignedRecord,
  signRecord,
} from './record.ts'
import type { Shared } from './shared.ts'
import type { Entry } from './table.ts'

/** Records of our own are signed at most this often: an accuser cannot keep us signing. */
const SIGN_INTERVAL_MS = 100
/** How often a foreign life with our key is outbid before the alarm is all that is left. */
const OUTBIDS_MAX = 3
/** A second process is reported at most this often. */
const ALARM_INTERVAL_MS = 10_000
/** Accusers remembered: more than anybody asks for. */
const ACCUSERS_MAX = 16
/** An accuser counts if its link is so old, and … */
const SETTLED_MS = 10_000
/** … was heard so lately: after a cut everybody is accused by everybody. */
const HEARD_MS = 5_000

/**
 * This node's own record. Nobody else can sign it, so nobody else raises its incarnation: an
 * accusation is answered by the next one. A record of our key from another boot at the same or a
 * later epoch is an old life after a lost store, or a second process with our key: the first time
 * the epoch is raised above it, from then on it is an alarm.
 */
export class Identity {
  readonly #shared: Shared
  readonly #entry: Entry
  #record: SignedRecord
  #refuteAt: Millis | undefined
  /** Linked members that accused us, and when. */
  readonly #accusers = new Map<PeerId, Millis>()
  #signedAt: Millis
  #outbids = 0
  #alarmAt: Millis = Number.NEGATIVE_INFINITY

  constructor(shared: Shared, epoch: number, now: Millis) {
    this.#shared = shared
    const { options } = shared
    this.#record = signRecord(options.signer, options.network, {
      publicKey: options.signer.publicKey,
      epoch,
      incarnation: 0,
      status: 'alive',
      bootNonce: randomBytes(options.random, BOOT_NONCE_BYTES),
      protocol: options.protocol,
      name: options.name,
      addresses: [],
      tags: options.tags ?? {},
    })
    this.#signedAt = Number.NEGATIVE_INFINITY
    this.#entry = shared.table.add(this.#record, now)
    persistEpoch(shared.outbox, epoch)
  }

  get entry(): Entry {
    return this.#entry
  }

  get hasLeft(): boolean {
    return this.#record.status === 'left'
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
    if (isSameBoot(record, this.#record) || record.epoch < this.#record.epoch) return
    const { outbox } = this.#shared
    if (record.epoch === this.#record.epoch || this.#outbids > 0) {
      this.#alarm(now)
    }
    if (this.#outbids >= OUTBIDS_MAX || this.hasLeft) return
    this.#outbids += 1
    this.#raise({ epoch: record.epoch + 1, incarnation: 0 }, now)
    persistEpoch(outbox, this.#record.epoch)
  }

  work(now: Millis): void {
    if (this.#refuteAt === undefined || this.#refuteAt > now) return
    this.#raise({}, now)
  }

  nextDeadline(): Millis | undefined {
    return this.#refuteAt
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
    if (link === undefined || now - link.upAt < SETTLED_MS) return
    if (now - link.lastHeardAt > HEARD_MS) return
    if (this.#accusers.size >= ACCUSERS_MAX && !this.#accusers.has(link.peerId)) return
    this.#accusers.set(link.peerId, now)
  }

  #alarm(now: Millis): void {
    if (now < this.#alarmAt) return
    this.#alarmAt = now + ALARM_INTERVAL_MS
    const reason = 'another process runs with this identity: stop one of them'
    this.#shared.outbox.push({ type: 'alarm', reason })
  }

  #raise(change: Partial<MemberRecord>, now: Millis): void {
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
    flood.spread(recordRumour(this.#entry), { now })
  }

  isSelf(publicKey: Uint8Array): boolean {
    return equalBytes(publicKey, this.#shared.options.signer.publicKey)
  }
}
