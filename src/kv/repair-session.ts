import { assert } from '../base/assert.ts'
import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import { isExpired } from '../records/validate.ts'
import type { Call, CallReply } from './calls.ts'
import { DIGESTS_MAX, encodeFrame, isWanted, type RecordDigest } from './frame.ts'
import { type KvContext, versionOf } from './kv-context.ts'
import { pushRecord } from './push.ts'

/** A peer that refuses so many records is left alone until the next round. */
const REFUSALS_MAX = 16

/**
 * Brings one peer up to date: digests, its wishes, pushes, until nothing is queued. Ends early when
 * the peer falls silent or keeps refusing; the next round begins anew.
 */
export class RepairSession {
  readonly #context: KvContext
  readonly #peer: PeerId
  readonly #ended: (now: Millis) => void
  /** Names of records the peer should hold; bounded by the records held here. */
  readonly #queued = new Set<string>()
  /** Names behind the digests that await an answer. */
  #offered: string[] = []
  #offer: Call | undefined
  #wanted: string[] = []
  #pushing = 0
  #pushingBytes = 0
  #refusals = 0
  #isClosed = false

  constructor(context: KvContext, peer: PeerId, ended: (now: Millis) => void) {
    this.#context = context
    this.#peer = peer
    this.#ended = ended
  }

  queue(name: string): void {
    this.#queued.add(name)
  }

  /** Begins; calling it again while it works changes nothing. @returns whether it works now */
  start(now: Millis): boolean {
    if (!this.#isClosed && this.#offer === undefined && this.#pushing === 0) this.#advance(now)
    return !this.#isClosed
  }

  close(): void {
    this.#isClosed = true
    this.#offer?.close()
  }

  answered(_peer: PeerId, reply: CallReply, now: Millis): void {
    this.#offer?.close()
    this.#offer = undefined
    if (reply.type !== 'wanted') {
      this.#end(now)
      return
    }
    this.#wanted = this.#offered.filter((_, index) => isWanted(reply.bitmap, index)).reverse()
    this.#advance(now)
  }

  failed(_peer: PeerId, _failure: unknown, now: Millis): void {
    this.#end(now)
  }

  #advance(now: Millis): void {
    while (this.#wanted.length > 0 && this.#pushNext(now)) {}
    if (this.#wanted.length > 0 || this.#pushing > 0 || this.#isClosed) return
    if (this.#queued.size === 0) this.#end(now)
    else this.#sendDigests(now)
  }

  /** @returns false when enough bytes are in flight */
  #pushNext(now: Millis): boolean {
    const name = this.#wanted.at(-1)
    assert(name !== undefined, 'a wanted record is pushed')
    const record = this.#context.store.heldByName(name)?.record
    if (record === undefined || isExpired(record, now)) {
      this.#wanted.pop()
      return true
    }
    const bytes = record.bytes.length
    const { pushBytesMax } = this.#context.tunables
    if (this.#pushing > 0 && this.#pushingBytes + bytes > pushBytesMax) return false
    this.#wanted.pop()
    this.#pushing += 1
    this.#pushingBytes += bytes
    pushRecord(this.#context, { record, peer: this.#peer }, now, (outcome, at) => {
      this.#pushing -= 1
      this.#pushingBytes -= bytes
      if (this.#isClosed) return
      if (outcome === 'refused') this.#refusals += 1
      if (outcome === 'failed' || this.#refusals >= REFUSALS_MAX) this.#end(at)
      else this.#advance(at)
    })
    return true
  }

  #sendDigests(now: Millis): void {
    const digests: RecordDigest[] = []
    this.#offered = []
    for (const name of this.#queued) {
      if (digests.length >= DIGESTS_MAX) break
      this.#queued.delete(name)
      const held = this.#context.store.heldByName(name)
      if (held === undefined || isExpired(held.record, now)) continue
      this.#offered.push(name)
      digests.push({ id: held.id, ...versionOf(held.record) })
    }
    if (digests.length === 0) {
      this.#end(now)
      return
    }
    this.#offer = this.#context.calls.open({
      frame: (id) => encodeFrame({ type: 'digests', id, digests }),
      lane: 'bulk',
      listener: this,
    })
    this.#offer.ask(this.#peer, now)
  }

  #end(now: Millis): void {
    if (this.#isClosed) return
    this.close()
    this.#ended(now)
  }
}
