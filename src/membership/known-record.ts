import { assert } from '../base/assert.ts'
import type { PeerId } from '../base/ids.ts'
import type { Accusation } from './accusation.ts'
import type { Claims } from './claims.ts'
import { decodeRecord, type MemberRecord, type MemberStatus, type SignedRecord } from './record.ts'

const NO_ACCUSATIONS: readonly Accusation[] = []

/** What is decoded when somebody asks for it. */
type Body = Pick<MemberRecord, 'protocol' | 'name' | 'addresses' | 'tags'>

/**
 * A record as tables hold it: shared by all tables of a process that know it, decoded as far as it was
 * looked at. It also is all that is claimed of a member that nobody accuses. Made by RecordCache alone.
 */
export class KnownRecord implements SignedRecord, Claims {
  readonly subject: number
  readonly peerId: PeerId
  readonly publicKey: Uint8Array
  readonly epoch: number
  readonly incarnation: number
  readonly status: MemberStatus
  /** Bytes move when pages are packed; views that were taken stay as they are. */
  bytes: Uint8Array
  /** Tables that hold it. */
  uses = 0
  /** Another record of this subject that some table holds. */
  next: KnownRecord | undefined = undefined
  /** The view hash for one state: see {@link RecordCache.hashView}. */
  hashedState = -1
  hashHigh = 0
  hashLow = 0
  #body: Body | undefined = undefined

  constructor(options: {
    readonly subject: number
    readonly peerId: PeerId
    readonly publicKey: Uint8Array
    readonly record: SignedRecord
    readonly bytes: Uint8Array
  }) {
    const { record } = options
    this.subject = options.subject
    this.peerId = options.peerId
    this.publicKey = options.publicKey
    this.epoch = record.epoch
    this.incarnation = record.incarnation
    this.status = record.status
    this.bytes = options.bytes
  }

  get record(): this {
    return this
  }

  get accusations(): readonly Accusation[] {
    return NO_ACCUSATIONS
  }

  get bootNonce(): Uint8Array {
    return this.#decode().bootNonce
  }

  get rival(): Uint8Array | undefined {
    return this.#decode().rival
  }

  get protocol(): MemberRecord['protocol'] {
    return this.#decoded().protocol
  }

  get name(): string {
    return this.#decoded().name
  }

  get addresses(): readonly string[] {
    return this.#decoded().addresses
  }

  get tags(): MemberRecord['tags'] {
    return this.#decoded().tags
  }

  #decoded(): Body {
    if (this.#body !== undefined) return this.#body
    const { protocol, name, addresses, tags } = this.#decode()
    this.#body = { protocol, name, addresses, tags }
    return this.#body
  }

  #decode(): MemberRecord {
    const record = decodeRecord(this.bytes)
    assert(record.ok, 'a known record can be decoded')
    return record.value
  }
}
