import { decode, Writer } from '../base/codec.ts'
import type { Millis, Outbox, StoreRow, StoreWrite } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import { parsePeerId, peerIdFromPublicKey } from '../base/peer-id.ts'
import type { MembershipOutput } from './member.ts'
import { COUNTER_MAX, decodeRecord, type SignedRecord } from './record.ts'
import type { Entry } from './table.ts'

/** Peers remembered over restarts. */
export const BOOK_PEERS_MAX = 1_024
const EPOCH_KEY = 'member!epoch'
const BOOK_PREFIX = 'member!book!'
/** Changes are written together, so that churn costs few commits. */
const WRITE_DELAY_MS = 1_000

/** Stores the epoch of this boot: value is one varint. */
export function persistEpoch(outbox: Outbox<MembershipOutput>, epoch: number): void {
  const value = new Writer().varint(epoch).finish()
  outbox.push({ type: 'persist', writes: [{ key: EPOCH_KEY, value }] })
}

/**
 * The peer book: records of members met, in the store, so that a restarted node finds its network
 * even when every seed is gone. Rows `member!book!PEERID` hold a signed record. A peer from the book is
 * dialled, never shown: only what is heard of it makes it a member. Members that left are struck out.
 */
export class Book {
  readonly #outbox: Outbox<MembershipOutput>
  /** In order of the last change, oldest first. */
  readonly #peers = new Map<PeerId, SignedRecord>()
  readonly #unwritten = new Map<PeerId, Uint8Array | undefined>()
  #writeAt: Millis | undefined
  #epoch = 0

  constructor(outbox: Outbox<MembershipOutput>) {
    this.#outbox = outbox
  }

  /** The highest epoch stored before this boot. */
  get epoch(): number {
    return this.#epoch
  }

  /** Peers in the book, met in this life or not. */
  get peers(): ReadonlyMap<PeerId, SignedRecord> {
    return this.#peers
  }

  /** Takes one row of the store; rows that make no sense are counted and left alone. */
  load(row: StoreRow): void {
    if (row.key === EPOCH_KEY) {
      const epoch = decode(row.value, (reader) => {
        const value = reader.varint(COUNTER_MAX)
        reader.end()
        return value
      })
      if (epoch.ok) this.#epoch = epoch.value
      else this.#outbox.push({ type: 'dropped', reason: 'stored-epoch' })
      return
    }
    const peerId = row.key.startsWith(BOOK_PREFIX)
      ? parsePeerId(row.key.slice(BOOK_PREFIX.length))
      : undefined
    const record = decodeRecord(row.value)
    if (peerId === undefined || !record.ok || !isOf(peerId, record.value)) {
      this.#outbox.push({ type: 'dropped', reason: 'stored-peer' })
    } else if (this.#peers.size < BOOK_PEERS_MAX) {
      this.#peers.set(peerId, record.value)
    }
  }

  /** A member's record changed. */
  note(entry: Entry, now: Millis): void {
    const { record } = entry.claims
    const known = this.#peers.get(entry.peerId)
    // Nor is there anything to dial at who gives no address: pages would push everybody else out.
    if (entry.state === 'left' || record.addresses.length === 0) {
      if (known !== undefined) this.#strike(entry.peerId, now)
      return
    }
    if (known === record) return
    this.#peers.delete(entry.peerId)
    if (this.#peers.size >= BOOK_PEERS_MAX) {
      for (const oldest of this.#peers.keys()) {
        this.#strike(oldest, now)
        break
      }
    }
    this.#peers.set(entry.peerId, record)
    this.#write(entry.peerId, record.bytes, now)
  }

  work(now: Millis): void {
    if (this.#writeAt === undefined || this.#writeAt > now) return
    this.#writeAt = undefined
    const writes: StoreWrite[] = []
    for (const [peerId, value] of this.#unwritten) writes.push({ key: BOOK_PREFIX + peerId, value })
    this.#unwritten.clear()
    this.#outbox.push({ type: 'persist', writes })
  }

  nextDeadline(): Millis | undefined {
    return this.#writeAt
  }

  #strike(peerId: PeerId, now: Millis): void {
    this.#peers.delete(peerId)
    this.#write(peerId, undefined, now)
  }

  #write(peerId: PeerId, value: Uint8Array | undefined, now: Millis): void {
    this.#unwritten.set(peerId, value)
    this.#writeAt ??= now + WRITE_DELAY_MS
  }
}

function isOf(peerId: PeerId, record: SignedRecord): boolean {
  return peerIdFromPublicKey(record.publicKey) === peerId
}
