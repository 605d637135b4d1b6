import { assert } from '../base/assert.ts'
import type { PeerId } from '../base/ids.ts'
import type { Accusation } from './accusation.ts'
import { isWebSocketAddress } from './addresses.ts'
import type { Claims } from './claims.ts'
import { decodeRecord, type MemberRecord, type MemberStatus, type SignedRecord } from './record.ts'

const NO_ACCUSATIONS: readonly Accusation[] = []

/** What is decoded when somebody asks for it. */
type Body = Pick<MemberRecord, 'bootNonce' | 'rival' | 'protocol' | 'name' | 'addresses' | 'tags'>

/** How a member can be dialled, as it says: not at all, not from a page in a browser, or from there too. */
type Reach = 'none' | 'plain' | 'web'

/** Whoever looks at a member looks at several parts of it, and then at others: a few are enough. */
const BODIES_MAX = 64

/** What was decoded lately. Kept for all members it would be half of what a table takes. */
export class Bodies {
  readonly #bodies = new Map<KnownRecord, Body>()

  of(record: KnownRecord): Body {
    const known = this.#bodies.get(record)
    if (known !== undefined) return known
    const decoded = decodeRecord(record.bytes)
    assert(decoded.ok, 'a known record can be decoded')
    if (this.#bodies.size >= BODIES_MAX) this.#bodies.clear()
    const { bootNonce, rival, protocol, name, addresses, tags } = decoded.value
    const body = { bootNonce, rival, protocol, name, addresses, tags }
    this.#bodies.set(record, body)
    return body
  }
}

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
  readonly reach: Reach
  /** Tables that hold it. */
  uses = 0
  /** Another record of this subject that some table holds. */
  next: KnownRecord | undefined = undefined
  /** The view hash for one state: see {@link RecordCache.hashView}. */
  hashedState = -1
  hashHigh = 0
  hashLow = 0
  readonly #bodies: Bodies
  /** Where its bytes lie: a view of its own would take as much as they do. */
  #page: ArrayBufferLike
  #at: number
  #length: number

  constructor(options: {
    readonly subject: number
    readonly peerId: PeerId
    readonly publicKey: Uint8Array
    readonly record: SignedRecord
    /** A view of a page. */
    readonly bytes: Uint8Array
    readonly bodies: Bodies
  }) {
    const { record } = options
    this.subject = options.subject
    this.peerId = options.peerId
    this.publicKey = options.publicKey
    this.epoch = record.epoch
    this.incarnation = record.incarnation
    this.status = record.status
    this.reach = reachOf(record.addresses)
    this.#bodies = options.bodies
    this.#page = options.bytes.buffer
    this.#at = options.bytes.byteOffset
    this.#length = options.bytes.length
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.#page, this.#at, this.#length)
  }

  /** Its bytes lie on another page from now on; views that were taken stay as they are. */
  moveTo(bytes: Uint8Array): void {
    this.#page = bytes.buffer
    this.#at = bytes.byteOffset
  }

  get record(): this {
    return this
  }

  get accusations(): readonly Accusation[] {
    return NO_ACCUSATIONS
  }

  get bootNonce(): Uint8Array {
    return this.#bodies.of(this).bootNonce
  }

  get rival(): Uint8Array | undefined {
    return this.#bodies.of(this).rival
  }

  get protocol(): MemberRecord['protocol'] {
    return this.#bodies.of(this).protocol
  }

  get name(): string {
    return this.#bodies.of(this).name
  }

  get addresses(): readonly string[] {
    return this.#bodies.of(this).addresses
  }

  get tags(): MemberRecord['tags'] {
    return this.#bodies.of(this).tags
  }
}

function reachOf(addresses: readonly string[]): Reach {
  if (addresses.length === 0) return 'none'
  return addresses.some(isWebSocketAddress) ? 'web' : 'plain'
}
