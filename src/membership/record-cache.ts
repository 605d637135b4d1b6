import { equalBytes } from '../base/bytes.ts'
import { Writer } from '../base/codec.ts'
import { sha256 } from '../base/hash.ts'
import { Bodies, KnownRecord } from './known-record.ts'
import { Pages } from './pages.ts'
import type { RecordHead, SignedRecord } from './record.ts'
import { Subjects } from './subjects.ts'

/** Records lie together: a buffer of its own would cost each of them as much again. */
const PAGE_BYTES = 16_384
/** Pages are packed when more than half of them, and this, is waste. */
const WASTE_BYTES_MIN = 65_536
/** Measured on Node.js 24: a record object. */
const RECORD_OBJECT_BYTES = 135

/**
 * Records that were decoded and verified, by their bytes, and the keys they are of. Each table has one
 * of its own, or many tables of one process and network share one (labs, the simulator): what cannot
 * change is then held, decoded and verified once. What a table answers is the same either way.
 */
export class RecordCache {
  readonly network: string
  readonly subjects: Subjects
  /** By subject number: the first of its records. */
  readonly #first: (KnownRecord | undefined)[] = []
  readonly #pages = new Pages(PAGE_BYTES)
  readonly #bodies = new Bodies()
  #liveBytes = 0
  #records = 0

  /** @param network the name that salts rings and signatures */
  constructor(network: string) {
    this.network = network
    this.subjects = new Subjects(network)
  }

  /** What is held, without the parts of records that were decoded. */
  get allocatedBytes(): number {
    const objects = this.#records * RECORD_OBJECT_BYTES
    return this.subjects.allocatedBytes + this.#pages.allocatedBytes + objects
  }

  /** The record with exactly these bytes, when some table holds it: it was verified before. */
  find(head: RecordHead, bytes: Uint8Array): KnownRecord | undefined {
    const subject = this.subjects.find(head.publicKey)
    return subject === undefined ? undefined : this.#among(subject, bytes)
  }

  /** One more table holds this record. @param record verified */
  acquire(record: SignedRecord): KnownRecord {
    const subject = this.subjects.acquire(record.publicKey)
    const known = this.#among(subject, record.bytes) ?? this.#add(subject, record)
    known.uses += 1
    return known
  }

  release(record: KnownRecord): void {
    record.uses -= 1
    if (record.uses === 0) this.#remove(record)
    this.subjects.release(record.subject)
    const packedBytes = 2 * this.#liveBytes + WASTE_BYTES_MIN
    if (this.#pages.allocatedBytes > packedBytes) this.#pack()
  }

  /**
   * Makes `hashHigh` and `hashLow` of a record those of its view hash: 8 bytes of SHA-256 over key,
   * epoch, incarnation and the state that a table gives the member.
   */
  hashView(record: KnownRecord, stateCode: number): void {
    if (record.hashedState === stateCode) return
    const bytes = new Writer(64)
      .raw(record.publicKey)
      .varint(record.epoch)
      .varint(record.incarnation)
      .uint8(stateCode)
      .finish()
    const hash = sha256(bytes)
    const view = new DataView(hash.buffer, hash.byteOffset)
    record.hashedState = stateCode
    record.hashHigh = view.getInt32(0)
    record.hashLow = view.getInt32(4)
  }

  #among(subject: number, bytes: Uint8Array): KnownRecord | undefined {
    let record = this.#first[subject]
    while (record !== undefined && !equalBytes(record.bytes, bytes)) record = record.next
    return record
  }

  #add(subject: number, record: SignedRecord): KnownRecord {
    const known = new KnownRecord({
      subject,
      peerId: this.subjects.idOf(subject),
      publicKey: this.subjects.keyOf(subject),
      record,
      bytes: this.#pages.copy(record.bytes),
      bodies: this.#bodies,
    })
    known.next = this.#first[subject]
    this.#first[subject] = known
    this.#records += 1
    this.#liveBytes += record.bytes.length
    return known
  }

  #remove(record: KnownRecord): void {
    const { subject, next } = record
    let before = this.#first[subject]
    if (before === record) this.#first[subject] = next
    while (before !== undefined && before.next !== record) before = before.next
    if (before !== undefined) before.next = next
    this.#records -= 1
    this.#liveBytes -= record.bytes.length
  }

  /** Writes all records to new pages; the old ones go with their last view. */
  #pack(): void {
    this.#pages.startOver()
    for (const first of this.#first) {
      for (let record = first; record !== undefined; record = record.next) {
        record.moveTo(this.#pages.copy(record.bytes))
      }
    }
  }
}
